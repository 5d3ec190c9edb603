"""Pruning: bodies and texts go by their age, a few at a time; ids, kinds and times stay."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from moderation_ai.core.events import Fact, KeyedEvent, WebhookEvent, finish
from moderation_ai.core.subjects import Data
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import SUPERSEDED, EventFilter, EventOutcome, Horizons, Removed, Store
from tests.stores.making import NOW, add, claim, dead, delivery, done, event

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
BODIES = Horizons(bodies=NOW - 30 * DAY)
TEXTS = Horizons(texts=NOW - 180 * DAY)


async def receive(store: Store, *ages: int) -> list[int]:
    """Add an event for each age in days; return where they stand."""
    seqs: list[int] = []
    for age in ages:
        known = len(await store.events(EventFilter()))
        added = await store.add(delivery(event(f"c{known}"), body=b"raw", received_at=NOW - age * DAY))
        seqs += added.seqs
    return seqs


async def prune(store: Store, horizons: Horizons, *, limit: int = 100, now: datetime = NOW) -> Removed:
    """Prune until there is no more to do."""
    total = Removed()
    while True:
        step = await store.prune(horizons, now, limit=limit)
        for name in ("bodies", "texts", "errors"):
            setattr(total, name, getattr(total, name) + getattr(step, name))
        if not step.more:
            return total


async def bodies(store: Store) -> list[int]:
    """Return where the events stand whose bodies are kept."""
    found = await store.events(EventFilter(), newest_first=False)
    return [one.seq for one in found if await store.raw_body(one.seq) is not None]


async def texts(store: Store) -> list[str | None]:
    """Return the texts of all events, oldest first; of those without one why."""
    return [one.text_removed or one.text for one in await store.events(EventFilter(), newest_first=False)]


async def test_bodies_go_by_their_age_and_texts_later(store: Store) -> None:
    seqs = await receive(store, 200, 181, 40, 29)
    removed = await prune(store, Horizons(bodies=NOW - 30 * DAY, texts=NOW - 180 * DAY))
    assert (removed.bodies, removed.texts) == (3, 2)
    assert await bodies(store) == seqs[3:]
    assert await texts(store) == ["age", "age", "hello", "hello"]


async def test_ids_kinds_and_times_stay(store: Store) -> None:
    await receive(store, 200)
    [before] = await store.events(EventFilter())
    await prune(store, TEXTS)
    [after] = await store.events(EventFilter())
    for name in ("event_id", "event_type", "timestamp", "received_at", "platform", "lane", "seq", "status"):
        assert getattr(after, name) == getattr(before, name)
    assert after.data.comment is not None
    assert (after.data.comment.id, after.data.comment.post_id, after.text) == ("c0", "p1", None)


async def test_an_event_without_text_still_counts_as_known(store: Store) -> None:
    await receive(store, 200)
    await prune(store, TEXTS)
    assert (await store.add(delivery(event("c0")))).duplicates == 1


async def test_what_has_no_text_is_not_marked(store: Store) -> None:
    gone = Fact(event_type="comment.deleted", object_id="c1", data=Data(deleted_comment="c1"))
    await store.add(delivery(finish(gone, platform="instagram", received_at=NOW), received_at=NOW - 200 * DAY))
    assert (await prune(store, TEXTS)).texts == 0
    [found] = await store.events(EventFilter())
    assert (found.text_removed, found.data.id) == (None, "c1")


async def test_a_shared_body_goes_for_all_its_events(store: Store) -> None:
    old = await store.add(delivery(event("c1"), event("c2"), body=b"old", received_at=NOW - 31 * DAY))
    new = await store.add(delivery(event("c3"), event("c4"), body=b"new"))
    assert (await prune(store, BODIES, limit=1)).bodies == 1
    assert [await store.raw_body(seq) for seq in (*old.seqs, *new.seqs)] == [None, None, b"new", b"new"]


async def test_a_step_does_no_more_than_it_may(store: Store) -> None:
    seqs = await receive(store, *[40] * 10)
    removed = await store.prune(BODIES, NOW, limit=4)
    assert (removed.bodies, removed.more) == (4, True)
    assert await bodies(store) == seqs[4:]
    assert (await prune(store, BODIES, limit=4)).bodies == 6


async def test_nothing_to_do_is_said_at_once(store: Store) -> None:
    await receive(store, 1)
    assert await store.prune(Horizons(bodies=NOW - 30 * DAY, texts=NOW, deleted=NOW), NOW, limit=0) is not None
    assert await store.prune(BODIES, NOW, limit=10) == Removed()
    assert await store.prune(Horizons(), NOW, limit=10) == Removed()


async def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    seqs = await receive(store, 200, 40, 1)
    counted = await store.prune(Horizons(bodies=NOW - 30 * DAY, texts=NOW - 180 * DAY), NOW, limit=1, dry_run=True)
    assert (counted.bodies, counted.texts, counted.more) == (2, 1, True)
    assert await bodies(store) == seqs


async def test_handlers_errors_go_with_the_texts(store: Store) -> None:
    await receive(store, 200)
    [held] = await claim(store)
    await store.settle([dead(held, error="ValueError: hello")], NOW)
    assert (await prune(store, BODIES)).errors == 0
    assert (await prune(store, TEXTS)).errors == 1
    [letter] = await store.dead_letters(EventFilter())
    assert (letter.error, letter.attempts, letter.event.text) == (None, 1, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_clock_that_ran_ahead_keeps_nothing_for_ever(store: Store, limit: int) -> None:
    seqs = await receive(store, 50, -400, -400, -401, 45, 1)
    assert (await prune(store, BODIES, limit=limit)).bodies == 5
    assert await bodies(store) == seqs[5:]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_clock_that_ran_ahead_takes_nothing_that_is_young(store: Store, limit: int) -> None:
    seqs = await receive(store, 50, 1, -400, -400, 1)
    assert (await prune(store, BODIES, limit=limit)).bodies == 1
    assert await bodies(store) == seqs[1:]


async def test_a_clock_that_fell_back_takes_nothing_but_its_own(store: Store) -> None:
    seqs = await receive(store, 1, 20_000, 1)
    assert (await prune(store, BODIES)).bodies == 0, "what stands before it is young"
    assert await bodies(store) == seqs
    later = NOW + 30 * DAY
    assert (await prune(store, Horizons(bodies=later - 30 * DAY), now=later)).bodies == 3


async def test_now_falling_back_is_no_harm(store: Store) -> None:
    seqs = await receive(store, 40, 1)
    await prune(store, BODIES)
    past = NOW - 300 * DAY
    assert (await prune(store, Horizons(bodies=past - 30 * DAY), now=past)).bodies == 0
    assert await bodies(store) == seqs[1:]


# Deleted objects.

DELETED = Horizons(deleted=NOW - DAY)


def deletion(comment: str = "c1") -> KeyedEvent:
    fact = Fact(event_type="comment.deleted", object_id=comment, data=Data(deleted_comment=comment))
    return finish(fact, platform="instagram", received_at=NOW)


async def settle_all(store: Store, at: datetime, *, deleted: bool, revived: bool = False) -> None:
    """Handle what waits, at a time; what is known of the object is that it is deleted, or not."""
    thing = Thing(kind="comment", deleted_at=at if deleted else None, seen_at=at)
    await store.settle([done(one, thing=thing) for one in await claim(store, now=at)], at)


async def of(store: Store, comment: str) -> list[WebhookEvent]:
    return await store.events(EventFilter(lane=f"instagram:{comment}"), newest_first=False)


async def test_the_text_of_what_was_deleted_goes_a_day_later_and_its_bodies_too(store: Store) -> None:
    shared = await store.add(delivery(event("c1"), event("c2"), body=b"both"))
    await add(store, event("c1", "2", event_type="comment.updated", text="better"), deletion())
    await settle_all(store, NOW - DAY + timedelta(seconds=1), deleted=True)
    assert (await prune(store, DELETED)).texts == 0
    later = NOW + timedelta(seconds=2)
    removed = await prune(store, Horizons(deleted=later - DAY), now=later)
    assert removed.texts == 3, "of both objects"
    assert [one.text_removed for one in await of(store, "c1")] == ["deleted", "deleted", None]
    assert await store.raw_body(shared.seqs[1]) is None
    assert await bodies(store) == []


async def test_what_was_not_deleted_keeps_its_text(store: Store) -> None:
    await add(store, event("c1"))
    await settle_all(store, NOW - 5 * DAY, deleted=False)
    assert (await prune(store, DELETED)).texts == 0
    assert await texts(store) == ["hello"]


async def test_what_was_revived_keeps_its_text(store: Store) -> None:
    await add(store, event("c1"), deletion())
    await settle_all(store, NOW - 5 * DAY, deleted=True)
    await add(store, event("c1", "2", event_type="comment.updated"))
    await settle_all(store, NOW - 4 * DAY, deleted=False)
    assert (await prune(store, DELETED)).texts == 0
    assert await texts(store) == ["hello", None, "hello"]


async def test_a_creation_that_comes_after_its_deletion_loses_its_text_too(store: Store) -> None:
    await add(store, deletion())
    await settle_all(store, NOW - 5 * DAY, deleted=True)
    await prune(store, DELETED)
    await add(store, event("c1"))
    [late] = await claim(store)
    await store.settle([EventOutcome(seq=late.event.seq, status=SUPERSEDED)], NOW - 2 * DAY)
    assert (await prune(store, DELETED)).texts == 1
    assert [one.text_removed for one in await of(store, "c1")] == [None, "deleted"]


async def test_deletions_are_pruned_in_small_steps(store: Store) -> None:
    for number in range(10):
        await add(store, event(f"c{number}"), deletion(f"c{number}"))
    await settle_all(store, NOW - 2 * DAY, deleted=True)
    step = await store.prune(DELETED, NOW, limit=5)
    assert step.more
    assert 1 <= step.texts < 5
    assert (await prune(store, DELETED, limit=5)).texts == 10 - step.texts


async def test_a_deletion_of_tomorrow_was_learned_by_a_clock_that_ran_ahead(store: Store) -> None:
    await add(store, event("c1"), deletion())
    await settle_all(store, NOW + 400 * DAY, deleted=True)
    assert (await prune(store, DELETED)).texts == 1


async def test_an_object_with_very_many_events_loses_the_text_of_the_latest(store: Store) -> None:
    changes = [event("c1", str(number), event_type="comment.updated") for number in range(1_100)]
    await store.add(delivery(*changes))
    for start in range(0, 1_100, 100):
        await settle_all(store, NOW - 2 * DAY, deleted=start == 1_000)
    await prune(store, DELETED)
    assert (await texts(store))[-900:] == ["deleted"] * 900


async def test_of_an_object_of_which_nothing_is_known_nothing_is_handed_out(store: Store) -> None:
    await add(store, event("c1"))
    [first] = await claim(store)
    await store.settle([EventOutcome(seq=first.event.seq, status=SUPERSEDED)], NOW)
    await add(store, event("c1", "2"))
    [second] = await claim(store)
    assert second.thing is None
