"""Driving a coroutine without a task, for what is begun and ended many thousand times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Driven(Generic[T]):
    """Run ``coroutine`` at once as far as it goes, and on whenever the future it waits for is done.

    ``ended`` is called with what it returns. A task does the same for several microseconds more, and a request takes
    about fifty: it may be cancelled and asked for, which nobody does here. What has to know its task, such as
    ``asyncio.timeout``, works below only in a task of its own that is awaited.
    """

    __slots__ = ("_coroutine", "_ended")

    def __init__(self, coroutine: Coroutine[Any, Any, T], ended: Callable[[T], object]) -> None:
        """Begin; what the coroutine raises before it waits for the first time is raised here."""
        self._coroutine = coroutine
        self._ended = ended
        self._go_on()

    def _go_on(self, waited: asyncio.Future[Any] | None = None) -> None:
        try:
            future: asyncio.Future[Any] = self._coroutine.send(None)
        except StopIteration as end:
            self._ended(end.value)
            return
        future.add_done_callback(self._go_on)
