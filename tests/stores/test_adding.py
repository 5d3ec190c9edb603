"""Adding deliveries: each event once, in the order of arrival, with its body."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from moderation_ai.core.errors import StoreError
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import EventFilter, Store
from tests.stores.making import NOW, add, add_changes, after, claim, delivery, done, event, failed, seqs_of

pytestmark = pytest.mark.anyio


async def test_what_was_added_is_there_when_add_returns(store: Store) -> None:
    added = await store.add(delivery(event("c1")))
    assert (added.new, added.duplicates) == (1, 0)
    assert added.seqs == added.fresh
    [found] = await store.events(EventFilter())
    assert (found.seq, found.status, found.lane) == (added.seqs[0], "pending", "instagram:c1")


async def test_an_event_comes_back_as_it_was_added(store: Store) -> None:
    keyed = event("c1", text="Grüße 🍞 \u0000 \u202e")
    await store.add(delivery(keyed))
    [found] = await store.events(EventFilter())
    assert structs.asdict(found) == structs.asdict(keyed.event) | {"seq": found.seq}


async def test_the_same_event_in_a_later_delivery_is_a_duplicate(store: Store) -> None:
    [seq] = await add(store, event("c1"))
    again = await store.add(delivery(event("c1")))
    assert (again.new, again.duplicates, again.seqs, again.fresh) == (0, 1, (seq,), ())


async def test_the_same_event_twice_in_one_delivery_is_one(store: Store) -> None:
    added = await store.add(delivery(event("c1"), event("c2"), event("c1")))
    assert (added.new, added.duplicates) == (2, 1)
    assert added.seqs == (*added.fresh, added.seqs[0])
    assert len(await store.events(EventFilter())) == 2


async def test_the_same_event_from_many_tasks_at_once_is_one(store: Store) -> None:
    added = await asyncio.gather(*(store.add(delivery(event(f"c{number % 10}"))) for number in range(300)))
    assert sum(one.new for one in added) == 10
    assert sum(one.duplicates for one in added) == 290
    assert len({one.seqs for one in added}) == 10
    assert len(await store.events(EventFilter())) == 10


async def test_single_and_several_events_mix_in_one_batch(store: Store) -> None:
    single = [store.add(delivery(event(f"c{number}"))) for number in range(5)]
    several = [store.add(delivery(*(event(f"c{number}") for number in range(start, 8)))) for start in range(8)]
    added = await asyncio.gather(*single, *several)
    assert sum(one.new for one in added) == 8
    found = {one.lane: one.seq for one in await store.events(EventFilter())}
    for one, start in zip(added[5:], range(8), strict=True):
        assert one.seqs == tuple(found[f"instagram:c{number}"] for number in range(start, 8))


async def test_seq_grows_with_arrival(store: Store) -> None:
    seqs = await add(store, *(event(f"c{number}") for number in range(5)))
    batch = await asyncio.gather(*(store.add(delivery(event(f"d{number}"))) for number in range(200)))
    assert seqs + [one.seqs[0] for one in batch] == sorted(seqs + [one.seqs[0] for one in batch])


async def test_events_of_one_delivery_keep_their_order_and_their_body_once(store: Store) -> None:
    events = [event(f"c{number}") for number in range(3)]
    added = await store.add(delivery(*events, body=b'{"entry": [1, 2, 3]}'))
    assert list(added.seqs) == sorted(added.seqs)
    assert [await store.raw_body(seq) for seq in added.seqs] == [b'{"entry": [1, 2, 3]}'] * 3


async def test_a_partly_known_delivery_adds_what_is_new_with_its_body(store: Store) -> None:
    await store.add(delivery(event("c1"), body=b"first"))
    added = await store.add(delivery(event("c1"), event("c2"), event("c3"), body=b"second"))
    assert (added.new, added.duplicates, len(added.seqs), len(added.fresh)) == (2, 1, 3, 2)
    assert [await store.raw_body(seq) for seq in added.seqs] == [b"first", b"second", b"second"]


async def test_a_body_is_kept_to_the_byte(store: Store) -> None:
    body = bytes(range(256)) * 5000
    added = await store.add(delivery(event("c1"), body=body))
    assert await store.raw_body(added.seqs[0]) == body
    assert await store.raw_body(added.seqs[0] + 1) is None


async def test_a_delivery_without_events_leaves_nothing(store: Store) -> None:
    added = await store.add(delivery())
    assert (added.new, added.duplicates, added.seqs) == (0, 0, ())


async def test_what_cannot_be_stored_is_refused_and_hurts_nobody_else(store: Store) -> None:
    odd = event("odd")
    odd.key = object()  # type: ignore[assignment]  # what a store cannot bind
    adding = [store.add(delivery(event(f"c{number}"))) for number in range(40)]
    adding.insert(20, store.add(delivery(odd)))
    results = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(result) for result in results if isinstance(result, BaseException)] == [StoreError]
    assert isinstance(results[20], StoreError)
    assert len(await store.events(EventFilter())) == 40


async def test_a_caller_may_have_new_events_at_once(store: Store) -> None:
    added = await store.add(delivery(event("c1"), event("c2"), event("c1", "2")), worker="w1")
    assert [one.event.lane for one in added.leased] == ["instagram:c1", "instagram:c2"]
    assert all(one.event.seq and one.thing is None and not one.forced for one in added.leased)
    assert await claim(store, "w2") == [], "one is behind, the others are held"
    await store.settle([done(one) for one in added.leased], NOW)
    assert seqs_of(await claim(store, "w2")) == [added.seqs[2]]


async def test_a_caller_has_to_wait_for_what_stands_before(store: Store) -> None:
    await add(store, event("c1"))
    added = await store.add(delivery(event("c2")), worker="w1")
    assert added.leased == (), "the worker claims all that waits, in order"
    assert len(await claim(store, "w1")) == 2


async def test_a_caller_has_to_wait_for_an_open_retry_of_the_lane(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([failed(first)], NOW)
    added = await store.add(delivery(event("c1", "2"), event("c2")), worker="w1")
    assert [one.event.lane for one in added.leased] == ["instagram:c2"]
    [second] = await claim(store)
    assert second.blocked == {"h": after(60)}


async def test_a_caller_is_told_what_is_known_of_the_object(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([done(first, thing=Thing(kind="comment", text_hash="abc", seen_at=NOW))], NOW)
    added = await store.add(delivery(event("c1", "2")), worker="w1")
    assert added.leased[0].thing == Thing(kind="comment", text_hash="abc", seen_at=NOW)


async def test_of_callers_with_the_same_event_at_once_only_the_first_gets_it(store: Store) -> None:
    added = await asyncio.gather(
        store.add(delivery(event("c1"))),
        store.add(delivery(event("c1")), worker="w1"),
        store.add(delivery(event("c2")), worker="w1"),
        store.add(delivery(event("c2")), worker="w2"),
    )
    leased = [[claimed.event.lane for claimed in one.leased] for one in added]
    assert leased == [[], [], ["instagram:c2"], []]
    assert [held.event.lane for held in await claim(store, "w3")] == ["instagram:c1"]


async def test_a_worker_that_never_claims_loses_what_it_was_given(store: Store) -> None:
    added = await store.add(delivery(event("c1")), worker="w1")
    assert await claim(store, "w2", now=after(29)) == []
    assert seqs_of(await claim(store, "w2", now=after(31))) == list(added.seqs)


async def test_what_is_given_at_once_renews_the_lease_of_an_idle_worker(store: Store) -> None:
    await store.claim("w1", 0, NOW, 30)
    added = await store.add(delivery(event("c1"), received_at=after(100)), worker="w1")
    assert len(added.leased) == 1
    assert await claim(store, "w2", now=after(110)) == []


async def test_an_event_made_by_hand_is_forced_and_no_replay(store: Store) -> None:
    await store.add(delivery(event("c1"), forced=True))
    [claimed] = await claim(store)
    assert (claimed.forced, claimed.event.source) == (True, "webhook")


async def test_ten_thousand_events_of_one_delivery_are_no_trouble(store: Store) -> None:
    seqs = await add_changes(store, 10_000)
    assert len(set(seqs)) == 10_000
    assert await store.raw_body(seqs[-1]) == b"{}"


async def test_ignored_kinds_are_counted(store: Store) -> None:
    await store.count_ignored(["follow", "typing", "follow"], "twitter")
    await store.count_ignored(["follow"], "instagram")
    assert (await store.counts()).ignored == {"twitter:follow": 2, "twitter:typing": 1, "instagram:follow": 1}
    assert (await store.counts()).total == 0
