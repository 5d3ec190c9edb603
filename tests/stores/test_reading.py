"""Questions to a store: events by every filter, in pages; counts."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from moderation_ai.core.events import KeyedEvent, id_prefix
from moderation_ai.stores.base import DEAD, SUPERSEDED, UNHANDLED, Counts, EventFilter, EventOutcome, Store
from tests.stores.making import NOW, add, after, claim, dead, delivery, done, event, failed

pytestmark = pytest.mark.anyio


async def ids(store: Store, newest_first: bool = False, limit: int | None = None, **fields: Any) -> list[str]:
    """Return the objects of the events that a filter means."""
    found = await store.events(EventFilter(**fields), newest_first=newest_first, limit=limit)
    return [one.lane.partition(":")[2] for one in found]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["c1", "c2", "c3", "p4"]),
        ({"platform": "youtube"}, ["c3"]),
        ({"platform": "you%"}, []),
        ({"account": "brand"}, ["c2"]),
        ({"account": ""}, []),
        ({"event_type": "comment.created"}, ["c1", "c3"]),
        ({"event_type": "comment.*"}, ["c1", "c2", "c3"]),
        ({"event_type": "*"}, ["c1", "c2", "c3", "p4"]),
        ({"event_type": "*.created"}, ["c1", "c3", "p4"]),
        ({"event_type": "comment_created"}, []),
        ({"event_type": "comment.%"}, []),
        ({"event_type": "Comment.*"}, []),
        ({"event_type": "comment.?reated"}, []),
        ({"event_type": "[c]omment.created"}, []),
        ({"since": after(1)}, ["c2", "c3", "p4"]),
        ({"until": after(2)}, ["c1", "c2"]),
        ({"since": after(1), "until": after(3)}, ["c2", "c3"]),
        ({"lane": "instagram:c2"}, ["c2"]),
        ({"lane": "c2"}, []),
        ({"text": "STRASSE"}, ["c2"]),
        ({"text": "100%_"}, ["c3"]),
        ({"text": "e"}, ["c1", "c2", "c3"]),
        ({"text": ""}, ["c1", "c2", "c3", "p4"]),
        ({"platform": "instagram", "event_type": "comment.*", "text": "hello"}, ["c1"]),
    ],
)
async def test_a_filter_means_just_these_events(store: Store, fields: dict[str, Any], expected: list[str]) -> None:
    await store.add(delivery(event("c1")))
    changed = event("c2", event_type="comment.updated", account="brand", text="Lange Straße")
    await store.add(delivery(changed, received_at=after(1)))
    await store.add(delivery(event("c3", platform="youtube", text="100%_safe"), received_at=after(2)))
    await store.add(delivery(event("p4", event_type="post.created", text="x"), received_at=after(3)))
    assert await ids(store, **fields) == expected
    assert await ids(store, newest_first=True, **fields) == expected[::-1]


async def test_a_type_with_odd_characters_stands_for_itself(store: Store) -> None:
    await add(store, event("c1", event_type="x[1]?"), event("c2", event_type="x1a"))
    assert await ids(store, event_type="x[1]?") == ["c1"]
    assert await ids(store, event_type="x[*") == ["c1"]


async def test_events_are_found_by_status(store: Store) -> None:
    await add(store, *(event(f"c{number}") for number in range(7)))
    held = await claim(store, limit=6)
    ends = [SUPERSEDED, UNHANDLED, DEAD]
    outcomes = [EventOutcome(seq=one.event.seq, status=end) for one, end in zip(held, ends, strict=False)]
    await store.settle([*outcomes, done(held[3]), failed(held[4])], NOW)
    assert await ids(store, status="superseded") == ["c0"]
    assert await ids(store, status="unhandled") == ["c1"]
    assert await ids(store, status="dead") == ["c2"]
    assert await ids(store, status="done") == ["c3"]
    assert await ids(store, status="pending") == ["c4", "c5", "c6"], "to be retried, held, waiting"
    found = {one.lane: one.status for one in await store.events(EventFilter())}
    assert found["instagram:c0"] == "superseded"
    assert found["instagram:c4"] == "pending"


async def test_events_are_found_by_the_ids_they_show(store: Store) -> None:
    carried = event("c1", event_id="their own id / 17")
    await add(store, carried, event("c2"), event("c3"))
    second = event("c2").event.event_id
    assert await ids(store, event_ids=("their own id / 17",)) == ["c1"]
    assert await ids(store, event_ids=(second, "their own id / 17", "evt_unknown")) == ["c1", "c2"]
    assert await ids(store, event_ids=(second,), platform="youtube") == []
    assert await ids(store, event_ids=("evt_unknown",)) == []


async def test_senders_that_carry_the_same_id_are_both_found(store: Store) -> None:
    await add(store, event("c1", event_id="1"), event("c2", event_id="1", platform="youtube"))
    assert await ids(store, event_ids=("1",)) == ["c1", "c2"]


async def test_another_id_with_the_same_beginning_of_its_key_is_not_meant(store: Store) -> None:
    meant, other = event("c1"), event("c2")
    beginning = id_prefix(meant.event.event_id)
    await add(store, meant, KeyedEvent(other.event, beginning + other.key[4:]), event("c3"))
    assert await ids(store, event_ids=(meant.event.event_id,)) == ["c1"]
    highest = KeyedEvent(event("c4", event_id=meant.event.event_id).event, beginning + b"\xff" * 12)
    await add(store, highest)
    assert await ids(store, event_ids=(meant.event.event_id,)) == ["c1", "c4"]


async def test_thousands_of_ids_may_be_asked_for(store: Store) -> None:
    await add(store, event("c1"))
    wanted = (*(f"evt_{number}" for number in range(40_000)), event("c1").event.event_id)
    assert await ids(store, event_ids=wanted) == ["c1"]


async def test_a_limit_counts_what_is_meant(store: Store) -> None:
    await add(store, *(event(f"c{number}", text="even" if number % 2 == 0 else "odd") for number in range(10)))
    assert await ids(store, text="odd", limit=2) == ["c1", "c3"]
    assert await ids(store, newest_first=True, text="odd", limit=2) == ["c9", "c7"]
    assert await ids(store, limit=0) == []


async def test_pages_lead_through_all_events_both_ways(store: Store) -> None:
    await add(store, *(event(f"c{number}") for number in range(10)))
    everything = [one.seq for one in await store.events(EventFilter(), newest_first=False)]
    upward: list[int] = []
    which = EventFilter()
    while page := await store.events(which, limit=3, newest_first=False):
        upward += [one.seq for one in page]
        which = structs.replace(which, after_seq=upward[-1])
    downward: list[int] = []
    which = EventFilter()
    while page := await store.events(which, limit=3):
        downward += [one.seq for one in page]
        which = structs.replace(which, before_seq=downward[-1])
    assert upward == everything
    assert downward == everything[::-1]


async def test_dead_letters_are_filtered_as_events_are(store: Store) -> None:
    await add(store, event("c1", text="one"), event("c2", text="two", platform="youtube"))
    await store.settle([dead(one) for one in await claim(store)], NOW)

    async def found(**fields: Any) -> list[str]:
        return [letter.event.lane for letter in await store.dead_letters(EventFilter(**fields))]

    assert await found() == ["youtube:c2", "instagram:c1"]
    assert await found(text="TWO", status="dead") == ["youtube:c2"]
    assert await found(event_ids=(event("c1", text="one").event.event_id,)) == ["instagram:c1"]
    assert await found(status="done") == []
    assert await found(event_type="comment.*", platform="instagram") == ["instagram:c1"]


async def test_an_empty_store_counts_nothing(store: Store) -> None:
    assert await store.counts() == Counts(by_status={"pending": 0})


async def test_counts_follow_every_change(store: Store) -> None:
    await add(store, *(event(f"c{number}") for number in range(6)))
    first, second, third, fourth, *_ = await claim(store)
    await store.settle([done(first), dead(second), failed(third, "a", "b")], NOW)
    await store.add(delivery(event("late"), received_at=after(50)))
    await store.replay([first.event.seq], NOW)
    counts = await store.counts()
    assert counts.by_status == {"pending": 6, "dead": 1}
    assert (counts.total, counts.dead_letters, counts.retrying) == (7, 1, 2)
    assert (counts.oldest_pending_at, counts.last_received_at) == (NOW, after(50))
    await store.settle([done(fourth)], NOW)
    assert (await store.counts()).by_status == {"pending": 5, "dead": 1, "done": 1}


async def test_the_oldest_that_waits_may_wait_for_its_retry(store: Store) -> None:
    await store.add(delivery(event("c1"), received_at=after(1)))
    await store.add(delivery(event("c2"), received_at=after(2)))
    first, second = await claim(store)
    await store.settle([failed(first, due=after(900)), done(second)], NOW)
    await store.add(delivery(event("c3"), received_at=after(3)))
    assert (await store.counts()).oldest_pending_at == after(1)
    assert (await store.counts()).last_received_at == after(3)


async def test_a_store_describes_itself(store: Store) -> None:
    described = await store.describe()
    oldest = {"memory": (3, 51, 3), "sqlite": (3, 51, 3), "postgresql": (13,)}[described["kind"]]
    assert described["url"] == store.url
    assert described["schema"] >= 1
    assert tuple(int(part) for part in described["library"].split(" ")[0].split(".")) >= oldest


async def test_the_latest_events_of_an_object_are_found_before_and_after_they_were_handled(store: Store) -> None:
    kept = [event("c1", str(number), event_type="comment.updated", text=f"text {number}") for number in range(3)]
    await add(store, kept[0], event("c2"), kept[1])
    for claimed in await claim(store):
        await store.settle([done(claimed)], NOW)
    await add(store, kept[2])
    found = await store.latest_of("instagram:c1", limit=2)
    assert [(one.text, one.status) for one in found] == [("text 2", "pending"), ("text 1", "done")]
    assert len(await store.latest_of("instagram:c1", limit=20)) == 3
    assert await store.latest_of("instagram:nobody", limit=20) == []
