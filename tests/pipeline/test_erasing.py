"""Erasing: what is stored about a person or an object is gone, down to the bytes of the store's files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from moderation_ai.core.acts import Target
from moderation_ai.core.decisions import read_decision
from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.events import Fact, KeyedEvent, WebhookEvent, finish, unknown_fact
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.subjects import Data
from moderation_ai.core.things import Thing
from moderation_ai.pipeline.handling.standards import default_policy
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.upkeep.erasing import Erased, Eraser
from moderation_ai.platforms import all_platforms
from moderation_ai.policy.engine import Engine
from moderation_ai.stores.base import DEAD, DONE, RETRY, Attempt, Delivery, EventFilter, EventOutcome, Store
from moderation_ai.stores.ledger import Judgement, LedgerFilter, Wanted
from tests.kinds import content_of, lasting_store
from tests.pipeline.stage import START

pytestmark = pytest.mark.anyio

ANNA, BEN = "17841405309211844", "90010087645123"
SAID = "Zwetschgendatschi for everyone"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = lasting_store(tmp_path / "store.db")
    await opened.open()
    yield opened
    await opened.close()


def fact(kind: str, object_id: str, **data: Any) -> KeyedEvent:
    return finish(
        Fact(event_type=kind, object_id=object_id, data=Data.of(data)), platform="instagram", received_at=START
    )


def comment(comment_id: str, author: str, text: str = "hello", **more: Any) -> KeyedEvent:
    fields = {"id": comment_id, "author_id": author, "author_username": f"name of {author}", "text": text, **more}
    return fact("comment.created", comment_id, comment=fields)


async def keep(store: Store, *events: KeyedEvent, body: bytes = b"{}", headers: str | None = None) -> list[int]:
    delivery = Delivery(platform="instagram", received_at=START, body=body, events=events, headers=headers)
    return list((await store.add(delivery)).seqs)


async def erase(store: Store, **named: Any) -> Erased:
    return await Eraser(store, **named).run()


async def at(store: Store, seq: int) -> WebhookEvent:
    [found] = await store.events(EventFilter(after_seq=seq - 1, before_seq=seq + 1))
    return found


def traces(store: Store, *texts: str) -> list[str]:
    """Return which texts can be read in the files or tables of a store."""
    content = content_of(store)
    assert b"instagram" in content
    return [text for text in texts if text.encode() in content]


async def handle_all(store: Store) -> None:
    """Let handlers end in every way there is, each quoting what it was given."""
    states = [DONE, DEAD, RETRY]
    for number, one in enumerate(await store.claim("w", 1000, START, 30)):
        state = states[number % 3]
        attempt = Attempt(
            seq=one.event.seq,
            handler="h",
            state=state,
            attempts=1,
            error=None if state == DONE else f"ValueError: {one.event.text} by {ANNA}",
            due_at=START,
            ran_at=START,
            lane=one.event.lane,
        )
        thing = Thing(kind="comment", text_hash="x", seen_at=START)
        await store.settle([EventOutcome(seq=one.event.seq, status=state, attempts=[attempt], thing=thing)], START)


async def test_nothing_of_a_person_can_be_read_in_the_files_any_more(store: Store) -> None:
    for number in range(300):
        author, text = (ANNA, f"{SAID} {number}") if number % 3 == 0 else (BEN, f"something else {number}")
        body = f'{{"from": {{"id": "{author}"}}, "text": "{text}"}}'.encode() * (number % 40 + 1)
        events = [comment(f"1800000{number}", author, text), comment(f"1900000{number}", BEN, f"beside {number}")]
        await keep(store, *events[: 1 + number % 2], body=body, headers=f'[["x-from", "{author}"]]')
    await handle_all(store)
    await keep(store, comment("17000001", ANNA, SAID), body=SAID.encode())
    assert traces(store, ANNA, SAID) == [ANNA, SAID]
    erased = await erase(store, author=ANNA)
    assert (erased.events, erased.objects, erased.is_scrubbed) == (101, 101, True)
    assert traces(store, ANNA, f"name of {ANNA}", SAID, "180000030", "1800000297") == []
    assert traces(store, "something else 1", "beside 1", BEN) == ["something else 1", "beside 1", BEN]
    assert (await erase(store, author=ANNA)) == Erased(is_scrubbed=True), "twice is once"


async def test_what_is_about_others_stays(store: Store) -> None:
    [hers, theirs] = [*await keep(store, comment("c1111111", ANNA, SAID)), *await keep(store, comment("c2222222", BEN))]
    before = await at(store, theirs)
    await erase(store, author=ANNA)
    assert await at(store, theirs) == before
    assert await store.raw_body(theirs) == b"{}"
    gone = await at(store, hers)
    assert (gone.event_type, gone.platform, gone.received_at, gone.text_removed) == (
        "comment.created",
        "instagram",
        START,
        "erased",
    )


async def test_a_repeat_of_what_was_erased_is_a_repeat(store: Store) -> None:
    await keep(store, comment("c1111111", ANNA, SAID))
    await erase(store, author=ANNA)
    again = Delivery(platform="instagram", received_at=START, body=b"", events=[comment("c1111111", ANNA, SAID)])
    assert (await store.add(again)).duplicates == 1
    assert traces(store, SAID) == []


async def test_what_others_did_to_what_a_person_wrote_goes_or_loses_its_reference(store: Store) -> None:
    await keep(store, comment("c1111111", ANNA, SAID))
    reply = await keep(
        store, comment("c2222222", BEN, "an answer", parent_id="c1111111"), body=b"c1111111: " + SAID.encode()
    )
    like = await keep(store, fact("reaction.created", "r1", reaction={"id": "r1", "target_id": "c1111111"}))
    report = await keep(
        store, fact("report.created", "r2", report={"id": "r2", "target_id": "c1111111", "reason": SAID})
    )
    gone = await keep(store, fact("comment.deleted", "c1111111", comment_id="c1111111"))
    odd = await keep(
        store, finish(unknown_fact(b'"c1111111"', "odd"), platform="instagram", received_at=START), body=b'"c1111111"'
    )
    erased = await erase(store, author=ANNA, platform="instagram")
    assert (erased.events, erased.mentions, erased.objects) == (3, 3, 1)
    answer = (await at(store, reply[0])).data.comment
    assert answer is not None
    assert (answer.id, answer.text, answer.parent_id) == ("c2222222", "an answer", None)
    assert (await at(store, like[0])).data.id == "r1"
    for seq in (*report, *gone):
        assert (await at(store, seq)).text_removed == "erased"
    assert [await store.raw_body(seq) for seq in (*reply, *odd)] == [None, None]
    assert traces(store, "c1111111", SAID) == []


async def test_an_object_can_be_erased_alone(store: Store) -> None:
    await keep(store, comment("c1111111", ANNA, SAID), comment("c3333333", ANNA, "stays"), body=SAID.encode())
    erased = await erase(store, object_id="c1111111")
    assert (erased.events, erased.mentions, erased.bodies) == (1, 0, 1)
    assert traces(store, "c1111111", SAID) == []
    assert traces(store, ANNA, "stays") == [ANNA, "stays"]


async def test_what_is_being_handled_or_waits_is_handled_no_more(store: Store) -> None:
    await keep(store, comment("c1111111", ANNA, SAID))
    [held] = await store.claim("w", 1, START, 30)
    await keep(store, comment("c4444444", ANNA, SAID))
    await erase(store, author=ANNA)
    attempt = Attempt(seq=held.event.seq, handler="h", state=DEAD, attempts=1, error=f"ValueError: {SAID}")
    thing = Thing(kind="comment")
    late = EventOutcome(seq=held.event.seq, status=DEAD, attempts=[attempt], thing=thing, lane=held.event.lane)
    await store.settle([late], START, worker="w")
    assert await store.claim("v", 10, START, 30) == []
    assert (await store.counts()).by_status == {"pending": 0, "superseded": 2}
    await store.scrub()
    assert traces(store, SAID, "c1111111") == []


async def test_another_platform_is_left_alone_where_one_is_named(store: Store) -> None:
    await keep(store, comment("c1111111", ANNA, SAID))
    assert (await erase(store, author=ANNA, platform="twitter")).events == 0
    assert traces(store, SAID) == [SAID]


async def test_a_dry_run_counts_the_same_and_changes_nothing(store: Store) -> None:
    for number in range(30):
        await keep(store, comment(f"c555555{number}", ANNA, SAID), comment(f"c666666{number}", BEN), body=SAID.encode())
    await handle_all(store)
    counted = await erase(store, author=ANNA, dry_run=True)
    assert traces(store, ANNA, SAID) == [ANNA, SAID]
    erased = await erase(store, author=ANNA)
    assert counted == Erased(
        **{**{name: getattr(erased, name) for name in erased.__struct_fields__}, "is_scrubbed": False}
    )
    assert erased.bodies == 30


async def test_a_number_that_is_no_id_is_left_alone(store: Store) -> None:
    [seq] = await keep(store, comment("c1111111", BEN, "I am 42 years old"), body=b'{"text": "42 years", "likes": 420}')
    await erase(store, author="42")
    assert (await at(store, seq)).text == "I am 42 years old"
    assert await store.raw_body(seq) is not None


async def test_a_store_that_others_keep_from_being_scrubbed_is_said_to_be_so(store: Store) -> None:
    class Busy:
        tries = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def scrub(self) -> None:
            self.tries += 1
            raise StoreBusy("somebody reads")

    busy = Busy()
    await keep(store, comment("c1111111", ANNA, SAID))
    erased = await erase(busy, author=ANNA)  # type: ignore[arg-type]  # it passes on what it does not refuse
    assert (erased.events, erased.is_scrubbed, busy.tries) == (1, False, 3)


@pytest.mark.parametrize("name", sorted(all_platforms()))
async def test_whoever_appears_in_what_a_platform_sends_can_be_erased(store: Store, name: str) -> None:
    platform = all_platforms()[name]
    intake = Intake(store, {name: Source(platform=platform, credential=Credential(allow_unverified=True))})
    for sample in platform.samples(START, 1):
        request = Request(body=sample.body, headers=Headers.of(sample.headers), received_at=START)
        assert (await intake.receive(request, name)).status == 200
    # A sentinel that stays, so that the files have something in them whatever is erased.
    await keep(store, comment("c7777777", "70010087645123"))
    people = {one.data.subject.author_id for one in await store.events(EventFilter()) if _has_author(one)}
    assert people
    for person in people - {"70010087645123"}:
        texts = [
            one.text
            for one in await store.events(EventFilter())
            if _has_author(one) and one.data.subject.author_id == person and one.text
        ]  # type: ignore[union-attr]
        erased = await erase(store, author=person)
        assert erased.events
        assert [text for text in traces(store, *texts) if len(text) > 8] == []
        assert [
            one
            for one in await store.events(EventFilter())
            if _has_author(one) and one.data.subject.author_id == person
        ] == []  # type: ignore[union-attr]
        if len(person) > 5:
            assert traces(store, person) == []


def _has_author(event: WebhookEvent) -> bool:
    return getattr(event.data.subject, "author_id", None) is not None


def wanted(comment_id: str, action: str = "hide", **target: Any) -> Wanted:
    return Wanted(platform="instagram", action=action, target=Target(id=comment_id, **target), version="v")


async def test_what_is_done_and_decided_about_a_persons_comment_names_them_no_more(store: Store) -> None:
    seqs = await keep(store, comment("c100001", ANNA, SAID))
    decision = Engine(default_policy()).judge("You are a worthless idiot: http://rye.example")
    judgement = Judgement(
        platform="instagram",
        object_id="c100001",
        version="a hash",
        seq=seqs[0],
        made_by="default@1",
        verdict="flag",
        decision=decision.to_json(),
        wanted=wanted("c100001", author_id=ANNA, author_username="anna_bakes"),
    )
    _, action = await store.decide(judgement, START)
    assert action is not None
    counted = await erase(store, author=ANNA, dry_run=True)
    erased = await erase(store, author=ANNA)
    assert (counted.actions, counted.decisions) == (erased.actions, erased.decisions) == (1, 1)
    left, (told,) = await store.action(action.id), await store.decisions(LedgerFilter(), limit=10)
    assert left is not None
    lane = (await at(store, seqs[0])).lane
    assert lane.startswith("instagram:erased-")
    assert (left.status, f"instagram:{left.target.id}", left.version) == ("erased", lane, "")
    assert (f"instagram:{told.object_id}", told.version, told.made_by, told.verdict) == (lane, "", "default@1", "flag")
    assert told.decision is not None
    assert b"rye.example" in decision.to_json()
    assert b"rye.example" not in told.decision
    kept = read_decision(told.decision)
    assert [each.rule for each in kept.findings] == [each.rule for each in decision.findings]
    assert await store.claim_actions("w", 10, START, 30) == []
    assert (await erase(store, author=ANNA)).actions == 0


async def test_what_is_open_on_others_comments_names_the_person_no_more(store: Store) -> None:
    await keep(store, comment("c200001", BEN, "To you, Anna", parent_id="c100001"), comment("c100001", ANNA))
    action = await store.want(wanted("c200001", author_id=BEN, parent_id="c100001"), START)
    assert (await erase(store, author=ANNA)).actions == 1
    left = await store.action(action.id)
    assert left is not None
    assert (left.status, left.target) == ("open", Target(id="c200001", author_id=BEN))


async def test_who_moderated_is_forgotten_and_what_they_decided_is_not(store: Store) -> None:
    judgement = Judgement(
        platform="instagram",
        object_id="c200001",
        version="v",
        made_by=f"instagram:{ANNA}",
        by_person=True,
        verdict="approve",
    )
    await store.decide(judgement, START)
    assert (await erase(store, author=ANNA)).decisions == 1
    (told,) = await store.decisions(LedgerFilter(), limit=10)
    assert (told.made_by, told.object_id, told.verdict) == ("instagram:erased", "c200001", "approve")


async def test_nothing_of_an_erased_action_stands_in_the_stores_files(store: Store) -> None:
    await keep(store, comment("c100001", ANNA, SAID))
    reply = wanted("c100001", "reply", author_id=ANNA, author_username="anna_bakes")
    await store.want(msgspec.structs.replace(reply, text=SAID), START)
    await erase(store, object_id="c100001")
    content = content_of(store)
    assert all(each not in content for each in (b"anna_bakes", b"c100001", SAID.encode()))
