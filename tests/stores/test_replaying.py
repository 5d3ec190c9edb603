"""Replays and dead letters: events run again whatever came of them, or are given up for good."""

from __future__ import annotations

import pytest

from moderation_ai.core.things import Thing
from moderation_ai.stores.base import DEAD, DONE, RETRY, EventFilter, EventOutcome, Store
from tests.stores.making import NOW, add, after, claim, dead, done, event, failed, seqs_of, status_of

pytestmark = pytest.mark.anyio

ALL = EventFilter()


async def finished(store: Store, *comments: str) -> list[int]:
    """Add and settle an event for each of the comments."""
    seqs = await add(store, *(event(comment) for comment in comments))
    await store.settle([done(one) for one in await claim(store)], NOW)
    return seqs


async def test_a_replayed_event_runs_again_by_all_handlers(store: Store) -> None:
    [seq] = await finished(store, "c1")
    assert await store.replay([seq], NOW) == 1
    assert await status_of(store, seq) == "pending"
    [again] = await claim(store)
    assert (again.event.seq, again.event.source, again.forced) == (seq, "replay", True)
    assert (again.only, again.attempts) == (None, {})
    await store.settle([done(again)], NOW)
    assert await status_of(store, seq) == "done"
    [stored] = await store.events(ALL)
    assert stored.source == "webhook", "the event itself did not come by a replay"


async def test_a_replay_by_one_handler_runs_that_one_alone(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([done(held, "a", "b")], NOW)
    assert await store.replay([held.event.seq], after(5), handlers=["b"]) == 1
    assert await status_of(store, held.event.seq) == "pending"
    assert await claim(store, now=after(4)) == []
    [again] = await claim(store, now=after(5))
    assert (again.only, again.forced, again.event.source) == (("b",), True, "replay")
    assert (again.attempts["b"].attempts, again.attempts["b"].error, again.attempts["a"].state) == (0, None, DONE)
    await store.settle([done(again)], NOW)
    assert await status_of(store, held.event.seq) == "done"


async def test_a_handler_that_never_saw_an_event_can_be_given_it(store: Store) -> None:
    [seq] = await finished(store, "c1")
    await store.replay([seq], NOW, handlers=["new"])
    [again] = await claim(store)
    assert again.only == ("new",)


async def test_a_replay_that_fails_is_retried_as_a_replay(store: Store) -> None:
    [seq] = await finished(store, "c1")
    await store.replay([seq], NOW)
    [again] = await claim(store)
    await store.settle([failed(again)], NOW)
    [once_more] = await claim(store, now=after(10))
    assert (once_more.event.seq, once_more.event.source, once_more.forced) == (seq, "replay", True)


async def test_what_waits_or_runs_is_not_replayed(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c2"))
    await claim(store, limit=1)
    assert await store.replay([*seqs, 999], NOW) == 0
    assert await store.replay(seqs, NOW, handlers=["h"]) == 0
    assert seqs_of(await claim(store)) == seqs[1:]


async def test_what_waits_for_its_retry_can_be_replayed(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held, "a", "b", due=after(500))], NOW)
    assert await store.replay([held.event.seq], NOW, handlers=["a"]) == 1
    [again] = await claim(store)
    assert again.only == ("a",)
    await store.settle([done(again)], NOW)
    assert await status_of(store, held.event.seq) == "pending", "the other handler still waits"
    assert await store.replay([held.event.seq], NOW) == 1
    [again] = await claim(store)
    assert (again.only, again.attempts) == (None, {})
    await store.settle([done(again)], NOW)
    assert await claim(store, now=after(500)) == []


async def test_a_retry_that_runs_is_left_alone(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    both = [*failed(held, "a").attempts, *failed(held, "b", due=after(500)).attempts]
    await store.settle([EventOutcome(seq=held.event.seq, status=RETRY, attempts=both)], NOW)
    [running] = await claim(store, now=after(10))
    assert running.only == ("a",)
    assert await store.replay([held.event.seq], after(10)) == 0
    assert await store.replay([held.event.seq], after(10), handlers=["a"]) == 0
    assert await claim(store, "w2", now=after(10)) == []
    assert await store.replay([held.event.seq], after(10), handlers=["a", "b"]) == 1, "the other handler can"
    [other] = await claim(store, "w2", now=after(10))
    assert other.only == ("b",)


async def test_a_replay_keeps_the_order_of_its_lane(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c1", "2"))
    await store.settle([done(one) for one in await claim(store)], NOW)
    await store.replay(seqs[::-1], NOW)
    assert seqs_of(await claim(store)) == seqs


async def test_a_replay_waits_while_a_later_event_of_the_lane_is_held(store: Store) -> None:
    [first] = await finished(store, "c1")
    await add(store, event("c1", "2"))
    [second] = await claim(store)
    await store.replay([first], NOW)
    assert await claim(store, "w2") == []
    await store.settle([done(second)], NOW)
    assert seqs_of(await claim(store, "w2")) == [first]


async def test_a_replay_that_waits_for_a_later_event_goes_on_when_that_is_given_back(store: Store) -> None:
    [first] = await finished(store, "c1")
    [second] = await add(store, event("c1", "2"))
    await claim(store, "w1")
    await store.replay([first], NOW)
    assert await claim(store, "w2") == []
    await store.release("w1")
    assert seqs_of(await claim(store, "w2")) == [first, second]


async def test_a_replay_knows_what_is_known_now(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    known = Thing(kind="comment", deleted_at=after(1))
    await store.settle([done(held, thing=known)], NOW)
    await store.replay([held.event.seq], NOW)
    [again] = await claim(store)
    assert again.thing == known


async def test_dead_letters_tell_handler_attempts_and_cause(store: Store) -> None:
    await add(store, event("c1"), event("c2"), event("c3"))
    first, second, third = await claim(store)
    await store.settle([dead(first, "a", "KeyError: 'x'"), done(second), dead(third, "b", "ValueError: no")], NOW)
    letters = await store.dead_letters(ALL)
    assert [(letter.event.seq, letter.handler, letter.error) for letter in letters] == [
        (third.event.seq, "b", "ValueError: no"),
        (first.event.seq, "a", "KeyError: 'x'"),
    ]
    assert [(letter.attempts, letter.ran_at, letter.event.status) for letter in letters] == [(1, NOW, "dead")] * 2
    assert len(await store.dead_letters(ALL, limit=1)) == 1
    assert await store.dead_letters(ALL, limit=0) == []
    assert len(await store.dead_letters(EventFilter(lane="instagram:c1"))) == 1
    assert (await store.counts()).dead_letters == 2


async def test_a_dead_letter_that_is_replayed_is_none_any_more(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([dead(held)], NOW)
    await store.replay([held.event.seq], NOW, handlers=["h"])
    assert await store.dead_letters(ALL) == []
    [again] = await claim(store)
    await store.settle([done(again)], NOW)
    assert await status_of(store, held.event.seq) == "done"
    assert (await store.counts()).by_status == {"pending": 0, "done": 1}


async def test_an_event_whose_dead_letters_are_dropped_is_done(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    outcome = EventOutcome(
        seq=held.event.seq, status=DEAD, attempts=[*dead(held, "a").attempts, *dead(held, "b").attempts]
    )
    await store.settle([outcome], NOW)
    assert await store.drop([held.event.seq], handlers=["a", "unknown"]) == 1
    assert await status_of(store, held.event.seq) == "dead"
    assert [letter.handler for letter in await store.dead_letters(ALL)] == ["b"]
    assert await store.drop([held.event.seq, 999]) == 1
    assert await status_of(store, held.event.seq) == "done"
    assert await store.dead_letters(ALL) == []
    assert [attempt.state for attempt in await store.attempts(held.event.seq)] == ["dropped", "dropped"]
    assert await store.drop([held.event.seq]) == 0
    assert (await store.counts()).by_status == {"pending": 0, "done": 1}


async def test_dropping_a_dead_letter_leaves_the_other_handlers_retry(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    both = [*dead(held, "a").attempts, *failed(held, "b").attempts]
    await store.settle([EventOutcome(seq=held.event.seq, status=RETRY, attempts=both)], NOW)
    assert await store.drop([held.event.seq]) == 1
    assert await status_of(store, held.event.seq) == "pending"
    [again] = await claim(store, now=after(10))
    await store.settle([done(again)], NOW)
    assert await status_of(store, held.event.seq) == "done"


async def test_what_was_dropped_can_be_replayed(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([dead(held)], NOW)
    await store.drop([held.event.seq])
    assert await store.replay([held.event.seq], NOW, handlers=["h"]) == 1
    assert len(await claim(store)) == 1


async def test_many_events_are_replayed_in_one_step(store: Store) -> None:
    seqs = await finished(store, *(f"c{number}" for number in range(50)))
    assert await store.replay(seqs, NOW) == 50
    assert seqs_of(await claim(store)) == seqs
