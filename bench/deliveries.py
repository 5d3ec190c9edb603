"""Deliveries as the gateway makes them of the same signed bodies, for what is measured without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from bench import bodies
from moderation_ai.core.content import read_json
from moderation_ai.core.envelope import read_envelope
from moderation_ai.core.events import finish
from moderation_ai.stores.base import Delivery, Inbox

FILL_BATCH = 512


def endless(tag: str | None = None) -> Iterator[Delivery]:
    """Yield deliveries of one event each, no two alike; those of a ``tag`` are the same each time."""
    form, tag = bodies.template(), tag or bodies.new_tag()
    now = datetime.now(UTC)
    number = 0
    while True:
        yield _delivery(bodies.body(form, tag, number), now)
        number += 1


def batch(tag: str, numbers: Iterable[int]) -> Delivery:
    """Return one delivery of the events that ``endless`` yields for ``tag`` at these places."""
    form, now = bodies.template(), datetime.now(UTC)
    events = [_delivery(bodies.body(form, tag, number), now).events[0] for number in numbers]
    return Delivery(platform="generic", received_at=now, body=b"many", events=events)


def _delivery(body: bytes, now: datetime) -> Delivery:
    event = finish(read_envelope(read_json(body), {}), platform="generic", received_at=now)
    return Delivery(platform="generic", received_at=now, body=body, events=[event])


async def fill(inbox: Inbox, source: Iterator[Delivery], count: int) -> None:
    """Add so many deliveries, as fast as the inbox takes them."""
    for start in range(0, count, FILL_BATCH):
        await add_together(inbox, source, min(FILL_BATCH, count - start))


async def add_together(inbox: Inbox, source: Iterator[Delivery], count: int) -> None:
    """Add so many deliveries at once, as requests in flight do; return when all are on disk."""
    await asyncio.gather(*[inbox.add(next(source)) for _ in range(count)])
