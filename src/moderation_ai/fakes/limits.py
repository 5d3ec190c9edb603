"""Counting what is spent of a platform's documented limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call
from moderation_ai.core.flows import Answer


class Window(msgspec.Struct, kw_only=True):
    """One allowance from its first use until it begins anew."""

    limit: float
    ends_at: datetime
    used: float = 0


class Meter:
    """Count calls by the limits of the table, each times ``times``: 1 is as documented."""

    def __init__(self, api: Api, times: float, now: Callable[[], datetime]) -> None:
        """Start with nothing spent."""
        self._api = api
        self._times = times
        self._now = now
        self._windows: dict[tuple[str, Limit], Window] = {}
        self.exceeded = 0
        """How many calls were too many."""

    def windows(self, call: Call) -> list[Window]:
        """Return the allowances that ``call`` counts against: its own and those of all calls together."""
        own = [self._window(call.name, limit) for limit in call.limits]
        return own + [self._window("", limit) for limit in self._api.limits]

    def spend(self, call: Call) -> Window | None:
        """Count ``call``; return the allowance that is exceeded by it, and then count nothing."""
        windows = self.windows(call)
        for window in windows:
            if window.used + call.cost > window.limit:
                self.exceeded += 1
                return window
        for window in windows:
            window.used += call.cost
        return None

    def _window(self, name: str, limit: Limit) -> Window:
        now = self._now()
        found = self._windows.get((name, limit))
        if found is None or found.ends_at <= now:
            found = Window(limit=limit.units * self._times, ends_at=now + timedelta(seconds=self._length(limit)))
            self._windows[name, limit] = found
        return found

    def _length(self, limit: Limit) -> float:
        if self._api.reset is not None and limit.seconds == 86_400:
            return self._api.reset(Answer(status=200, received_at=self._now())) or limit.seconds
        return limit.seconds
