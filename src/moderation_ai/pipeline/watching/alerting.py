"""Alerting: a problem is told to the user's address once, and once more when it is over."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable, StoreError
from moderation_ai.core.generic import message_id_of, sign_standard
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.watching.health import Health
from moderation_ai.posting import Poster
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import Duty

logger = logging.getLogger(__name__)

LOOK = 30.0
"""Seconds between two looks at the health."""
LEASE = 300.0
"""Seconds after which a problem is another process's to watch whose watcher shows no sign of life."""
MOST_WAITING = 100
"""Alerts that may wait to be sent; then the oldest is given up."""
SCHEDULE = RetrySchedule(max_attempts=10, first=5, factor=3, longest=3600, jitter=0.2)
"""When an alert is sent again that was not taken: over about five hours."""
PREFIX = "alert:"


class Posts(Protocol):
    """Post to the user's address; ``Poster`` does."""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Return the status of the answer."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted: ``type`` is ``problem`` or ``recovery``; ``data`` has the cause and what to do about it."""

    type: str
    timestamp: datetime
    data: dict[str, str]


class AlertReceiver(NamedTuple):
    """Where alerts go, and what they are signed with."""

    poster: Posts
    secret: str


def receiver_of(url: str | None, secret: str | None, *, allow_private: bool = False) -> AlertReceiver | None:
    """Return the receiver that is configured, or None; raise ``ConfigurationError`` for one that cannot be used."""
    if url is None:
        return None
    if not secret:
        raise ConfigurationError("alerts.url is set without alerts.secret: nobody could tell our alerts from others'")
    return AlertReceiver(Poster(url, allow_private=allow_private), secret)


class Alerts:
    """Look at the health again and again, and tell of each problem once, whichever process of the store sees it.

    Which problems are told of stands in the store, so a restart tells none of them again.
    """

    def __init__(
        self,
        store: Store,
        health: Callable[[], Awaitable[Health]],
        receiver: AlertReceiver,
        clock: Clock,
        *,
        name: str,
        chance: Callable[[], float],
    ) -> None:
        """Keep the parts; ``name`` must be no other worker's."""
        self._store = store
        self._health = health
        self._receiver = receiver
        self._clock = clock
        self._name = name
        self._chance = chance
        self._waiting: deque[Alert] = deque()
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Look and tell until ``stop``."""
        sending = asyncio.get_running_loop().create_task(self._send_all())
        try:
            while not self._stop.is_set():
                try:
                    await self.look()
                except StoreError as error:
                    logger.warning("the health cannot be looked at: %s", error)
                except Exception:  # What ended here would be told by nobody.
                    logger.exception("alerts cannot be made")
                await self._clock.wait(self._stop, LOOK)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def stop(self) -> None:
        """Look no more; what was not sent yet is given up."""
        self._stop.set()

    async def look(self) -> None:
        """Compare the health with what was told of; raise ``StoreError``."""
        health = await self._health()
        now = self._clock.now()
        told = {one.name.removeprefix(PREFIX): one for one in await self._store.duties() if one.name.startswith(PREFIX)}
        for cause, text in zip(health.causes, health.problems, strict=True):
            is_ours = await self._store.take_duty(PREFIX + cause, self._name, now, LEASE)
            if is_ours and cause not in told:
                self._tell(Alert(type="problem", timestamp=now, data={"cause": cause, "text": text}))
        for cause, duty in told.items():
            is_over = cause not in health.causes and self._may_end(duty, now)
            if is_over and await self._store.drop_duty(duty.name, duty.worker):
                self._tell(Alert(type="recovery", timestamp=now, data={"cause": cause, "text": "it is over"}))

    def _may_end(self, duty: Duty, now: datetime) -> bool:
        return duty.worker == self._name or duty.until < now

    def _tell(self, alert: Alert) -> None:
        if len(self._waiting) >= MOST_WAITING:
            logger.error("too many alerts wait to be sent; given up: %s", self._waiting.popleft().data["cause"])
        self._waiting.append(alert)
        self._wake.set()

    async def _send_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send(self._waiting.popleft())

    async def _send(self, alert: Alert) -> None:
        """Post an alert until it is taken, or given up."""
        attempts = 0
        while True:
            reason = await self._try(alert)
            if reason is None:
                return
            attempts += 1
            pause = SCHEDULE.delay(attempts, self._chance())
            if pause is None:
                logger.error("the alert %s was given up: %s", alert.data["cause"], reason)
                return
            logger.warning("the alert %s was not taken, again in %.0f s: %s", alert.data["cause"], pause, reason)
            await self._clock.wait(self._stop, pause)

    async def _try(self, alert: Alert) -> str | None:
        """Return None if the alert was taken, else why not."""
        body = msgspec.json.encode(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "moderation-ai",
            # Its time of sending is signed, its id stays the same by every try.
            **sign_standard(body, self._receiver.secret, self._clock.now(), message_id_of(body)),
        }
        try:
            status = await self._receiver.poster.post(body, headers)
        except (PlatformUnavailable, ConfigurationError) as error:
            return str(error)
        except Exception as error:  # What ended here would send no other alert either.
            logger.exception("the alert %s could not be sent", alert.data["cause"])
            return type(error).__name__
        return None if 200 <= status < 300 else f"it was answered {status}"
