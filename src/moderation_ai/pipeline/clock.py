"""The clock that everything above the pure rooms reads, so that tests can turn it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tell the time and wait."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or after ``seconds``."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return datetime.now(UTC)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return


class ManualClock:
    """A clock that stands still until it is told to go on; for tests, ours and users'."""

    def __init__(self, now: datetime) -> None:
        """Set the clock to ``now`` (aware)."""
        self._now = now
        self._moved: list[asyncio.Event] = []

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Turn the clock to ``now`` and let everyone who waits look again."""
        self._now = now
        for moved in self._moved:
            moved.set()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or when the clock was turned ``seconds`` on."""
        until = self._now.timestamp() + seconds
        while not event.is_set() and self._now.timestamp() < until:
            moved = asyncio.Event()
            self._moved.append(moved)
            waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(moved.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._moved.remove(moved)
                for wait in waits:
                    wait.cancel()
