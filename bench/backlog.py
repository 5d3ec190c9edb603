"""How fast a backlog goes through a handler that does nothing: claimed, handed over, settled, all durable."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from bench import child, cores, loops, store
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.stores.base import DONE, EventOutcome
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup

_EVENTS = 50_000
_TIMEOUT = 120.0


class Drained(msgspec.Struct, frozen=True):
    """How many events were handled and settled as done in a second, the store's start and end left out."""

    events_per_second: float


def events_per_second(folder: Path) -> float:
    """Return the events that one worker on one core handles in a second."""
    arguments = [str(folder), str(_EVENTS)]
    drained = child.run_module("bench.backlog", *arguments, core=cores.SERVER_CORE, timeout=_TIMEOUT, kind=Drained)
    return drained.events_per_second


async def drain(folder: Path, count: int) -> Drained:
    """Fill a store, then let one worker empty it; raise ``SystemExit`` if an event ended in any other way."""
    inbox = await store.filled(folder / "backlog.db", count)
    handled: list[str] = []
    ended: Counter[str] = Counter()
    empty = asyncio.Event()

    async def handle(event: WebhookEvent) -> None:
        handled.append(event.event_id)

    def settled(outcome: EventOutcome) -> None:
        ended[outcome.status] += 1
        if ended.total() == count:
            empty.set()

    handlers = Handlers()
    handlers.add(handle, ("*",))
    parts = Parts(inbox, Setup(), handlers, on_settled=settled)
    start = time.perf_counter()
    await parts.open()
    await empty.wait()
    took = time.perf_counter() - start
    await parts.close()
    if len(set(handled)) != count or ended != {DONE: count}:
        raise SystemExit(f"{len(set(handled))} of {count} events were handled")
    return Drained(events_per_second=count / took)


if __name__ == "__main__":
    child.answer(loops.run(drain(Path(sys.argv[1]), int(sys.argv[2]))))
