"""Claiming under a lease: lanes keep their order, nobody gets what another one holds, the dead lose what they held."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.core.things import Thing
from moderation_ai.stores.base import Claimed, EventOutcome, Store
from moderation_ai.stores.sqlite.leases import UNPARKED
from tests.stores.making import NOW, add, add_changes, after, claim, deferred, done, event, failed, seqs_of, status_of

pytestmark = pytest.mark.anyio


async def test_events_are_handed_out_in_the_order_of_arrival(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c2"), event("c1", "2"), event("c3"))
    claimed = await claim(store)
    assert seqs_of(claimed) == seqs
    assert [one.event.status for one in claimed] == ["pending"] * 4
    assert all(one.only is None and one.attempts == {} and one.blocked == {} for one in claimed)


async def test_no_more_are_handed_out_than_asked_for(store: Store) -> None:
    seqs = await add(store, *(event(f"c{number}") for number in range(5)))
    assert seqs_of(await claim(store, limit=2)) == seqs[:2]
    assert seqs_of(await claim(store, limit=2)) == seqs[2:4]
    assert seqs_of(await claim(store, limit=2)) == seqs[4:]
    assert await claim(store) == []


async def test_a_limit_of_nothing_gives_nothing(store: Store) -> None:
    await add(store, event("c1"))
    assert await claim(store, limit=0) == []
    assert len(await claim(store)) == 1


async def test_several_events_of_a_lane_go_to_one_worker_in_order(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c2"), event("c1", "2"), event("c1", "3"))
    first, second = await asyncio.gather(claim(store, "w1"), claim(store, "w2"))
    assert sorted([seqs_of(first), seqs_of(second)]) == [[], seqs]


async def test_a_lane_that_another_worker_holds_is_not_handed_out(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store, "w1")
    later = await add(store, event("c1", "2"), event("c2"), event("c1", "3"))
    assert seqs_of(await claim(store, "w2")) == [later[1]]
    assert await claim(store, "w2") == []
    await store.settle([done(first)], NOW)
    assert seqs_of(await claim(store, "w2")) == [later[0], later[2]]


async def test_not_even_the_holder_gets_the_next_of_a_lane_before_it_settled(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    [second] = await add(store, event("c1", "2"))
    assert await claim(store) == []
    await store.settle([done(first)], NOW)
    assert seqs_of(await claim(store)) == [second]


async def test_what_waits_behind_goes_on_only_when_all_before_it_is_settled(store: Store) -> None:
    await add(store, event("c1"), event("c1", "2"))
    first, second = await claim(store, "w1")
    [third] = await add(store, event("c1", "3"))
    await store.settle([done(first)], NOW)
    assert await claim(store, "w2") == []
    await store.settle([done(second)], NOW)
    assert seqs_of(await claim(store, "w2")) == [third]


async def test_a_hot_lane_of_thousands_stays_in_order(store: Store) -> None:
    seqs = [*await add(store, event("c1", "first", event_type="comment.updated")), *await add_changes(store, 2000)]
    [other] = await add(store, event("c2"))
    held = await claim(store, "w1", limit=1)
    assert seqs_of(await claim(store, "w2", limit=10)) == [other], "the others of the hot lane are put aside"
    ran = []
    while held:
        for one in held:
            ran.append(one.event.seq)
            await store.settle([done(one)], NOW)
        held = await claim(store, f"w{len(ran) % 2}", limit=UNPARKED - 7)
    assert ran == seqs


async def test_a_hot_lane_stays_in_order_while_workers_come_and_go(store: Store) -> None:
    seqs = await add_changes(store, 700)
    ran: list[int] = []
    for turn in range(50):
        mine, others = f"w{turn}", f"w{turn + 1}"
        held = await claim(store, mine, limit=30)
        assert await claim(store, others, limit=30) == []
        for one in held[:20]:
            await store.settle([done(one)], NOW)
            ran.append(one.event.seq)
        await store.release(mine)
    assert ran == seqs


async def test_a_released_event_can_be_claimed_at_once(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c1", "2"))
    await claim(store, "w1")
    await store.release("w1")
    assert seqs_of(await claim(store, "w2")) == seqs
    assert await store.workers() == ["w2"]


async def test_releasing_one_worker_leaves_the_others_what_they_hold(store: Store) -> None:
    [first] = await add(store, event("c1"))
    await claim(store, "w1")
    [second] = await add(store, event("c2"))
    await claim(store, "w2")
    [third] = await add(store, event("c1", "2"))
    assert await claim(store, "w3") == []
    await store.release("w2")
    assert seqs_of(await claim(store, "w3")) == [second]
    await store.release("w1")
    held = await claim(store, "w3")
    await store.settle([done(one) for one in held], NOW)
    assert seqs_of(held) + seqs_of(await claim(store, "w3")) == [first, third]


async def test_releasing_who_holds_nothing_is_no_matter(store: Store) -> None:
    await store.release("nobody")
    assert await store.workers() == []


async def test_a_worker_that_stopped_claiming_loses_what_it_held(store: Store) -> None:
    seqs = await add(store, event("c1"), event("c2"))
    await claim(store, "w1")
    assert await claim(store, "w2", now=after(30)) == []
    assert seqs_of(await claim(store, "w2", now=after(30.1))) == seqs
    assert await store.workers() == ["w2"]


async def test_every_claim_renews_the_lease_on_all_that_is_held(store: Store) -> None:
    await add(store, event("c1"))
    await claim(store, "w1")
    assert await claim(store, "w1", now=after(25)) == [], "there is nothing more, but it shows that it lives"
    assert await claim(store, "w2", now=after(50)) == []
    assert len(await claim(store, "w2", now=after(56))) == 1


async def test_a_claim_of_nothing_renews_the_lease_too(store: Store) -> None:
    await add(store, event("c1"))
    await claim(store, "w1")
    await claim(store, "w1", limit=0, now=after(25))
    assert await claim(store, "w2", now=after(50)) == []


async def test_a_worker_does_not_lose_by_its_own_claim_what_it_held_too_long(store: Store) -> None:
    await add(store, event("c1"))
    [held] = await claim(store, "w1")
    assert await claim(store, "w1", now=after(100)) == []
    await store.settle([done(held)], after(100), worker="w1")
    assert await status_of(store, held.event.seq) == "done"


async def test_idle_workers_leave_no_trace(store: Store) -> None:
    for number in range(5):
        assert await claim(store, f"idle{number}") == []
    assert await store.workers() == []


async def test_workers_of_the_past_are_forgotten(store: Store) -> None:
    for number in range(5):
        [seq] = await add(store, event(f"c{number}"))
        [held] = await claim(store, f"w{number}", now=after(number * 100))
        await store.settle([done(held)], NOW)
        assert held.event.seq == seq
    assert await store.workers() == ["w4"]


async def test_an_event_brings_what_is_known_of_its_object(store: Store) -> None:
    await add(store, event("c1"), event("c2"))
    first, _ = await claim(store)
    known = Thing(kind="comment", hidden=True, deleted_at=after(-5), seen_at=NOW)
    await store.settle([done(first, thing=known)], NOW)
    await add(store, event("c1", "2"), event("c3"))
    changed, unseen = await claim(store)
    assert changed.thing == known
    assert unseen.thing is None


async def claim_in_vain(store: Store) -> None:
    """Claim one event for ``w1``, and be gone before the answer comes."""
    task = asyncio.ensure_future(claim(store, "w1", limit=1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_claim_that_nobody_waits_for_any_more_leaves_the_event_free(store: Store) -> None:
    await add(store, event("c1"), event("c2"))
    await claim_in_vain(store)
    held: list[Claimed] = []
    async with asyncio.timeout(60):  # Else the lease on it would be renewed for ever, and nobody would handle it.
        while len(held) < 2:
            held += await claim(store, "w1")
            await asyncio.sleep(0.001)
    assert len(set(seqs_of(held))) == 2


async def test_what_nobody_waits_for_is_given_back_and_nothing_else(store: Store) -> None:
    for number in range(10):
        await add(store, event(f"a{number}"), event(f"b{number}"))
        await claim_in_vain(store)
        held: list[Claimed] = []
        async with asyncio.timeout(60):
            while len(set(seqs_of(held))) < 2:
                held += await claim(store, "w1")
        held += await claim(store, "w1")
        assert len(held) == 2, "one of them was handed out twice"
        await store.settle([done(one) for one in held], NOW)


async def test_a_cancelled_claim_of_a_retry_leaves_it_free_too(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first, due=after(10))], NOW)
    task = asyncio.ensure_future(claim(store, "w1", now=after(10)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held: list[Claimed] = []
    async with asyncio.timeout(60):
        while not held:
            held += await claim(store, "w2", now=after(10))
            await asyncio.sleep(0.001)
    assert [one.only for one in held] == [("h",)]


async def test_retries_leave_room_for_what_is_new(store: Store) -> None:
    await add(store, *(event(f"old{number}") for number in range(20)))
    await store.settle([failed(one, due=NOW) for one in await claim(store)], NOW)
    await add(store, *(event(f"new{number}") for number in range(20)))
    claimed = await claim(store, limit=10)
    assert [one.only is None for one in claimed] == [False] * 5 + [True] * 5
    await store.settle([done(one) for one in claimed], NOW)
    assert len(await claim(store, "w2", limit=100)) == 30


async def test_retries_fill_the_room_where_nothing_is_new(store: Store) -> None:
    await add(store, *(event(f"c{number}") for number in range(20)))
    await store.settle([failed(one, due=NOW) for one in await claim(store)], NOW)
    assert len(await claim(store, limit=10)) == 10
    assert len(await claim(store, limit=15)) == 10


async def test_thousands_can_be_claimed_and_settled_at_once(store: Store) -> None:
    await add(store, event("c1"))
    seqs = await add_changes(store, 40_000, comment="hot")
    claimed = await claim(store, limit=50_000)
    assert seqs_of(claimed)[1:] == seqs
    await store.settle([EventOutcome(seq=one.event.seq, status="done", lane=one.event.lane) for one in claimed], NOW)
    assert (await store.counts()).by_status == {"pending": 0, "done": 40_001}


async def test_an_event_that_was_put_off_goes_before_later_ones_even_by_a_slow_clock(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([deferred(first, now=after(5))], NOW)
    await add(store, event("c1", "2"))
    [second] = await claim(store, now=NOW)
    assert second.blocked["h"] > NOW
