"""Events and bodies for the tests of the face."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.utils import WebhookHandler
from moderation_ai.webhooks.report import Report

ONCE = RetrySchedule(max_attempts=1)
AT_ONCE = RetrySchedule(max_attempts=3, first=0.0, jitter=0.0)
"""Three attempts without a pause between them."""


def made(comment_id: str = "c1", kind: str = "comment.created", text: str = "hello", **changes: Any) -> WebhookEvent:
    """Return an event that is made by hand."""
    data = {"comment": {"id": comment_id, "text": text, "author_username": "rye_fan"}}
    return WebhookEvent(**{"event_type": kind, "platform": "generic", "data": data, **changes})


def envelope(comment_id: str = "c1", kind: str = "comment.created", **changes: Any) -> bytes:
    """Return the body of one event in the brief's envelope."""
    data = {"comment": {"id": comment_id, "text": "hello", "author_username": "rye_fan"}}
    return json.dumps({"event_id": f"evt_{comment_id}_{kind}", "event_type": kind, "data": data, **changes}).encode()


class Book:
    """Notes which events a handler was given, and on which loop and thread."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.loops: list[asyncio.AbstractEventLoop | None] = []
        self.threads: list[str] = []
        self._changed = threading.Condition()

    def note(self, event: WebhookEvent) -> None:
        """Write an event down."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        with self._changed:
            self.ids.append(event.data.comment.id)
            self.loops.append(loop)
            self.threads.append(threading.current_thread().name)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Return once so many events were noted; fail after ten seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ids) >= count, 10), self.ids

    def async_handler(self, handler: WebhookHandler, *kinds: str, **options: Any) -> None:
        """Register an ``async def`` that notes its events."""

        @handler.on(*(kinds or ("*",)), **{"name": "async", **options})
        async def note(event: WebhookEvent) -> None:
            await asyncio.sleep(0)
            self.note(event)

    def plain_handler(self, handler: WebhookHandler, *kinds: str, **options: Any) -> None:
        """Register a ``def`` that notes its events."""
        handler.on(*(kinds or ("*",)), **{"name": "plain", **options})(self.note)


def handle_now(handler: WebhookHandler, event: WebhookEvent, with_loop: bool) -> Report:
    """Handle an event to its end, on an event loop or without one."""

    async def main() -> Report:
        report = await handler.handle(event)
        await asyncio.sleep(0)  # The loop lives on.
        return report

    return asyncio.run(main()) if with_loop else handler.handle(event).result()


def in_thread(work: Callable[[], Any]) -> Any:
    """Do ``work`` on a thread without an event loop and return its result."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(work()))
    thread.start()
    thread.join(20)
    return result[0]
