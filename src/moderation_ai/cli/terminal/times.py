"""Times as people give them on the command line: RFC 3339, a date, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from moderation_ai.core.content import as_time

_AGO = re.compile(r"([0-9]{1,9})([smhdw])\Z", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SHORTEST_UNIX_TIME = 9
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)


def read_time(text: str, now: datetime) -> datetime | None:
    """Return the time that ``text`` means at ``now``, or None: ``2026-11-24T10:00:00Z``, ``2026-11-24``, ``10m``.

    A time without a zone is UTC; ``10m``, ``2h`` and ``7d`` are so long before now. A long number is Unix time; a
    short one is a unit forgotten, and no time in 1970.
    """
    if text.isdigit() and len(text) < _SHORTEST_UNIX_TIME:
        return None
    if ago := _AGO.match(text):
        try:
            return now - timedelta(seconds=int(ago.group(1)) * _UNITS[ago.group(2)])
        except OverflowError:
            return None
    return as_time(f"{text}T00:00:00Z" if _DAY.match(text) else text)


def clock_time(when: datetime | None) -> str:
    """Return a time as lists show it: UTC, to the second."""
    return "-" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
