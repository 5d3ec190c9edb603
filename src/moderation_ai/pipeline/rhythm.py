"""Rhythm: how long a platform is usually silent, so that an unusual silence is noticed."""

from __future__ import annotations

from datetime import datetime

DAYS = 7
"""How long what was usual is remembered."""
LEARNED_IN = 86_400.0
"""Seconds that a platform must have been heard before anything is known to be usual: every hour of a day once."""
SHORTEST = 900.0
"""Seconds below which no silence is unusual."""
TIMES = 2.0
"""How many times the longest usual silence is an unusual one."""


class Rhythm:
    """The longest silence of each of the last seven days; kept in memory, so it is learned anew after a start."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._longest: dict[int, float] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None

    def hear(self, when: datetime) -> None:
        """Note that something came."""
        if self._last is not None and when > self._last:
            day = when.toordinal()
            gap = (when - self._last).total_seconds()
            self._longest[day] = max(self._longest.get(day, 0.0), gap)
            for old in [each for each in self._longest if each <= day - DAYS]:
                del self._longest[old]
        self._first = self._first or when
        self._last = max(when, self._last or when)

    def limit(self) -> float | None:
        """Return the seconds after which a silence is unusual, or None while too little is known."""
        if self._first is None or self._last is None or not self._longest:
            return None
        if (self._last - self._first).total_seconds() < LEARNED_IN:
            return None
        return max(SHORTEST, TIMES * max(self._longest.values()))
