"""Deliveries and outcomes as the stores' tests need them: short to write, with a time that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from moderation_ai.core.events import Fact, KeyedEvent, finish
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import (
    DEAD,
    DONE,
    RETRY,
    Added,
    Attempt,
    Claimed,
    Delivery,
    EventFilter,
    EventOutcome,
    Store,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = 30.0


def after(seconds: float) -> datetime:
    """Return the time ``seconds`` after ``NOW``."""
    return NOW + timedelta(seconds=seconds)


def event(
    comment: str = "c1",
    version: str | None = None,
    *,
    event_type: str = "comment.created",
    platform: str = "instagram",
    account: str | None = None,
    event_id: str | None = None,
    text: str = "hello",
) -> KeyedEvent:
    """Return an event of the comment; ``version`` tells several of one comment apart."""
    data = Data(comment=Comment(id=comment, post_id="p1", text=text))
    fact = Fact(event_type=event_type, object_id=comment, data=data, version=version, event_id=event_id)
    return finish(fact, platform=platform, received_at=NOW, account=account)


def delivery(*events: KeyedEvent, body: bytes = b"{}", received_at: datetime = NOW, forced: bool = False) -> Delivery:
    """Return one request that brings ``events``."""
    platform = events[0].event.platform if events else "instagram"
    return Delivery(platform=platform, received_at=received_at, body=body, events=events, forced=forced)


async def add(store: Store, *events: KeyedEvent) -> list[int]:
    """Add each event by a delivery of its own, one after the other; return where they stand."""
    return [(await store.add(delivery(one))).seqs[0] for one in events]


async def add_changes(store: Store, count: int, comment: str = "c1") -> list[int]:
    """Add so many events of one comment, by one delivery; return where they stand."""
    events = [event(comment, str(number), event_type="comment.updated") for number in range(count)]
    added: Added = await store.add(delivery(*events))
    return list(added.seqs)


async def claim(store: Store, worker: str = "w1", limit: int = 100, now: datetime = NOW) -> list[Claimed]:
    """Claim for the usual lease."""
    return await store.claim(worker, limit, now, LEASE)


def seqs_of(claimed: Sequence[Claimed]) -> list[int]:
    """Return where claimed events stand."""
    return [one.event.seq for one in claimed]


def done(claimed: Claimed, *handlers: str, thing: Thing | None = None) -> EventOutcome:
    """Return the outcome of an event that its handlers (``h``, if none is named) handled."""
    attempts = [_attempt(claimed, handler, DONE) for handler in handlers or claimed.only or ("h",)]
    return EventOutcome(seq=claimed.event.seq, status=DONE, attempts=attempts, thing=thing, lane=claimed.event.lane)


def dead(claimed: Claimed, handler: str = "h", error: str = "ValueError: no") -> EventOutcome:
    """Return the outcome of an event that a handler gave up on."""
    attempts = [_attempt(claimed, handler, DEAD, error=error)]
    return EventOutcome(seq=claimed.event.seq, status=DEAD, attempts=attempts, lane=claimed.event.lane)


def failed(
    claimed: Claimed, *handlers: str, due: datetime | None = None, holds_until: datetime | None = None, times: int = 1
) -> EventOutcome:
    """Return the outcome of an event whose handlers (``h``, if none is named) failed and run again."""
    attempts = [
        _attempt(claimed, handler, RETRY, times=times, due=due or after(10), holds_until=holds_until or after(60))
        for handler in handlers or ("h",)
    ]
    return EventOutcome(seq=claimed.event.seq, status=RETRY, attempts=attempts, lane=claimed.event.lane)


def deferred(claimed: Claimed, handler: str = "h", now: datetime = NOW) -> EventOutcome:
    """Return the outcome of an event that a handler has to wait with, for an earlier event of the lane."""
    waiting = Attempt(seq=claimed.event.seq, handler=handler, state=RETRY, due_at=now, lane=claimed.event.lane)
    return EventOutcome(seq=claimed.event.seq, status=RETRY, attempts=[waiting], lane=claimed.event.lane)


def _attempt(
    claimed: Claimed,
    handler: str,
    state: str,
    *,
    times: int = 1,
    error: str | None = None,
    due: datetime | None = None,
    holds_until: datetime | None = None,
) -> Attempt:
    return Attempt(
        seq=claimed.event.seq,
        handler=handler,
        state=state,
        attempts=times,
        error=error,
        due_at=due,
        holds_until=holds_until,
        lane=claimed.event.lane,
        ran_at=NOW,
    )


async def status_of(store: Store, seq: int) -> str:
    """Return an event's status."""
    found = await store.events(EventFilter(after_seq=seq - 1, before_seq=seq + 1))
    return found[0].status
