"""WebhookMonitor: health that is looked at again and again, and told when it changes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from moderation_ai.core.errors import ConfigurationError, StoreError
from moderation_ai.pipeline.watching.health import Health
from moderation_ai.platforms import find_platform
from moderation_ai.webhooks.handled import Handled, background
from moderation_ai.webhooks.handler import WebhookHandler

logger = logging.getLogger(__name__)

_EXIT = 2.0
"""Seconds that an interpreter which ends waits for a check that has begun."""


class WebhookMonitor:
    """Watch a handler: lag, dead letters, refused requests, unverified sources, silence.

    ``interval`` is in seconds. ``on_change`` is called with the ``Health`` at the first check and whenever its causes
    change, from ok to degraded and back (on our loop's thread, so it must be quick); each change is logged in any case.
    ``silence_after`` says for how many seconds a platform may send nothing: ``{"instagram": 3600}``. Several monitors
    may watch several handlers.
    """

    def __init__(
        self,
        handler: WebhookHandler | None = None,
        *,
        interval: float = 60.0,
        on_change: Callable[[Health], None] | None = None,
        silence_after: Mapping[str, float] | None = None,
    ) -> None:
        """Keep the handler (the one that was made last, if none is given)."""
        self.handler = handler or WebhookHandler.current()
        self.interval = interval
        self.last: Health | None = None
        self._on_change = on_change
        self._silence_after = _limits(silence_after or {})
        self._stop: asyncio.Event | None = None
        self._pid = os.getpid()

    def check(self) -> Handled[Health]:
        """Return the health as it is now; await it, or ask for its ``result()``."""
        return self.handler.runtime().run(self._check())

    def start_health_checks(self) -> None:
        """Begin to look at the health every ``interval`` seconds, in the background, until ``stop``; twice is once.

        A plain call, with an event loop or without one. It keeps no program from ending. A fork's child, such as a
        pre-fork server's worker, starts its own.
        """
        if self._stop is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._stop = asyncio.Event()
            first = self._begin_check()
            asyncio.run_coroutine_threadsafe(self._watch(self._stop, first), background().loop)

    def stop(self) -> None:
        """Look no more."""
        if self._stop is not None:
            background().loop.call_soon_threadsafe(self._stop.set)
            self._stop = None

    async def _check(self) -> Health:
        parts = await self.handler.runtime().open()
        health = await parts.health(self._silence_after)
        before, self.last = self.last, health
        # The sentences hold figures that grow from one check to the next; the causes stay.
        if before is None or before.causes != health.causes:
            self._tell(health)
        return health

    def _tell(self, health: Health) -> None:
        at = self.handler.endpoint
        if health.problems:
            logger.warning("webhooks at %s are %s: %s", at, health.status, "; ".join(health.problems))
        else:
            logger.info("webhooks at %s are %s", at, health.status)
        if self._on_change is not None:
            self._on_change(health)

    async def _watch(self, stop: asyncio.Event, check: Future[None]) -> None:
        while not stop.is_set():
            await asyncio.wrap_future(check)
            await self.handler.runtime().parts.clock.wait(stop, self.interval)
            if not stop.is_set():
                check = self._begin_check()

    def _begin_check(self) -> Future[None]:
        """Begin a check as work of its own: an interpreter that ends lets it come to its end."""
        return background().submit(self._try_to_check(), _EXIT)

    async def _try_to_check(self) -> None:
        try:
            await self._check()
        except Exception as error:  # The checks go on, whatever one of them or ``on_change`` raises.
            logger.error("webhooks cannot be checked: %s", error, exc_info=not isinstance(error, StoreError))


def _limits(given: Mapping[str, float]) -> dict[str, float]:
    """Return the limits by the platforms' own names; raise ``UnknownPlatform`` or ``ConfigurationError``."""
    if not all(isinstance(seconds, int | float) and seconds > 0 for seconds in given.values()):
        raise ConfigurationError("silence_after takes seconds above 0, for example {'instagram': 3600}")
    return {find_platform(name).name: float(seconds) for name, seconds in given.items()}
