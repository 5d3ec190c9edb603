"""Calling: one handler runs, on this loop or on a thread, and what it raised is a value."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any

from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.handling.handlers import Function, Handler
from moderation_ai.threads import run_in_thread

current_event: ContextVar[WebhookEvent | None] = ContextVar("current_event", default=None)
"""The event whose handler is running: what a handler calls may ask which platform it is about."""
lanes_in_hand: ContextVar[frozenset[str]] = ContextVar("lanes_in_hand", default=frozenset())
"""The lanes of the events whose handlers are running around this code: to wait for them here is to wait for oneself."""
Call = Callable[[Handler, WebhookEvent], Coroutine[Any, Any, BaseException | None]]
"""Runs one handler and returns what it raised, or None."""


async def call_here(handler: Handler, event: WebhookEvent) -> BaseException | None:
    """Run a handler on this loop, or on a thread if it is a plain ``def``; return what it raised, or None.

    What a handler raises is a value here: a ``SystemExit`` on its way through an event loop would end that loop, and
    a ``StopIteration`` would be lost between a thread and its waiter.
    """
    current_event.set(event)
    lanes_in_hand.set(lanes_in_hand.get() | {event.lane})
    if handler.is_async:
        return await _raised_by(handler.function(event))
    result, error = await run_in_thread(partial(_call_plain, handler.function, event))
    return error if error is not None or not asyncio.iscoroutine(result) else await _raised_by(result)


def _call_plain(function: Function, event: WebhookEvent) -> tuple[Any, BaseException | None]:
    try:
        return function(event), None
    except BaseException as error:  # noqa: BLE001  # it is the attempt's error, whatever it is
        return None, error


async def _raised_by(work: Awaitable[Any]) -> BaseException | None:
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # Its time is over, or we ourselves are being stopped.
        return error
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise  # Somebody wants the program to end.
        return error
    except (Exception, SystemExit, BaseExceptionGroup) as error:  # noqa: BLE001  # it is the attempt's error
        return error
    return None
