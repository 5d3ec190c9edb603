"""A creation that is not later than its object's deletion is not handled; what was deleted can come back."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.things import Thing
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import find_platform
from tests.pipeline.stage import START, Stage, created, deleted, fails, updated

pytestmark = pytest.mark.anyio

EARLIER, LATER = START - timedelta(minutes=5), START + timedelta(minutes=5)


@pytest.mark.parametrize("at", [None, EARLIER, START])
async def test_a_late_creation_after_the_deletion_is_superseded(at: object) -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(deleted("a", at=START))
        await stage.quiet()
        await stage.add(created("a", at=at))  # type: ignore[arg-type]  # of the three times
        await stage.quiet()
        assert stage.ran == [("h", "a deleted")]
        assert await stage.statuses() == ["done", "superseded"]


async def test_deletion_and_late_creation_of_one_delivery_are_told_apart_too() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(deleted("a", at=START), created("a", at=EARLIER))
        await stage.quiet()
        assert stage.ran == [("h", "a deleted")]


async def test_a_creation_later_than_the_deletion_is_handled() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(deleted("a", at=EARLIER), created("a", at=START))
        await stage.quiet()
        assert stage.ran == [("h", "a deleted"), ("h", "a created")]


async def test_a_retry_of_a_creation_is_dropped_when_its_object_was_deleted_meanwhile() -> None:
    async with Stage() as stage:
        stage.on("comment.created", name="weak", act=fails(9))
        stage.on("comment.deleted", name="other")
        added = await stage.add(created("a", at=EARLIER))
        await stage.quiet()
        await stage.add(deleted("a", at=START))
        await stage.quiet()
        await stage.pass_time(10)
        assert stage.ran == [("weak", "a created"), ("other", "a deleted")]
        attempt = await stage.attempt(added.seqs[0], "weak")
        assert (attempt.state, attempt.error) == ("superseded", "the object was deleted before this could be handled")
        assert await stage.statuses() == ["superseded", "done"]


async def test_a_later_edit_revives_what_was_deleted() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a", at=EARLIER), deleted("a", at=START))
        await stage.add(updated("a", "restored", at=LATER))
        await stage.add(updated("a", "again", at=LATER))
        await stage.quiet()
        assert [ran for _, ran in stage.ran] == ["a created", "a deleted", "a updated=restored", "a updated=again"]


async def test_an_edit_from_before_the_deletion_is_superseded() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a", at=EARLIER), deleted("a", at=START))
        await stage.add(updated("a", "old", at=EARLIER + timedelta(seconds=1)))
        await stage.quiet()
        assert await stage.statuses() == ["done", "done", "superseded"]


async def test_a_change_without_a_time_that_shows_what_we_know_is_a_repeat() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a", text="same"), updated("a", "same", version="d1"))
        await stage.add(updated("a", "same", version="d2"))
        await stage.quiet()
        assert stage.ran == [("h", "a created")]
        assert await stage.statuses() == ["done", "superseded", "superseded"]


async def test_every_change_back_and_forth_is_handled() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a", text="A"))
        for number, text in enumerate("BABB"):
            await stage.add(updated("a", text, version=f"d{number}"))
        await stage.quiet()
        assert [ran for _, ran in stage.ran] == ["a created", "a updated=B", "a updated=A", "a updated=B"]


async def test_an_event_made_by_hand_runs_whatever_is_known_of_its_object() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(deleted("a", at=START))
        await stage.add(created("a"), forced=True)
        await stage.quiet()
        assert stage.ran == [("h", "a deleted"), ("h", "a created")]


async def test_a_replay_runs_even_if_its_object_was_deleted() -> None:
    async with Stage() as stage:
        stage.on()
        added = await stage.add(created("a", at=EARLIER))
        await stage.add(deleted("a", at=START))
        await stage.quiet()
        await stage.store.replay(added.seqs, stage.clock.now())
        await stage.quiet()
        assert stage.ran == [("h", "a created"), ("h", "a deleted"), ("h", "a created")]


async def test_the_failing_of_a_deletions_handler_does_not_let_the_late_creation_through() -> None:
    async with Stage() as stage:
        stage.on("comment.deleted", name="weak", act=fails(1))
        stage.on("comment.created", name="other")
        await stage.add(deleted("a", at=START), created("a", at=EARLIER))
        await stage.quiet()
        await stage.pass_time(10)
        assert stage.ran == [("weak", "a deleted"), ("weak", "a deleted")]
        assert await stage.statuses() == ["done", "superseded"]


def test_nothing_is_known_of_a_new_thing() -> None:
    assert Thing() == Thing(kind="", text_hash=None, hidden=False, deleted_at=None, seen_at=None)


AGE = timedelta(days=30)


@pytest.mark.parametrize(
    ("kind", "times", "is_stale"),
    [
        ("comment.created", {"timestamp": START - AGE - timedelta(seconds=1)}, True),
        ("comment.created", {"timestamp": START - AGE}, False),
        ("comment.created", {}, False),
        ("comment.created", {"created_at": START - 2 * AGE}, True),
        ("comment.deleted", {"timestamp": START - 2 * AGE}, True),
        ("comment.updated", {"timestamp": START - 2 * AGE, "created_at": START - 3 * AGE}, True),
        ("comment.updated", {"created_at": START - 2 * AGE}, False),
        ("comment.updated", {"timestamp": START, "created_at": START - 2 * AGE}, False),
        ("comment.created", {"timestamp": START + 2 * AGE}, False),
    ],
)
async def test_what_is_pushed_when_repeats_of_it_are_forgotten_is_superseded(
    kind: str, times: dict[str, datetime], is_stale: bool
) -> None:
    async with Stage() as stage:
        stage.on()
        await push(stage, "a", kind, **times)
        await stage.quiet()
        assert await stage.statuses() == ["superseded" if is_stale else "done"]
        assert bool(stage.ran) is not is_stale
        assert stage.outcomes[0].thing is None or not is_stale


async def test_what_was_superseded_for_its_age_can_be_replayed_and_leaves_the_object_as_it_was() -> None:
    async with Stage() as stage:
        stage.on()
        await push(stage, "a", "comment.deleted", timestamp=START - 2 * AGE)
        await push(stage, "a", "comment.created", timestamp=START)
        await stage.quiet()
        assert stage.ran == [("h", "a created")]
        await stage.store.replay([1], START)
        await stage.quiet()
        assert stage.ran[1:] == [("h", "a deleted")]


async def push(stage: Stage, comment_id: str, kind: str, **times: datetime) -> None:
    """Post an envelope to a gateway."""
    comment: dict[str, object] = {"id": comment_id}
    if "created_at" in times:
        comment["created_at"] = times["created_at"]
    data = {"comment_id": comment_id} if kind == "comment.deleted" else {"comment": comment}
    body = {"event_type": kind, "data": data, "timestamp": times.get("timestamp")}
    credential = Credential(allow_unverified=True)
    intake = Intake(stage.store, {"generic": Source(platform=find_platform("generic"), credential=credential)})
    answer = await intake.receive(Request(body=msgspec.json.encode(body), received_at=START), "generic")
    assert answer.status == 200
