"""A feed shows how a post is, not what happened to it: the first sighting is its creation, a later one its change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.stores.base import EventFilter
from tests.pipeline.stage import START, Stage, deleted, fails, sighted

pytestmark = pytest.mark.anyio

LATER = START + timedelta(minutes=5)
LAST = START + timedelta(minutes=9)


async def types_of(stage: Stage) -> list[str]:
    """Return every stored event's type, in order of arrival; a search by type must find each."""
    events = await stage.store.events(EventFilter(), newest_first=False)
    for kind in {event.event_type for event in events}:
        found = await stage.store.events(EventFilter(event_type=kind))
        assert len(found) == sum(event.event_type == kind for event in events)
    return [event.event_type for event in events]


@pytest.mark.parametrize("guess", ["created", "updated"])
async def test_what_was_not_seen_before_is_new_whatever_its_times_suggest(guess: str) -> None:
    async with Stage() as stage:
        stage.on("post.created", name="new")
        stage.on("post.updated", name="changed")
        await stage.add(sighted("v", START, guess=guess))
        await stage.quiet()
        assert stage.ran == [("new", "v created")]
        assert await types_of(stage) == ["post.created"]
        assert await stage.statuses() == ["done"]


@pytest.mark.parametrize("guess", ["created", "updated"])
@pytest.mark.parametrize("together", [True, False])
async def test_what_was_seen_before_has_changed(guess: str, together: bool) -> None:
    async with Stage() as stage:
        stage.on()
        first, second = sighted("v", START), sighted("v", LATER, "second", guess=guess)
        if together:
            await stage.add(first, second)
        else:
            await stage.add(first)
            await stage.quiet()
            await stage.add(second)
        await stage.quiet()
        assert stage.ran == [("h", "v created"), ("h", "v updated=second")]
        assert await types_of(stage) == ["post.created", "post.updated"]


async def test_the_same_state_again_is_no_news() -> None:
    async with Stage() as stage:
        stage.on()
        for _ in range(2):
            await stage.add(sighted("v", START, guess="updated"))
            await stage.quiet()
        assert stage.ran == [("h", "v created")]
        assert await types_of(stage) == ["post.created"]


async def test_what_was_deleted_and_is_seen_later_is_new_again() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(sighted("v", START), deleted("v", at=LATER), sighted("v", LAST, guess="updated"))
        await stage.quiet()
        assert stage.ran == [("h", "v created"), ("h", "v deleted"), ("h", "v created")]


async def test_a_sighting_from_before_the_deletion_is_superseded() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(deleted("v", at=LATER), sighted("v", START, guess="updated"))
        await stage.quiet()
        assert stage.ran == [("h", "v deleted")]
        assert await stage.statuses() == ["done", "superseded"]


async def test_a_retry_and_a_replay_are_what_the_first_run_was() -> None:
    async with Stage() as stage:
        stage.on("post.created", act=fails(1))
        added = await stage.add(sighted("v", START, guess="updated"))
        await stage.quiet()
        await stage.pass_time(10)
        await stage.store.replay(added.seqs, stage.clock.now())
        await stage.quiet()
        assert stage.ran == [("h", "v created")] * 3
        assert await types_of(stage) == ["post.created"]


async def test_an_event_without_a_handler_gets_its_type_too() -> None:
    async with Stage() as stage:
        await stage.add(sighted("v", START, guess="updated"))
        await stage.quiet()
        assert await types_of(stage) == ["post.created"]
        assert await stage.statuses() == ["unhandled"]
