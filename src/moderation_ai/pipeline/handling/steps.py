"""Steps: work that is begun at once, and needs a place to wait only where it has to wait for something."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_Step = Callable[[Any], Any]


class Steps(Generic[T]):
    """A coroutine whose first step is done here and now: most handlers end in it.

    Whoever begins it has to be in a task, and to await ``rest`` in that same task where ``begin`` says no: what the
    coroutine asks of its task (a time-out, a cancellation) is meant for its whole life. With a ``context`` all of its
    steps run in that.
    """

    __slots__ = ("_context", "_waits_for", "_work", "result")

    def __init__(self, work: Coroutine[Any, Any, T], context: Context | None = None) -> None:
        """Keep the work; nothing of it has run yet."""
        self._work = work
        self._context = context
        self._waits_for: Any = None
        self.result: T

    def begin(self) -> bool:
        """Do the first step; return whether that was all, with the ``result``. Raises what the work raises."""
        return self._do(self._work.send, None)

    @coroutine
    def rest(self) -> Generator[Any, Any, T]:
        """Do all other steps, and return the result; raise what the work raises."""
        is_done = False
        while not is_done:
            try:
                sent = yield self._waits_for
            except BaseException as error:  # noqa: BLE001  # a cancellation, and whatever else it was to be told
                is_done = self._do(self._work.throw, error)
            else:
                is_done = self._do(self._work.send, sent)
        return self.result

    def _do(self, step: _Step, value: Any) -> bool:
        try:
            self._waits_for = step(value) if self._context is None else self._context.run(step, value)
        except StopIteration as end:
            self.result = end.value
            return True
        return False
