"""Worker: claims what is due under a lease, walks each lane in order, and settles what came of it in batches."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context

from moderation_ai.core.errors import StoreError
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.dispatcher import Dispatcher, follow
from moderation_ai.stores.base import Claimed, Inbox, Outcome

logger = logging.getLogger(__name__)

LIMIT = 512
"""Events that a worker holds at once."""
LEASE = 30.0
"""Seconds after which another worker may have what this one held, if it stops claiming."""
PRESSED = 24
"""Requests waiting for their answers from which on these go first: a sender that waits too long sends again."""
PATIENCE = 0.5
"""Seconds between two claims while requests go first; what is stored meanwhile is handled when they ebb."""
POLL = 1.0
"""Seconds after which an idle worker looks for what other processes added."""
_AGAIN = RetrySchedule(max_attempts=1_000_000, first=0.5, factor=2, longest=10, jitter=0)


class Worker:
    """Hand events to the dispatcher: one at a time in each lane, many lanes at once.

    ``on_settled`` is told of every outcome once it is on disk. A worker belongs to one event loop.
    """

    def __init__(
        self,
        inbox: Inbox,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        name: str,
        limit: int = LIMIT,
        lease: float = LEASE,
        poll: float = POLL,
        on_settled: Callable[[Outcome], None] = lambda outcome: None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        """Keep the parts; ``name`` must be no other worker's, ``waiting`` tells how many requests wait for answers."""
        self.name = name
        self.held = 0
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._clock = clock
        self._limit = limit
        self._lease = lease
        self._poll = poll
        self._on_settled = on_settled
        self._waiting = waiting
        self._lanes: dict[str, deque[Claimed]] = {}
        self._walks: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._settling: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look for work now instead of at the next poll. Call it on the worker's own loop."""
        self._wake.set()

    async def run(self) -> None:
        """Claim and hand out until ``stop``; a store that fails is tried again."""
        failures = 0
        while not self._stopping:
            if self._waiting() >= PRESSED:
                await self._clock.wait(asyncio.Event(), PATIENCE)
            self._wake.clear()
            try:
                claimed = await self._claim()
                pause = await self._pause(claimed)
                failures = 0
            except Exception as error:  # noqa: BLE001  # a worker that ended would leave everything unhandled.
                failures += 1
                pause = _put_off("claim", failures, error)
            if pause:
                await self._clock.wait(self._wake, pause)

    async def _claim(self) -> list[Claimed]:
        """Claim as much as there is room for; with no room, renew the lease on what is held."""
        room = self._room()
        wanted = room if room >= self._limit // 4 else 0
        if not wanted and not self.held:
            return []
        claimed = await self._inbox.claim(self.name, wanted, self._clock.now(), self._lease)
        if self._stopping:
            return []  # It came while we were stopping, and is given back with the rest.
        self.take(claimed)
        if self.held and not claimed and wanted:
            await self._inbox.claim(self.name, 0, self._clock.now(), self._lease)
        return claimed

    def _room(self) -> int:
        """Return how many events more may be held.

        What waits behind another event of its lane counts for an eighth: a long lane, which anyone can make by changing
        one comment again and again, must not keep all others out while it is walked.
        """
        behind = sum(len(lane) - 1 for lane in self._lanes.values())
        return self._limit - (self.held - behind) - behind // 8

    async def _pause(self, claimed: list[Claimed]) -> float:
        """Return the seconds to wait: none while there is more to get, else until a retry is due."""
        if claimed and self._room() > self._limit // 2:
            return 0.0
        if self._room() <= self._limit // 2:
            return self._poll
        now = self._clock.now()
        due = await self._inbox.next_due(now)
        seconds = (due - now).total_seconds() if due is not None else self._poll
        # What is due and was not handed out waits for its lane: a settlement wakes us, so the poll is soon enough.
        return min(seconds, self._poll) if seconds > 0 else self._poll

    def take(self, claimed: Iterable[Claimed]) -> None:
        """Begin with events that this worker holds the lease of."""
        for one in claimed:
            self.held += 1
            self._idle.clear()
            lane = self._lanes.get(one.event.lane)
            if lane is not None:
                lane.append(one)
                continue
            self._lanes[one.event.lane] = deque([one])
            # A context of its own: this may be called in that of a request, which is not that of later events.
            walk = asyncio.get_running_loop().create_task(self._walk(one.event.lane), context=Context())
            self._walks.add(walk)
            walk.add_done_callback(self._walks.discard)

    async def _walk(self, name: str) -> None:
        """Run the events of one lane, in order, until none is left."""
        lane = self._lanes[name]
        while lane:
            claimed = lane[0]
            outcome = await self._dispatcher.run(claimed)
            lane.popleft()
            if lane:
                follow(lane[0], claimed, outcome)
            self._outcomes.append(outcome)
            self._settle_soon()
        del self._lanes[name]

    def _settle_soon(self) -> None:
        """Write outcomes down while others gather: what ends during one commit goes into the next."""
        if self._settling is None:
            self._settling = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        failures = 0
        while self._outcomes:
            batch, self._outcomes = self._outcomes[: self._limit], self._outcomes[self._limit :]
            try:
                await self._inbox.settle(batch, self._clock.now(), worker=self.name)
            except Exception as error:  # noqa: BLE001  # what ran must be written down, however late.
                failures += 1
                self._outcomes = batch + self._outcomes
                await self._clock.wait(asyncio.Event(), _put_off("settle", failures, error))
                continue
            self._settled(batch)
        self._settling = None

    def _settled(self, batch: list[Outcome]) -> None:
        self.held -= len(batch)
        for outcome in batch:
            self._on_settled(outcome)
        if not self.held:
            self._idle.set()
        self._wake.set()

    async def stop(self, deadline: float) -> bool:
        """Claim no more, let what runs come to its end for ``deadline`` seconds, give back the rest.

        Returns whether everything ended in time. What did not will run again elsewhere, or here after a restart.
        """
        self._stopping = True
        self._wake.set()
        if self.held:
            await self._clock.wait(self._idle, deadline)
        ended = not self.held
        for task in [*self._walks, *([self._settling] if self._settling else [])]:
            task.cancel()
        await asyncio.gather(*self._walks, return_exceptions=True)
        try:
            await self._inbox.release(self.name)
        except StoreError as error:
            logger.warning("the worker's lease could not be given back; it ends by itself: %s", error)
        return ended


def _put_off(verb: str, failures: int, error: Exception) -> float:
    """Log that the store failed, and return the seconds to wait; what no store announces is shown with its trace."""
    pause = _AGAIN.delay(failures, 0.5) or POLL
    is_odd = not isinstance(error, StoreError)
    logger.warning("the worker cannot %s, again in %.1f s: %s", verb, pause, error, exc_info=is_odd)
    return pause
