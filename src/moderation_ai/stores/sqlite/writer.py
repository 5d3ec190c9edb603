"""The writer: one thread that owns the only writing connection and commits everything in flight together."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import apsw

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.stores.sqlite.failing import as_store_error, concerns_all
from moderation_ai.stores.sqlite.writing import WritingConnection

logger = logging.getLogger(__name__)

Connect = Callable[[], apsw.Connection]
Undo = Callable[[apsw.Connection, Any], None]
BATCH = 512
"""Jobs that go into one commit at most."""


class Job:
    """A piece of work for the writer, and whom to tell when it is on disk.

    ``undo`` takes back the result of work whose waiter is gone by the time it is done. Work that is ``repeatable``
    (claims, settlements) may be forgotten by a power cut, because it is done again then: it waits for no sync.
    """

    __slots__ = ("error", "future", "repeatable", "result", "size", "undo", "work")

    def __init__(
        self,
        work: Any,
        size: int = 0,
        future: asyncio.Future[Any] | None = None,
        undo: Undo | None = None,
        *,
        repeatable: bool = False,
    ) -> None:
        """Keep ``work``, its size in bytes, the future that waits for it (None: nobody does) and what undoes it."""
        self.repeatable = repeatable
        self.work = work
        self.size = size
        self.future = future
        self.undo = undo
        self.result: Any = None
        self.error: Exception | None = None


class Writer:
    """Run jobs on one thread, in order, many in one transaction; tell each one's waiter after the commit.

    While one commit is on its way to the disk the next batch gathers, so at low load a single job commits at once
    and at high load one sync serves hundreds. ``merge`` runs the jobs whose work is no callable (deliveries to add),
    all at once: one statement for many rows.
    """

    def __init__(
        self,
        connect: Connect,
        merge: Callable[[apsw.Connection, list[Job]], None],
        *,
        max_bytes: int = 64 << 20,
        max_jobs: int = 20_000,
        may_reconnect: bool = True,
        synchronous: str = "FULL",
    ) -> None:
        """Open the connection by ``connect`` on the new thread; raise what it raises.

        With ``may_reconnect`` the connection is closed for a fork, and opened again after it. ``synchronous`` is the
        setting that ``connect`` makes.
        """
        self._synchronous = self._level = synchronous
        self._connection = WritingConnection(connect, may_reconnect=may_reconnect)
        self._merge = merge
        self._max_bytes = max_bytes
        self._max_jobs = max_jobs
        self._jobs: deque[Job] = deque()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._is_idle = False
        self._closing = self._pausing = self._pauses = False
        opened: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, args=(opened,), name="store-writer", daemon=True)
        self.thread.start()
        opened.result()

    async def do(self, work: Any, size: int = 0, undo: Undo | None = None, *, repeatable: bool = False) -> Any:
        """Run ``work`` in the next transaction; return its result once it is on disk.

        Raises ``StoreBusy`` when too much is waiting already. A waiter that is cancelled does not stop its work; where
        that makes the result useless, ``undo`` takes it back.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        job = Job(work, size, future, undo, repeatable=repeatable)
        self._submit(job)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():  # It was told in the very turn of the loop in which it was cancelled.
                self._undo(job)
            raise

    def _submit(self, job: Job) -> None:
        with self._lock:
            if self._closing:
                raise StoreError("the store is closed")
            if job.size and (len(self._jobs) >= self._max_jobs or self._waiting_bytes > self._max_bytes):
                raise StoreBusy("the store has more waiting than it may hold; nothing was kept, come again")
            self._jobs.append(job)
            self._waiting_bytes += job.size
            if self._is_idle:  # Once for each batch: what comes until the writer is awake goes with it.
                self._is_idle = False
                self._changed.notify_all()

    def close(self) -> None:
        """Finish what is waiting, then close the connection and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self.thread.join()

    def pause(self, seconds: float) -> bool:
        """Stand still after the batch in hand, the connection closed; return whether that was so within ``seconds``."""
        with self._changed:
            self._pausing = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._pauses, seconds)

    def resume(self) -> None:
        """Go on after a pause."""
        with self._changed:
            self._pausing = False
            self._changed.notify_all()

    def _run(self, opened: Future[None]) -> None:
        try:
            self._connection.get()
        except BaseException as error:  # noqa: BLE001  # whoever opens the store gets it, whatever it is
            opened.set_exception(error)
            return
        opened.set_result(None)
        while batch := self._take():
            self._commit(batch)
            self._tell(batch)
            self._connection.checkpoint()
        self._connection.close()

    def _take(self) -> list[Job]:
        """Wait for jobs and return them; an empty list is the end."""
        with self._changed:
            while self._pausing or not (self._jobs or self._closing):
                if self._pausing and not self._pauses:
                    self._connection.put_aside()
                    self._pauses = True
                    self._changed.notify_all()
                self._is_idle = True
                self._changed.wait()
            self._is_idle = self._pauses = False
            batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), BATCH))]
            self._waiting_bytes -= sum(job.size for job in batch)
            return batch

    def _commit(self, batch: list[Job]) -> None:
        """Run the batch in one transaction; where a job of it fails, the two halves of the batch in one each."""
        try:
            connection = self._connection.get()
            self._set_sync(connection, needed=not all(job.repeatable for job in batch))
            connection.execute("BEGIN IMMEDIATE")
            self._work(connection, batch)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # the waiters get it, whatever it is
            self._connection.roll_back()
            if len(batch) > 1 and not concerns_all(error):
                self._commit(batch[: len(batch) // 2])
                self._commit(batch[len(batch) // 2 :])
                return
            logger.warning("the store could not commit %d jobs: %s", len(batch), as_store_error(error))
            for job in batch:
                job.error = as_store_error(error)

    def _set_sync(self, connection: apsw.Connection, *, needed: bool) -> None:
        """Have the next COMMIT wait for the disk, or not; what it leaves unsynced the next one that waits syncs too."""
        level = self._synchronous if needed or self._synchronous != "FULL" else "NORMAL"
        if level != self._level:
            connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def _work(self, connection: apsw.Connection, batch: list[Job]) -> None:
        additions = [job for job in batch if not callable(job.work)]
        if additions:
            self._merge(connection, additions)
        for job in batch:
            if callable(job.work):
                job.result = job.work(connection)

    def _tell(self, batch: list[Job]) -> None:
        """Wake the waiters of a batch: one call for each event loop, not one for each job."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Job]]] = {}
        for job in batch:
            if job.future is not None:
                by_loop.setdefault(job.future.get_loop(), []).append((job.future, job))
        for loop, waiting in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._resolve, waiting)
            except RuntimeError:  # The loop was closed: its waiters are gone, and what they asked for is on disk.
                for _, job in waiting:
                    self._undo(job)

    def _resolve(self, waiting: list[tuple[asyncio.Future[Any], Job]]) -> None:
        for future, job in waiting:
            # A waiter that was cancelled (a client that is gone) must not stop the others from being told.
            if future.done():
                self._undo(job)
            elif job.error is not None:
                future.set_exception(job.error)
            else:
                future.set_result(job.result)

    def _undo(self, job: Job) -> None:
        undo, result = job.undo, job.result
        if undo is None or job.error is not None:
            return
        with self._changed:
            if not self._closing:  # Else what was leased comes free by itself.
                self._jobs.append(Job(lambda connection: undo(connection, result)))
                self._changed.notify_all()
