"""Redacting: another form in an event's place, and nothing of what stood beside it."""

from __future__ import annotations

import pytest
from msgspec import structs

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.redaction import ERASED, without_text
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import EventFilter, Removed, Store
from tests.stores.making import NOW, add, after, claim, dead, delivery, done, event, failed, seqs_of, status_of

pytestmark = pytest.mark.anyio


async def at(store: Store, seq: int) -> WebhookEvent:
    [found] = await store.events(EventFilter(after_seq=seq - 1, before_seq=seq + 1))
    return found


async def bare(store: Store, seq: int, lane: str | None = None) -> WebhookEvent:
    """Return a stored event without its text, and in another lane if one is named."""
    found = await at(store, seq)
    return structs.replace(without_text(found, ERASED), lane=lane or found.lane)


async def test_the_other_form_is_what_is_stored_and_the_body_is_gone(store: Store) -> None:
    one = delivery(event("c1", account="brand"), body=b"raw")
    one.headers = "{}"
    [seq] = (await store.add(one)).seqs
    other = structs.replace(await bare(store, seq), account=None)
    assert await store.redact([other]) == Removed(texts=1, bodies=1)
    found = await at(store, seq)
    assert structs.asdict(found) == structs.asdict(other)
    assert (found.text_removed, found.text) == ("erased", None)
    assert (await store.raw_body(seq), await store.headers(seq)) == (None, None)
    assert await store.events(EventFilter(account="brand")) == []


async def test_a_body_that_others_share_goes_for_them_too(store: Store) -> None:
    first, second = (await store.add(delivery(event("c1"), event("c2"), body=b"both"))).seqs
    assert (await store.redact([await bare(store, first)])).bodies == 1
    assert await store.raw_body(second) is None
    assert (await at(store, second)).text == "hello"
    later = await store.add(delivery(event("c3"), event("c4"), body=b"others"))
    assert await store.raw_body(second) is None, "another delivery never takes its place"
    assert await store.raw_body(later.seqs[0]) == b"others"


async def test_it_is_known_still_and_found_by_its_id(store: Store) -> None:
    [seq] = await add(store, event("c1"))
    await store.redact([await bare(store, seq, "instagram:erased")])
    assert (await store.add(delivery(event("c1")))).duplicates == 1
    assert [one.seq for one in await store.events(EventFilter(event_ids=(event("c1").event.event_id,)))] == [seq]
    assert await store.events(EventFilter(lane="instagram:c1")) == []


async def test_what_waits_in_its_lane_is_handled_without_its_text(store: Store) -> None:
    [seq] = await add(store, event("c1"))
    await store.redact([await bare(store, seq)])
    [claimed] = await claim(store)
    assert (claimed.event.seq, claimed.event.text) == (seq, None)


@pytest.mark.parametrize("fate", ["waiting", "held", "retrying", "dead"])
async def test_what_leaves_its_lane_runs_no_more(store: Store, fate: str) -> None:
    [seq] = await add(store, event("c1"))
    if fate != "waiting":
        [held] = await claim(store)
        await store.settle({"held": [], "retrying": [failed(held)], "dead": [dead(held)]}[fate], NOW)
    await store.redact([await bare(store, seq, "instagram:erased")])
    assert await status_of(store, seq) == "superseded"
    await store.release("w1")
    assert await claim(store, now=after(900)) == []
    assert await store.dead_letters(EventFilter()) == []


async def test_what_was_done_keeps_its_status(store: Store) -> None:
    [seq] = await add(store, event("c1"))
    await store.settle([done(one) for one in await claim(store)], NOW)
    await store.redact([await bare(store, seq, "instagram:erased")])
    assert await status_of(store, seq) == "done"
    assert (await store.counts()).by_status == {"pending": 0, "done": 1}


async def test_what_stood_behind_it_goes_on(store: Store) -> None:
    first, second = await add(store, event("c1"), event("c1", "2", event_type="comment.updated"))
    await claim(store, limit=1)
    assert await claim(store, "w2") == []
    await store.redact([await bare(store, first, "instagram:erased")])
    assert seqs_of(await claim(store, "w2")) == [second]


async def test_errors_and_what_is_known_of_objects_are_forgotten(store: Store) -> None:
    first, second = await add(store, event("c1"), event("c2"))
    held = await claim(store)
    await store.settle([dead(held[0], error="ValueError: hello"), done(held[1], thing=Thing(kind="comment"))], NOW)
    removed = await store.redact([await bare(store, first)], lanes=["instagram:c2", "instagram:c9"])
    assert (removed.errors, removed.things) == (1, 1)
    assert [attempt.error for attempt in await store.attempts(first)] == [None]
    await store.replay([second], NOW)
    [again] = await claim(store)
    assert again.thing is None


async def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    [seq] = await add(store, event("c1"))
    await store.settle([dead(one) for one in await claim(store)], NOW)
    other = await bare(store, seq, "instagram:erased")
    assert await store.redact([other], dry_run=True) == Removed(texts=1, bodies=1, errors=1)
    assert (await at(store, seq)).text == "hello"
    assert await store.raw_body(seq) == b"{}"
    assert (await store.redact([other])).errors == 1


async def test_of_an_event_that_is_not_there_nothing_is_made(store: Store) -> None:
    ghost = structs.replace(event("c1").event, seq=77)
    assert await store.redact([ghost], lanes=["nowhere"]) == Removed()
    assert await store.events(EventFilter()) == []


async def test_scrubbing_is_no_harm(store: Store) -> None:
    await add(store, event("c1"))
    await store.scrub()
    assert len(await store.events(EventFilter())) == 1
    assert len(await claim(store)) == 1
