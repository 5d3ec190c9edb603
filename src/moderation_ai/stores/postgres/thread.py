"""The store's own event loop on a thread of its own: connections belong to a loop, and callers come from any."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.postgres.failing import as_store_error

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
Undo = Callable[[T], Coroutine[Any, Any, None]]


class StoreThread:
    """Run coroutines of the store on its own loop, and hand what comes of them to the loops that wait."""

    def __init__(self) -> None:
        """Start the thread. It is a daemon: a store that hangs must not keep a process from its end."""
        self._loop = _new_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store-postgres", daemon=True)
        self._thread.start()

    async def do(self, work: Work[T], undo: Undo[T] | None = None) -> T:
        """Return what ``work`` returns; raise ``StoreBusy`` or ``StoreError`` where it fails.

        A caller that is cancelled does not stop the work, which may be on its way to the disk; where that makes its
        result useless, ``undo`` takes it back.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.call_soon(lambda: self.spawn(self._work(work, undo, future)))
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:
                # It was told in the very turn of the loop in which it was cancelled.
                self._take_back(future.result(), undo)
            raise

    async def _work(self, work: Work[T], undo: Undo[T] | None, future: asyncio.Future[T]) -> None:
        try:
            result = await work()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # the waiter gets it, whatever it is
            # Nobody cancels us: a driver that loses its connection may cancel what it waits for itself.
            tell(future, partial(_fail, future, as_store_error(error)))
            return
        if not tell(future, partial(self._hand_over, future, result, undo)):
            self._take_back(result, undo)

    def _hand_over(self, future: asyncio.Future[T], result: T, undo: Undo[T] | None) -> None:
        if future.done():  # its waiter was cancelled
            self._take_back(result, undo)
        else:
            future.set_result(result)

    def _take_back(self, result: T, undo: Undo[T] | None) -> None:
        if undo is not None:
            with suppress(StoreError):  # Once the store is closed, what was leased comes free by itself.
                self.call_soon(lambda: self.spawn(undo(result)))

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call on the store's loop; raise ``StoreError`` once that is closed."""
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError as error:
            raise StoreError("the store is closed") from error

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` as a task of the store's loop; to be called there."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the store's loop, and wait for it on this thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self, last: Coroutine[Any, Any, None], seconds: float) -> None:
        """Let what was begun come to its end, run ``last``, and end the thread."""
        self.run(self._drain(seconds))
        self.run(last)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _drain(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


def tell(future: asyncio.Future[Any], call: Callable[[], None]) -> bool:
    """Call on the loop of ``future``; return whether that is still there."""
    try:
        future.get_loop().call_soon_threadsafe(call)
    except RuntimeError:  # It was closed: its waiter is gone.
        return False
    return True


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.SelectorEventLoop()
    import uvloop

    return uvloop.new_event_loop()
