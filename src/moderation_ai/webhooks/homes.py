"""Homes: which event loop a handler belongs on, and with which context variables it runs there."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import NamedTuple

from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.handling.calling import call_here, lanes_in_hand
from moderation_ai.pipeline.handling.handlers import Handler
from moderation_ai.webhooks.handled import running_loop

_FIRST_LOOK, _LONGEST_LOOK = 0.05, 1.0
"""Seconds between looks whether a handler's loop still runs; they grow, since most handlers are quick."""
_LOOP_END = 2.0
"""Seconds that a loop may take to end after it began to cancel its tasks."""
_CANCELLED = asyncio.CancelledError("its task was cancelled")


class Caller(NamedTuple):
    """Who asked for an event to be handled: the loop they are on, if one runs, and their context variables."""

    loop: asyncio.AbstractEventLoop | None
    context: Context

    @classmethod
    def here(cls) -> Caller:
        """Return who is calling."""
        return cls(running_loop(), copy_context())

    def is_inside(self, lane: str) -> bool:
        """Say whether the caller is itself a handler of that lane, which would wait for its own end."""
        return lane in self.context.get(lanes_in_hand, frozenset())


class Homes:
    """Know for each event who asked for it: its handlers run on their loop, while that runs."""

    def __init__(self) -> None:
        """Begin with no loop known."""
        self._by_seq: dict[int, Caller] = {}
        self._last: asyncio.AbstractEventLoop | None = None

    def welcome(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Keep the loop that was seen last: retries, and events that nobody waits for, run there."""
        self._last = loop or self._last

    def remember(self, seq: int, caller: Caller) -> None:
        """Keep who asked for an event."""
        self._by_seq[seq] = caller
        self.welcome(caller.loop)

    def forget(self, seq: int) -> None:
        """Drop an event that was settled."""
        self._by_seq.pop(seq, None)

    async def call(self, handler: Handler, event: WebhookEvent) -> BaseException | None:
        """Run a handler where it belongs; where that loop ends in the middle, run it again on this one."""
        caller = self._by_seq.get(event.seq)
        # Context variables are the caller's or nobody's: never those of a request that merely came by.
        context = caller.context.copy() if caller else Context()
        home = (caller.loop if caller else None) or self._last
        here = asyncio.get_running_loop()
        if handler.is_async and home is not None and home is not here and home.is_running():
            try:
                return await Visit(home, handler, event).run(context.copy())
            except LoopEnded:
                pass
        return await here.create_task(call_here(handler, event), context=context)


class LoopEnded(Exception):
    """Say that a loop ended before a handler had run to its end there."""


class Visit:
    """One run of a handler on a loop that is not ours, which may end before it, or in the middle."""

    def __init__(self, home: asyncio.AbstractEventLoop, handler: Handler, event: WebhookEvent) -> None:
        """Keep what is to run where."""
        self._home = home
        self._handler = handler
        self._event = event
        self._turn = threading.Lock()  # Taken by whoever comes first: the home to begin, or we to take it back.
        self._task: asyncio.Task[BaseException | None] | None = None
        self._came: Future[BaseException | None] = Future()

    async def run(self, context: Context) -> BaseException | None:
        """Return what the handler raised, or None; raise ``LoopEnded`` where it has to run elsewhere.

        Where this is cancelled, because its time is over, the handler is too.
        """
        try:
            self._home.call_soon_threadsafe(self._begin, context=context)
        except RuntimeError as error:  # it was closed since we looked
            raise LoopEnded from error
        try:
            came = await self._wait()
        except asyncio.CancelledError:
            self._cancel()
            raise
        if came is _CANCELLED and await self._is_ending():
            raise LoopEnded
        return came

    def _begin(self) -> None:
        if self._turn.acquire(blocking=False):
            self._task = self._home.create_task(call_here(self._handler, self._event))
            self._task.add_done_callback(self._deliver)

    def _deliver(self, task: asyncio.Task[BaseException | None]) -> None:
        is_cut_short = task.cancelled() or task.exception() is not None
        self._came.set_result(_CANCELLED if is_cut_short else task.result())

    async def _wait(self) -> BaseException | None:
        waiting = asyncio.wrap_future(self._came)
        look = _FIRST_LOOK
        while not (await asyncio.wait([waiting], timeout=look))[0]:
            look = min(look * 2, _LONGEST_LOOK)
            if self._home.is_closed() or (not self._home.is_running() and self._turn.acquire(blocking=False)):
                raise LoopEnded
        return waiting.result()

    def _cancel(self) -> None:
        if not self._turn.acquire(blocking=False) and not self._home.is_closed():
            self._home.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _is_ending(self) -> bool:
        """Say whether the loop comes to its end, which cancels all its tasks; somebody may also have cancelled ours."""
        until = asyncio.get_running_loop().time() + _LOOP_END
        while asyncio.get_running_loop().time() < until:
            if not self._home.is_running():
                return True
            await asyncio.sleep(_FIRST_LOOK)
        return False
