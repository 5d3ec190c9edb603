"""Retention: what must not be kept any longer is removed beside the work, a little at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.retention import Retention
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.handling.worker import PRESSED
from moderation_ai.stores.base import Horizons, Removed, Upkeep

logger = logging.getLogger(__name__)

STEP = 200
"""Events that one step removes something of, in one short transaction."""
PAUSE = 0.2
"""Seconds between two steps while there is more: at most a thousand events a second, and requests go between."""
LOOK = 60.0
"""Seconds between two looks whether something has become too old."""
FIRST = 10.0
"""Seconds before the first look: whoever starts has other work to do."""


def horizons_at(retention: Retention, now: datetime) -> Horizons:
    """Return before when at ``now`` what is not kept any more."""
    kept = msgspec.structs.asdict(retention)
    return Horizons(**{name: now - age for name, age in kept.items() if age is not None})


class Housekeeper:
    """Prune a store for as long as it runs.

    Several processes may do so at once; ``waiting`` tells how many requests wait for answers, which go first.
    """

    def __init__(
        self, store: Upkeep, clock: Clock, retention: Retention, *, waiting: Callable[[], int] = lambda: 0
    ) -> None:
        """Keep the parts."""
        self._store = store
        self._clock = clock
        self._retention = retention
        self._waiting = waiting
        self._stop = asyncio.Event()
        self._removes = False

    async def run(self) -> None:
        """Prune until ``stop``; a store that fails is tried again."""
        pause = FIRST
        while True:
            await self._clock.wait(self._stop, pause)
            if self._stop.is_set():
                return
            pause = await self._look()

    def stop(self) -> None:
        """Begin no further step. Call it on the loop that runs this."""
        self._stop.set()

    async def _look(self) -> float:
        """Take one step where nobody waits for an answer; return after how many seconds to look again."""
        if self._waiting() >= PRESSED:
            return PAUSE
        try:
            return PAUSE if await self._step() else LOOK
        except StoreBusy as error:
            logger.info("nothing is removed while the store is busy: %s", error)
        except StoreError as error:
            logger.warning("what is too old cannot be removed: %s", error)
        except Exception:  # What ended here would leave everything where it is, unseen.
            logger.exception("what is too old cannot be removed")
        return LOOK

    async def _step(self) -> bool:
        now = self._clock.now()
        removed = await self._store.prune(horizons_at(self._retention, now), now, limit=STEP)
        self._removes = self._removes or removed != Removed(more=removed.more)
        if not removed.more and self._removes:
            await self._store.scrub()
            self._removes = False
        return removed.more


async def prune_all(
    store: Upkeep, retention: Retention, now: datetime, tell: Callable[[Removed], None] = lambda removed: None
) -> Removed:
    """Prune until there is no more to do, and return what that removed; ``tell`` is called after every step."""
    total = Removed()
    while True:
        step = await store.prune(horizons_at(retention, now), now, limit=STEP)
        for name in ("bodies", "texts", "errors", "things"):
            setattr(total, name, getattr(total, name) + getattr(step, name))
        tell(step)
        if not step.more:
            return total
