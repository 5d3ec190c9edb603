"""Settling: what came of an event is recorded once, by the one who holds it."""

from __future__ import annotations

import msgspec
import pytest

from moderation_ai.core.errors import StoreError
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import (
    DEAD,
    DONE,
    RETRY,
    SUPERSEDED,
    UNHANDLED,
    Attempt,
    EventFilter,
    EventOutcome,
    Store,
)
from tests.stores.making import NOW, add, after, claim, dead, done, event, failed, seqs_of, status_of

pytestmark = pytest.mark.anyio


async def test_attempts_are_kept_by_handler(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    seq, lane = held.event.seq, held.event.lane
    attempts = [
        Attempt(seq=seq, handler="a", state=DONE, attempts=1, ran_at=NOW),
        Attempt(
            seq=seq,
            handler="b",
            state=RETRY,
            attempts=2,
            error="ValueError: no",
            due_at=after(8),
            holds_until=after(60),
            lane=lane,
            ran_at=after(1),
        ),
    ]
    await store.settle([EventOutcome(seq=seq, status=RETRY, attempts=attempts, lane=lane)], NOW)
    assert await store.attempts(seq) == attempts
    assert await store.attempts(seq + 1) == []


@pytest.mark.parametrize("status", [DONE, DEAD, SUPERSEDED, UNHANDLED])
async def test_an_event_has_the_status_that_its_outcome_says(store: Store, status: str) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([EventOutcome(seq=held.event.seq, status=status, lane=held.event.lane)], NOW)
    assert await status_of(store, held.event.seq) == status
    assert (await store.counts()).by_status == {"pending": 0, status: 1}
    assert await claim(store) == []


async def test_an_event_is_pending_while_a_handler_is_to_run_again(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held)], NOW)
    assert await status_of(store, held.event.seq) == "pending"
    [again] = await claim(store, now=after(10))
    await store.settle([done(again)], after(10))
    assert await status_of(store, held.event.seq) == "done"


async def test_an_event_is_dead_if_one_handler_is_once_all_others_ended(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    outcome = EventOutcome(
        seq=held.event.seq,
        status=RETRY,
        attempts=[*dead(held, "a").attempts, *failed(held, "b").attempts],
        lane=held.event.lane,
    )
    await store.settle([outcome], NOW)
    assert await status_of(store, held.event.seq) == "pending"
    assert [letter.handler for letter in await store.dead_letters(EventFilter())] == ["a"]
    [again] = await claim(store, now=after(10))
    assert (again.only, again.attempts["a"].state) == (("b",), DEAD)
    await store.settle([done(again)], after(10))
    assert await status_of(store, held.event.seq) == "dead"


async def test_handlers_of_one_event_that_two_workers_retry_end_it_together(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held, "a", "b")], NOW)
    await store.settle([], NOW)
    [first] = await claim(store, "w1", limit=1, now=after(10))
    [second] = await claim(store, "w2", limit=1, now=after(10))
    assert {first.only, second.only} == {("a",), ("b",)}
    # Neither knows what came of the other: each still sees it waiting for its retry.
    unknowing = [EventOutcome(seq=held.event.seq, status=RETRY, attempts=done(one).attempts) for one in (first, second)]
    await store.settle([unknowing[0]], after(10), worker="w1")
    assert await status_of(store, held.event.seq) == "pending"
    await store.settle([unknowing[1]], after(10), worker="w2")
    assert await status_of(store, held.event.seq) == "done"
    assert (await store.counts()).by_status == {"pending": 0, "done": 1}


async def test_what_all_retries_found_superseded_is_superseded(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held, "a", "b")], NOW)
    [again] = await claim(store, now=after(10))
    ended = [Attempt(seq=held.event.seq, handler=name, state=SUPERSEDED, attempts=1) for name in again.only or ()]
    await store.settle([EventOutcome(seq=held.event.seq, status=SUPERSEDED, attempts=ended)], after(10))
    assert await status_of(store, held.event.seq) == "superseded"


async def test_settling_twice_changes_nothing(store: Store) -> None:
    await add(store, event("c1"), event("c1", "2"))
    first, _ = await claim(store)
    await store.settle([done(first)], NOW)
    await store.settle([failed(first)], NOW)
    await store.settle([dead(first), dead(first)], NOW)
    assert await status_of(store, first.event.seq) == "done"
    assert [attempt.state for attempt in await store.attempts(first.event.seq)] == [DONE]
    assert (await store.counts()).by_status == {"pending": 1, "done": 1}
    assert await claim(store, "w2", now=after(20)) == [], "the second event is still held"


async def test_who_lost_its_lease_changes_nothing(store: Store) -> None:
    await add(store, event("c1"))
    [slow] = await claim(store, "w1")
    [quick] = await claim(store, "w2", now=after(31))
    await store.settle([dead(slow)], after(32), worker="w1")
    assert await status_of(store, slow.event.seq) == "pending"
    assert await claim(store, "w3", now=after(32)) == [], "the other one still holds it"
    await store.settle([done(quick, thing=Thing(kind="comment"))], after(33), worker="w2")
    await store.settle([failed(slow)], after(34), worker="w1")
    assert await status_of(store, slow.event.seq) == "done"
    assert await claim(store, "w3", now=after(100)) == []


async def test_who_lost_the_lease_of_a_retry_changes_nothing(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held)], NOW)
    [slow] = await claim(store, "w1", now=after(10))
    [quick] = await claim(store, "w2", now=after(41))
    await store.settle([done(slow)], after(42), worker="w1")
    assert [attempt.state for attempt in await store.attempts(held.event.seq)] == [RETRY]
    await store.settle([dead(quick)], after(43), worker="w2")
    assert await status_of(store, held.event.seq) == "dead"


async def test_a_late_outcome_does_not_use_up_a_replay(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store, "w1")
    await store.settle([done(held)], NOW, worker="w1")
    await store.replay([held.event.seq], NOW)
    await store.settle([done(held)], NOW, worker="w1")
    assert seqs_of(await claim(store, "w2")) == [held.event.seq]


async def test_what_was_never_stored_cannot_be_settled(store: Store) -> None:
    await store.settle([EventOutcome(seq=77, status=DONE, lane="instagram:c1")], NOW)
    assert (await store.counts()).total == 0
    assert await store.attempts(77) == []


async def test_an_outcome_that_says_nothing_forgets_nothing(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store, "w1")
    await store.settle([EventOutcome(seq=held.event.seq, status=RETRY, lane=held.event.lane)], NOW)
    assert len(await claim(store, "w2", now=after(31))) == 1


async def test_a_state_that_does_not_exist_is_refused_and_nothing_is_settled(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    odd = Attempt(seq=held.event.seq, handler="h", state="odd")
    with pytest.raises(StoreError):
        await store.settle([EventOutcome(seq=held.event.seq, status=DONE, attempts=[odd])], NOW)
    await store.settle([done(held)], NOW)
    assert await status_of(store, held.event.seq) == "done"


async def test_lanes_go_on_though_an_outcome_does_not_name_its_lane(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    [second] = await add(store, event("c1", "2"))
    assert await claim(store) == []
    await store.settle([EventOutcome(seq=first.event.seq, status=DONE)], NOW)
    assert seqs_of(await claim(store)) == [second]


async def test_the_last_of_several_outcomes_of_a_lane_says_what_is_known_of_the_object(store: Store) -> None:
    await add(store, event("c1"), event("c1", "2"))
    first, second = await claim(store)
    things = [Thing(kind="comment", text_hash="a"), Thing(kind="comment", text_hash="b")]
    await store.settle([done(one, thing=thing) for one, thing in zip((first, second), things, strict=True)], NOW)
    await add(store, event("c1", "3"))
    [third] = await claim(store)
    assert third.thing == things[1]


async def test_a_type_that_was_corrected_is_stored_and_found_and_nothing_else_of_the_event_changes(
    store: Store,
) -> None:
    seen = event("c1", text='Straße "\\ \u2028 \x00')
    seen.event.sighting = True
    [seq] = await add(store, seen)
    [held] = await claim(store)
    await store.settle([msgspec.structs.replace(done(held), event_type="comment.updated")], NOW)
    [found] = await store.events(EventFilter(event_type="comment.updated"))
    assert await store.events(EventFilter(event_type="comment.created")) == []
    assert (found.seq, found.event_type, found.sighting, found.status) == (seq, "comment.updated", False, "done")
    expected = msgspec.structs.replace(held.event, event_type="comment.updated", sighting=False, status="done")
    assert found == expected
