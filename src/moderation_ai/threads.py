"""Blocking work beside an event loop, on threads that never keep the interpreter from exiting."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  # asyncio and drivers want it, and it cannot be imported any more once the interpreter ends
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonPool:
    """A pool of daemon threads, grown as they are needed up to ``size``.

    ``concurrent.futures`` joins its threads when the interpreter exits, so one handler that hangs would keep the
    process for ever; these are left behind instead. A pool lives as long as its process: make few.
    """

    def __init__(self, size: int, name: str) -> None:
        """Make an empty pool; threads start when there is work and none is idle."""
        self._size = size
        self._name = name
        self._start_empty()
        if hasattr(os, "register_at_fork"):  # A fork's child has none of its parent's threads.
            os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._threads = 0
        # Every task that was put is meant for one thread. Idle threads are those that none is meant for yet, so that
        # a thread which was just given something is never taken for idle; tasks beyond all threads are the backlog.
        self._idle = 0
        self._backlog = 0

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run ``work`` on a thread of the pool; it waits its turn where all are busy."""
        future: Future[T] = Future()
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._threads < self._size:
                threading.Thread(target=self._run, args=(self._tasks,), name=self._name, daemon=True).start()
                self._threads += 1
            else:
                self._backlog += 1
            self._tasks.put((work, future))
        return future

    def _run(self, tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]]]) -> None:
        while True:
            _run_one(*tasks.get())
            with self._lock:
                if self._backlog:
                    self._backlog -= 1
                else:
                    self._idle += 1


def _run_one(work: Callable[[], T], future: Future[T]) -> None:
    # A function of its own, so that an idle thread keeps nothing alive of what it did last.
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  # the waiter gets it, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)


_pool = DaemonPool(64, "moderation-ai")


async def run_in_thread(work: Callable[[], T], pool: DaemonPool = _pool) -> T:
    """Run ``work`` on a thread of ``pool``, with the caller's context variables, and return its result."""
    context = contextvars.copy_context()
    return await asyncio.wrap_future(pool.submit(lambda: context.run(work)))
