"""The store that the command line is tested on: a handful of events, one in each state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from moderation_ai.core.events import Fact, KeyedEvent, WebhookEvent, finish
from moderation_ai.core.subjects import Data
from moderation_ai.stores.base import DEAD, DONE, RETRY, UNHANDLED, Attempt, Delivery, EventOutcome, Store
from moderation_ai.stores.opening import open_store

URL = "sqlite:///moderation.db"
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RAW = b'{"made": "by hand", "n\xc3\xa4me": 1}'


def comment(number: int, *, platform: str = "instagram", text: str = "hello", account: str | None = None) -> KeyedEvent:
    """Return the event of a new comment, received ``number`` hours before ``NOW``."""
    data = Data.of({"comment": {"id": f"c{number}", "post_id": "p1", "author_username": "rye_fan", "text": text}})
    fact = Fact(event_type="comment.created", object_id=f"c{number}", data=data)
    return finish(fact, platform=platform, received_at=NOW - timedelta(hours=number), account=account)


def post(number: int) -> KeyedEvent:
    """Return the event of a new post."""
    data = Data.of({"post": {"id": f"p{number}", "caption": "Fresh loaves", "author_username": "corner_bakery"}})
    fact = Fact(event_type="post.created", object_id=f"p{number}", data=data)
    return finish(fact, platform="twitter", received_at=NOW - timedelta(hours=number))


DONE_ONE = comment(5, text="Good bread", account="brand").event
DEAD_ONE = comment(4, text="BAD bread").event
HOSTILE = comment(3, text="red \x1b[31mink\nforged line \u202eturned").event
LEFT = post(2).event
WAITING = comment(1, platform="twitter").event
KEYED = [
    comment(5, text="Good bread", account="brand"),
    comment(4, text="BAD bread"),
    comment(3, text=HOSTILE.text or ""),
    post(2),
    comment(1, platform="twitter"),
]
ALL = [DONE_ONE, DEAD_ONE, HOSTILE, LEFT, WAITING]
"""In the order of their arrival: done, dead, done, unhandled, pending."""


def fill(url: str) -> None:
    """Make the store at ``url`` with all of them."""
    asyncio.run(_fill(url))


async def _fill(url: str) -> None:
    store = open_store(url)
    await store.open()
    await add(store, KEYED)
    claimed = await store.claim("w", 4, NOW, 30)
    good, bad, ink, left = [one.event.seq for one in claimed]
    await store.settle(
        [
            EventOutcome(seq=good, status=DONE, attempts=[_ran(good, "app.judge", DONE)]),
            EventOutcome(
                seq=bad,
                status=DEAD,
                attempts=[
                    _ran(bad, "app.judge", DEAD, 8, "ValueError: no\x1b[2J"),
                    _ran(bad, "app.count", DEAD, 1, "Gone"),
                ],
            ),
            EventOutcome(seq=ink, status=DONE, attempts=[_ran(ink, "app.judge", DONE)]),
            EventOutcome(seq=left, status=UNHANDLED),
        ],
        NOW,
    )
    await store.close()


async def add(store: Store, keyed: Sequence[KeyedEvent]) -> None:
    """Store events, each as a delivery of its own."""
    for one in keyed:
        received = one.event.received_at or NOW
        await store.add(Delivery(platform=one.event.platform, received_at=received, body=RAW, events=[one]))


def _ran(seq: int, handler: str, state: str, attempts: int = 1, error: str | None = None) -> Attempt:
    return Attempt(seq=seq, handler=handler, state=state, attempts=attempts, error=error, ran_at=NOW)


def retrying(seq: int) -> EventOutcome:
    """Return the outcome of an event whose handler is to run again."""
    attempt = Attempt(seq=seq, handler="app.judge", state=RETRY, attempts=1, error="not now", due_at=NOW, ran_at=NOW)
    return EventOutcome(seq=seq, status=RETRY, attempts=[attempt])


def ids(events: Sequence[WebhookEvent]) -> list[str]:
    """Return the ids of events."""
    return [event.event_id for event in events]
