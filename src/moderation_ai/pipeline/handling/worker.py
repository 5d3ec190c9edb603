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
from moderation_ai.pipeline.handling.dispatcher import Dispatcher, follow
from moderation_ai.pipeline.handling.steps import Steps
from moderation_ai.stores.base import Claimed, EventOutcome, Inbox

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
TURN = 64
"""Lanes that are walked before everybody else on the loop has a turn."""
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
        on_settled: Callable[[EventOutcome], None] = lambda outcome: None,
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
        self._behind = 0  # how many of them wait for an earlier one of their lane
        self._is_full = False
        self._ready: deque[str] = deque()  # lanes that nobody walks yet
        self._walker: asyncio.Task[None] | None = None
        self._walks: set[asyncio.Task[None]] = set()
        self._outcomes: list[EventOutcome] = []
        self._settling: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False
        self._claiming = asyncio.Lock()

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
                async with self._claiming:
                    claimed = [] if self._stopping else await self._claim()
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
        wanted = min(room, (self._limit + 1) // 2) if room >= self._limit // 4 else 0
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
        one comment again and again, must not keep all others out while it is walked. What is handled and waits for its
        settlement has left its place to the next, but there is an end to that too.
        """
        behind = self._behind // 8
        return min(self._limit - len(self._lanes), 2 * self._limit - (self.held - self._behind)) - behind

    async def _pause(self, claimed: list[Claimed]) -> float:
        """Return the seconds to wait: none while there is more to get, else until a retry is due."""
        self._is_full = self._room() < max(self._limit // 4, 1)
        if claimed and not self._is_full:
            return 0.0
        if self._is_full:
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
                self._behind += 1
                continue
            self._lanes[one.event.lane] = deque((one,))
            self._ready.append(one.event.lane)
        self._walk_on()

    def _walk_on(self) -> None:
        """See that somebody walks the lanes that are ready."""
        if self._ready and self._walker is None:
            walker = asyncio.get_running_loop().create_task(self._walk_all(), context=Context())
            self._walker = walker
            self._walks.add(walker)
            walker.add_done_callback(self._walks.discard)

    async def _walk_all(self) -> None:
        """Walk one ready lane after the other; the first whose handler has to wait keeps this task, and is its last.

        A task for each lane costs more than a handler that decides and returns. What handlers see of their task is as
        if they had one each: their context is their own, and nobody else is in the task while they wait.
        """
        walker = asyncio.current_task()
        assert walker is not None
        walked = 0
        try:
            while self._ready and not walker.cancelling():
                # A context of its own: this may have begun in that of a request, which is not that of these events.
                lane = Steps(self._walk(self._ready.popleft()), Context())
                if not lane.begin():
                    self._hand_on(walker)
                    await lane.rest()
                    return
                walked += 1
                if walked % TURN == 0:
                    await asyncio.sleep(0)
        finally:
            self._hand_on(walker)

    def _hand_on(self, walker: asyncio.Task[None]) -> None:
        """Let another task walk the lanes that are ready still."""
        if self._walker is walker:
            self._walker = None
        self._walk_on()
        self._settle_soon()

    async def _walk(self, name: str) -> None:
        """Run the events of one lane, in order, until none is left."""
        lane = self._lanes[name]
        while lane:
            claimed = lane[0]
            outcome = await self._dispatcher.run(claimed)
            lane.popleft()
            if lane:
                self._behind -= 1
                follow(lane[0], claimed, outcome)
            self._outcomes.append(outcome)
            self._settle_soon()
        del self._lanes[name]
        if self._is_full and self._room() >= self._limit // 4:
            self._wake.set()

    def _settle_soon(self) -> None:
        """Write outcomes down while others gather: what ends during one commit, or in one go, is settled together."""
        is_worth_it = not self._ready or len(self._outcomes) >= self._limit // 2
        if self._settling is None and self._outcomes and is_worth_it:
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

    def _settled(self, batch: list[EventOutcome]) -> None:
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
        self._ready.clear()
        for task in [*self._walks, *([self._settling] if self._settling else [])]:
            task.cancel()
        await asyncio.gather(*self._walks, return_exceptions=True)
        try:
            async with self._claiming:  # What is on its way to us just now is given back too.
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
