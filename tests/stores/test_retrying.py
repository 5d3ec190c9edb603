"""Retries: they run when they are due, hold their lane for their handler, and never beside a first run of it."""

from __future__ import annotations

import pytest

from moderation_ai.stores.base import Store
from tests.stores.making import (
    NOW,
    add,
    add_changes,
    after,
    claim,
    dead,
    deferred,
    delivery,
    done,
    event,
    failed,
    seqs_of,
)

pytestmark = pytest.mark.anyio


async def test_a_retry_is_handed_out_when_it_is_due(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    await store.settle([failed(held, "h", due=after(10))], NOW)
    assert await claim(store, now=after(9.9)) == []
    [again] = await claim(store, now=after(10))
    assert (again.only, again.attempts["h"].attempts, again.event.seq) == (("h",), 1, held.event.seq)
    assert await claim(store, "w2", now=after(11)) == []


async def test_only_the_handlers_that_failed_run_again(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    outcome = failed(held, "b", "c")
    outcome.attempts = [*outcome.attempts, *done(held, "a").attempts]
    await store.settle([outcome], NOW)
    again = await claim(store, now=after(10))
    assert [set(one.only or ()) for one in again] == [{"b", "c"}]
    assert set(again[0].attempts) == {"a", "b", "c"}


async def test_a_retry_may_fail_again_and_again(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store)
    for times in range(1, 5):
        await store.settle([failed(held, due=after(10 * times), times=times)], NOW)
        [held] = await claim(store, now=after(10 * times))
        assert held.attempts["h"].attempts == times
    await store.settle([dead(held)], NOW)
    assert await claim(store, now=after(1000)) == []


async def test_next_due_is_the_earliest_retry_that_nobody_works_on(store: Store) -> None:
    assert await store.next_due(NOW) is None
    await add(store, event("c1"), event("c2"))
    first, second = await claim(store)
    await store.settle([failed(first, due=after(20)), failed(second, due=after(5))], NOW)
    assert await store.next_due(NOW) == after(5)
    await claim(store, now=after(5))
    assert await store.next_due(after(5)) == after(20)


async def test_a_retry_holds_the_lane_for_its_handler_alone(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, "slow", due=after(10), holds_until=after(60))], NOW)
    await add(store, event("c1", "2"), event("c2"))
    second, other = await claim(store)
    assert second.blocked == {"slow": after(60)}
    assert other.blocked == {}


async def test_a_retry_holds_its_lane_for_a_minute_then_later_events_pass(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(300), holds_until=after(60))], NOW)
    await add(store, event("c1", "2"))
    [second] = await claim(store, now=after(59))
    assert second.blocked == {"h": after(60)}
    await store.settle([deferred(second, now=after(59))], after(59))
    assert await claim(store, now=after(59)) == []
    [again] = await claim(store, now=after(60))
    assert (again.event.seq, again.only) == (second.event.seq, ("h",))
    await store.settle([done(again)], after(60))
    [third] = [await add(store, event("c1", "3"))]
    [passing] = await claim(store, now=after(61))
    assert ([passing.event.seq], passing.blocked) == (third, {})


async def test_what_was_put_off_runs_after_the_earlier_one_in_order(store: Store) -> None:
    seqs = await add_changes(store, 3)
    first, second, third = await claim(store)
    await store.settle([failed(first, due=after(10)), deferred(second), deferred(third)], NOW)
    ran = []
    for _ in range(3):
        [one] = await claim(store, now=after(10))
        ran.append(one.event.seq)
        await store.settle([done(one)], after(10))
    assert ran == seqs


async def test_what_was_put_off_keeps_its_order_whenever_it_was_put_off(store: Store) -> None:
    seqs = await add_changes(store, 3)
    first, second, third = await claim(store)
    await store.settle([failed(first, due=after(10)), deferred(second, now=after(9)), deferred(third)], NOW)
    ran = []
    for _ in range(3):
        [one] = await claim(store, now=after(10), limit=1)
        ran.append(one.event.seq)
        await store.settle([done(one)], after(10))
    assert ran == seqs


async def test_what_was_put_off_waits_for_one_before_it_that_fails_again(store: Store) -> None:
    await add_changes(store, 2)
    first, second = await claim(store)
    await store.settle([failed(first, due=after(10)), deferred(second)], NOW)
    [again] = await claim(store, now=after(10))
    await store.settle([failed(again, due=after(50), times=2)], after(10))
    assert await claim(store, now=after(20)) == []
    [again] = await claim(store, now=after(50))
    assert again.event.seq == first.event.seq


async def test_a_new_event_waits_for_what_was_put_off_before_it(store: Store) -> None:
    await add_changes(store, 2)
    first, second = await claim(store)
    await store.settle([done(first), deferred(second)], NOW)
    await add(store, event("c1", "third"))
    [before] = await claim(store)
    assert before.event.seq == second.event.seq
    await store.settle([done(before)], NOW)
    [third] = await claim(store)
    assert third.blocked == {}


async def test_no_lapse_of_time_lets_a_later_event_pass_what_was_put_off_and_never_ran(store: Store) -> None:
    await add_changes(store, 3)
    [first] = await claim(store, limit=1)
    await store.settle([failed(first, due=after(10), holds_until=after(60))], NOW)
    [second] = await claim(store, limit=1)
    await store.settle([deferred(second)], NOW)
    [third] = await claim(store, limit=1)
    assert third.blocked["h"] > after(86_400)


async def test_a_handler_has_one_event_of_a_lane_at_a_time_though_the_hold_of_the_earlier_is_over(store: Store) -> None:
    await add_changes(store, 2)
    first, second = await claim(store, "w1")
    await store.settle([failed(first, due=after(90), holds_until=after(60)), deferred(second)], NOW)
    [passing] = await claim(store, "w1", now=after(70))
    assert passing.event.seq == second.event.seq
    assert await claim(store, "w2", now=after(91)) == []
    await store.settle([done(passing)], after(92))
    [again] = await claim(store, "w2", now=after(92))
    assert again.event.seq == first.event.seq


async def test_an_earlier_event_does_not_wait_for_a_later_one(store: Store) -> None:
    await add_changes(store, 2)
    first, second = await claim(store)
    await store.settle([done(first), failed(second)], NOW)
    await store.replay([first.event.seq], NOW)
    [again] = await claim(store)
    assert (again.event.seq, again.blocked) == (first.event.seq, {})


async def test_a_retry_waits_while_its_lane_is_held(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(10))], NOW)
    await add(store, event("c1", "2"))
    [second] = await claim(store, "w2", now=after(5))
    assert await claim(store, "w1", now=after(10)) == []
    await store.settle([deferred(second, now=after(5))], after(11))
    assert seqs_of(await claim(store, "w1", now=after(11))) == [first.event.seq]


async def test_a_new_event_waits_while_a_retry_of_its_lane_runs(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(10))], NOW)
    [again] = await claim(store, "w1", now=after(10))
    [second] = await add(store, event("c1", "2"))
    assert await claim(store, "w2", now=after(10)) == []
    await store.settle([done(again)], after(10))
    assert seqs_of(await claim(store, "w2", now=after(10))) == [second]


async def test_a_retry_whose_worker_died_is_handed_out_again(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(10))], NOW)
    await claim(store, "w1", now=after(10))
    [second] = await add(store, event("c1", "2"))
    assert await claim(store, "w2", now=after(20)) == []
    [again] = await claim(store, "w2", now=after(41))
    assert again.only == ("h",)
    await store.settle([done(again)], after(41))
    assert seqs_of(await claim(store, "w2", now=after(41))) == [second]


async def test_a_retry_that_was_given_back_lets_its_lane_go_until_it_is_claimed(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(10))], NOW)
    await claim(store, "w1", now=after(10))
    await add(store, event("c1", "2"))
    assert await claim(store, "w2", now=after(10)) == []
    await store.release("w1")
    [again] = await claim(store, "w2", now=after(10))
    assert (again.event.seq, again.only) == (first.event.seq, ("h",))


async def test_retries_of_different_lanes_do_not_wait_for_each_other(store: Store) -> None:
    await add(store, *(event(f"c{number}") for number in range(5)))
    held = await claim(store)
    await store.settle([failed(one) for one in held], NOW)
    assert len(await claim(store, now=after(10))) == 5


async def test_a_forced_event_is_forced_again_when_it_is_retried(store: Store) -> None:
    await store.add(delivery(event("c1"), forced=True))
    [first] = await claim(store)
    await store.settle([failed(first)], NOW)
    [again] = await claim(store, now=after(10))
    assert (again.forced, again.event.source) == (True, "webhook")


async def test_counts_tell_what_waits_for_a_retry(store: Store) -> None:
    await add(store, event("c1"), event("c2"))
    first, second = await claim(store)
    await store.settle([failed(first, "a", "b"), done(second)], NOW)
    counts = await store.counts()
    assert (counts.retrying, counts.by_status) == (2, {"pending": 1, "done": 1})
    assert counts.oldest_pending_at == NOW
