"""WebhookMonitor: health that is looked at again and again, and told when it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from moderation_ai.core.errors import StoreError
from moderation_ai.pipeline.health import Health
from moderation_ai.webhooks.handled import Handled, background
from moderation_ai.webhooks.handler import WebhookHandler

logger = logging.getLogger(__name__)


class WebhookMonitor:
    """Watch a handler: lag, dead letters, refused requests, unverified sources.

    ``interval`` is in seconds. ``on_change`` is called with the ``Health`` when its status or its problems change (on
    our loop's thread, so it must be quick); they are logged in any case.
    """

    def __init__(
        self,
        handler: WebhookHandler | None = None,
        *,
        interval: float = 60.0,
        on_change: Callable[[Health], None] | None = None,
    ) -> None:
        """Keep the handler (the one that was made last, if none is given)."""
        self.handler = handler or WebhookHandler.current()
        self.interval = interval
        self.last: Health | None = None
        self._on_change = on_change
        self._stop: asyncio.Event | None = None

    def check(self) -> Handled[Health]:
        """Return the health as it is now; await it, or ask for its ``result()``."""
        return self.handler.engine().run(self._check())

    def start_health_checks(self) -> None:
        """Begin to look at the health every ``interval`` seconds, in the background, until ``stop``; twice is once."""
        if self._stop is None:
            self._stop = asyncio.Event()
            asyncio.run_coroutine_threadsafe(self._watch(self._stop), background().loop)

    def stop(self) -> None:
        """Look no more."""
        if self._stop is not None:
            background().loop.call_soon_threadsafe(self._stop.set)
            self._stop = None

    async def _check(self) -> Health:
        parts = await self.handler.engine().open()
        health = await parts.health()
        before, self.last = self.last, health
        if before is None or before.problems != health.problems:
            self._tell(health)
        return health

    def _tell(self, health: Health) -> None:
        if health.problems:
            logger.warning("webhooks are %s: %s", health.status, "; ".join(health.problems))
        else:
            logger.info("webhooks are %s", health.status)
        if self._on_change is not None:
            self._on_change(health)

    async def _watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._check()
            except Exception as error:  # The checks go on, whatever one of them or ``on_change`` raises.
                logger.error("webhooks cannot be checked: %s", error, exc_info=not isinstance(error, StoreError))
            await self.handler.engine().parts.clock.wait(stop, self.interval)
