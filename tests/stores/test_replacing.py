"""Replacing: what is told better by another delivery is superseded by it, in one step."""

from __future__ import annotations

import pytest

from moderation_ai.stores.base import EventFilter, Store
from tests.stores.making import (
    NOW,
    add,
    after,
    claim,
    dead,
    delivery,
    done,
    event,
    failed,
    seqs_of,
    status_of,
)

pytestmark = pytest.mark.anyio


async def test_the_new_events_are_there_to_be_handled_and_the_old_one_is_superseded(store: Store) -> None:
    [old] = await add(store, event("old"))
    better = delivery(event("c1"), event("c2"), body=b"whole", received_at=after(-100))
    added = await store.replace([old], better)
    assert (added.new, added.duplicates) == (2, 0)
    assert await status_of(store, old) == "superseded"
    assert seqs_of(await claim(store)) == list(added.seqs)
    assert [one.received_at for one in await store.events(EventFilter(until=NOW))] == [NOW, NOW], "as each says itself"


async def test_what_was_known_by_another_road_stays_one(store: Store) -> None:
    [old, known] = await add(store, event("old"), event("c1"))
    added = await store.replace([old], delivery(event("c1")))
    assert (added.new, added.duplicates, added.seqs) == (0, 1, (known,))
    assert [one.seq for one in await store.events(EventFilter(status="superseded"))] == [old]


async def test_a_delivery_that_tells_of_nothing_only_supersedes(store: Store) -> None:
    [old] = await add(store, event("old"))
    assert (await store.replace([old], delivery())).new == 0
    assert await status_of(store, old) == "superseded"
    assert await claim(store) == []


async def test_twice_is_once(store: Store) -> None:
    [old] = await add(store, event("old"))
    first = await store.replace([old], delivery(event("c1")))
    again = await store.replace([old], delivery(event("c1")))
    assert (again.new, again.seqs) == (0, first.seqs)
    assert (await store.counts()).by_status == {"pending": 1, "superseded": 1}


@pytest.mark.parametrize("fate", ["held", "done", "dead", "retrying"])
async def test_whatever_came_of_the_old_one_it_runs_no_more(store: Store, fate: str) -> None:
    [old] = await add(store, event("old"))
    [held] = await claim(store)
    outcomes = {"held": [], "done": [done(held)], "dead": [dead(held)], "retrying": [failed(held)]}[fate]
    await store.settle(outcomes, NOW)
    await store.replace([old], delivery(event("c1")))
    await store.settle([dead(held)], NOW, worker="w1")  # what its worker makes of it comes too late
    assert await status_of(store, old) == "superseded"
    assert await store.dead_letters(EventFilter()) == []
    await store.release("w1")
    assert [one.event.lane for one in await claim(store, now=after(900))] == ["instagram:c1"]


async def test_what_waited_behind_the_old_one_goes_on(store: Store) -> None:
    first, second = await add(store, event("c1"), event("c1", "2", event_type="comment.updated"))
    assert seqs_of(await claim(store, limit=1)) == [first]
    assert await claim(store, "w2") == []
    await store.replace([first], delivery())
    assert seqs_of(await claim(store, "w2")) == [second]


async def test_the_old_one_keeps_its_body_and_headers(store: Store) -> None:
    old = delivery(event("old"), body=b"as it came")
    old.headers = '{"address": "x"}'
    [seq] = (await store.add(old)).seqs
    added = await store.replace([seq], delivery(event("c1"), event("c2"), body=b"as it came"))
    assert [await store.raw_body(one) for one in (seq, *added.seqs)] == [b"as it came"] * 3
    assert await store.headers(seq) == '{"address": "x"}'
    assert await store.headers(added.seqs[0]) is None


async def test_headers_of_a_delivery_are_those_of_each_of_its_events(store: Store) -> None:
    several = delivery(event("c1"), event("c2"))
    several.headers = "{}"
    added = await store.add(several)
    assert [await store.headers(seq) for seq in added.seqs] == ["{}", "{}"]
    assert await store.headers(99) is None


async def test_what_is_mentioned_anywhere_is_found(store: Store) -> None:
    raw = delivery(event("c1"), body=b'{"user": "17841"}')
    shared = delivery(event("c2"), event("c3"), body=b"17841 wrote two")
    headers = delivery(event("c4"))
    headers.headers = '[["x-from", "17841"]]'
    for one in (raw, shared, headers, delivery(event("c5", text="@17841")), delivery(event("c6"))):
        await store.add(one)
    failing = [one for one in await claim(store) if one.event.lane == "instagram:c6"]
    await store.settle([dead(failing[0], error="KeyError: 17841")], NOW)
    found = await store.events(EventFilter(mentions="17841"), newest_first=False)
    assert [one.lane for one in found] == [f"instagram:c{number}" for number in range(1, 7)]
    assert await store.events(EventFilter(mentions="17842")) == []
