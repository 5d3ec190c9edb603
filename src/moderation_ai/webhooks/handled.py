"""Handled: the answer that any caller may await or ignore; the doors between a caller's loop and ours.

The runtime is async and runs on one loop thread of our own (lazily, one for each process, a daemon that is drained at
exit). ``handle`` gives work to it and returns at once where a loop runs, else when the work is done.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Coroutine, Generator
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")
EXIT_DEADLINE = 10.0
"""Seconds that the interpreter's exit waits for work that has begun."""
_REST = 1.0
"""Seconds that it waits for our loop to come to rest, which a callback that does not return may keep from it."""


class Handled(Generic[T]):
    """Work that has begun; await it, ask for its ``result()``, or leave it: it is done all the same."""

    def __init__(self, future: Future[T], *, is_awaited: bool = False) -> None:
        """Stand for ``future``, which our loop thread fulfils; ``is_awaited`` says that its caller waits for it."""
        self._future = future
        self._is_awaited = is_awaited
        future.add_done_callback(self._log_failure)

    def __await__(self) -> Generator[Any, None, T]:
        """Return the result; being cancelled while waiting (a client that is gone) cancels the waiting alone."""
        self._is_awaited = True
        return asyncio.shield(asyncio.wrap_future(self._future)).__await__()

    def result(self, timeout: float | None = None) -> T:
        """Return the result, waiting ``timeout`` seconds at most.

        Raises ``RuntimeError`` on an event loop's thread, which would stand still while it waits.
        """
        self._is_awaited = True
        if not self.done() and running_loop() is not None:
            raise RuntimeError("an event loop runs here: `await` this instead of asking for its result()")
        return self._future.result(timeout)

    def done(self) -> bool:
        """Say whether the work has ended."""
        return self._future.done()

    def _log_failure(self, future: Future[T]) -> None:
        if not self._is_awaited and not future.cancelled() and (error := future.exception()) is not None:
            logger.error("work that nobody waits for failed: %s: %s", type(error).__name__, error)


def run(work: Coroutine[Any, Any, T], *, exit_deadline: float = EXIT_DEADLINE) -> Handled[T]:
    """Begin ``work`` on our loop; without a running loop here, return once it is done (and raise what it raises).

    An interpreter that exits waits for it, ``exit_deadline`` seconds at most.
    """
    waits = running_loop() is None
    handled = Handled(background().submit(work, exit_deadline), is_awaited=waits)
    if waits:
        handled.result()
    return handled


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs on this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Background:
    """An event loop on a daemon thread, with a record of the work that has begun."""

    def __init__(self) -> None:
        """Start the thread."""
        self.loop = asyncio.new_event_loop()
        self._begun: dict[Future[Any], float] = {}
        threading.Thread(target=self._run, name="moderation-ai-loop", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T], exit_deadline: float = EXIT_DEADLINE) -> Future[T]:
        """Begin ``work`` on the loop, from any thread."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        self._begun[future] = exit_deadline
        future.add_done_callback(lambda done: self._begun.pop(done, None))
        return future

    def drain(self) -> bool:
        """Wait until what has begun is done, each for its deadline at most; say whether all was."""
        start = time.monotonic()
        while self._begun:
            begun = self._begun.copy()
            left = start + max(begun.values()) - time.monotonic()
            if left <= 0:
                logger.warning("%d events were still being handled at exit; a durable store keeps them", len(begun))
                return False
            wait(begun, timeout=left)
        return True

    def rest(self) -> None:
        """Have the thread do nothing more: what runs in an extension while the interpreter ends may crash it."""
        resting = threading.Event()

        def rest() -> None:
            resting.set()
            threading.Event().wait()

        self.loop.call_soon_threadsafe(rest)
        resting.wait(_REST)


_lock = threading.Lock()
_background: Background | None = None


def background() -> Background:
    """Return this process's loop thread, started on first use."""
    global _background
    with _lock:
        if _background is None:
            _background = Background()
        return _background


def _begin_anew() -> None:
    """Forget a parent's thread: a fork's child gets one of its own."""
    global _lock, _background
    _lock, _background = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


@atexit.register
def _drain_at_exit() -> None:
    if _background is not None:
        _background.drain()
        _background.rest()
