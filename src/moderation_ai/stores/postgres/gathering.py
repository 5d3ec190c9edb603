"""Gathering: what many callers want to have done at a time is done in one statement, and one commit serves them all."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.stores.postgres.failing import as_store_error, concerns_all
from moderation_ai.stores.postgres.thread import StoreThread, tell

logger = logging.getLogger(__name__)

BATCH = 512
"""Jobs that go into one statement at most."""
BATCH_BYTES = 32 << 20
"""Bytes after which a statement takes no more jobs: PostgreSQL takes 1 GiB, and large ones make it slow."""


class Job:
    """A piece of work, and whom to tell when it is on disk; ``undo`` takes back what nobody waits for any more."""

    __slots__ = ("error", "future", "result", "size", "undo", "work")

    def __init__(self, work: Any, size: int, undo: Callable[[Any], None] | None) -> None:
        """Keep ``work`` for whoever calls, on their loop."""
        self.work = work
        self.size = size
        self.undo = undo
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: Exception | None = None

    def take_back(self) -> None:
        """Undo what was done, if it was."""
        if self.undo is not None and self.error is None:
            self.undo(self.result)


class Gatherer:
    """Do jobs batch by batch, in their order: while one batch is on its way to the disk the next one gathers.

    ``run`` does a batch, all or nothing, and sets each job's result.
    """

    def __init__(
        self,
        thread: StoreThread,
        run: Callable[[Sequence[Job]], Awaitable[None]],
        *,
        max_jobs: int = 20_000,
        max_bytes: int = 64 << 20,
    ) -> None:
        """Keep what does the work; ``max_jobs`` and ``max_bytes`` may wait."""
        self._thread = thread
        self._run = run
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._is_running = False
        self._lock = threading.Lock()

    async def do(self, work: Any, size: int = 0, undo: Callable[[Any], None] | None = None) -> Any:
        """Do ``work`` with the next batch; return its result once it is on disk.

        Raises ``StoreBusy`` when too much is waiting already. A waiter that is cancelled does not stop its work.
        """
        job = Job(work, size, undo)
        self._submit(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            if not job.future.cancelled():  # It was told in the very turn of the loop in which it was cancelled.
                job.take_back()
            raise

    def _submit(self, job: Job) -> None:
        with self._lock:
            if len(self._jobs) >= self._max_jobs or self._bytes > self._max_bytes:
                raise StoreBusy("the store has more waiting than it may hold; nothing was kept, come again")
            self._jobs.append(job)
            self._bytes += job.size
            if self._is_running:
                return
        # Not before the end of this turn of the caller's loop: what comes in one turn goes together.
        job.future.get_loop().call_soon(self._begin)

    def _begin(self) -> None:
        with self._lock:
            if self._is_running or not self._jobs:
                return
            try:
                self._thread.call_soon(lambda: self._thread.spawn(self._work_off()))
                self._is_running = True
                return
            except StoreError as error:
                jobs, closed = list(self._jobs), error
                self._jobs.clear()
        for job in jobs:
            job.error = closed
        _tell_all(jobs)

    async def _work_off(self) -> None:
        while batch := self._take():
            await self._commit(batch)
            _tell_all(batch)

    def _take(self) -> list[Job]:
        with self._lock:
            batch: list[Job] = []
            room = BATCH_BYTES
            while self._jobs and len(batch) < BATCH and room > 0:
                batch.append(self._jobs.popleft())
                room -= batch[-1].size
                self._bytes -= batch[-1].size
            self._is_running = bool(batch)
            return batch

    async def _commit(self, batch: Sequence[Job]) -> None:
        """Do the batch in one transaction; where a job of it fails, the two halves of the batch in one each."""
        try:
            await self._run(batch)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # the waiters get it, whatever it is
            if len(batch) > 1 and not concerns_all(error):
                await self._commit(batch[: len(batch) // 2])
                await self._commit(batch[len(batch) // 2 :])
                return
            told = as_store_error(error)
            logger.warning("the store could not commit %d jobs: %s", len(batch), told)
            for job in batch:
                job.error = told


def _tell_all(batch: Sequence[Job]) -> None:
    """Wake the waiters of a batch: one call for each event loop, not one for each job."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in batch:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for jobs in by_loop.values():
        if not tell(jobs[0].future, partial(_resolve, jobs)):
            for job in jobs:
                job.take_back()


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        # A waiter that was cancelled (a client that is gone) must not stop the others from being told.
        if job.future.done():
            job.take_back()
        elif job.error is not None:
            job.future.set_exception(_own(job.error))
        else:
            job.future.set_result(job.result)


def _own(error: Exception) -> Exception:
    """Return an error for one waiter alone: each adds its own trace to what it raises."""
    if isinstance(error, StoreBusy):
        own: Exception = StoreBusy(str(error), retry_after=error.retry_after)
    else:
        own = StoreError(str(error))
    own.__cause__ = error.__cause__
    return own
