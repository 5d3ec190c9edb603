"""A clock that runs fast, the same in every process that is given the same beginning."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """Let ``speed`` seconds go by in each second since ``began``, on the machine's monotonic clock."""

    def __init__(self, start: datetime, began: float, speed: float) -> None:
        """Begin at ``start``."""
        self.start, self.began, self.speed = start, began, speed

    @classmethod
    def beginning(cls, start: datetime, speed: float) -> FastClock:
        """Return a clock that begins now."""
        return cls(start, time.monotonic(), speed)

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return (self.start + timedelta(seconds=(time.monotonic() - self.began) * self.speed)).astimezone(UTC)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or after ``seconds`` of this clock."""
        try:
            async with asyncio.timeout(seconds / self.speed):
                await event.wait()
        except TimeoutError:
            return
