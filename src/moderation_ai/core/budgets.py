"""How much of a platform's allowance is left: documented limits, and what its answers say of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from moderation_ai.core.flows import Answer

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?\Z", re.ASCII)
LONGEST = 31 * 86400.0
"""Seconds that we wait at most because a platform says so: a month, the longest of the documented periods."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A documented limit: so many units in so many seconds, for the ``account``, the ``app``, or each ``call``.

    ``wait`` is how many seconds the platform wants to be left alone after it was exceeded, where it says so.
    """

    units: int
    seconds: int
    shared_by: str = "account"
    wait: float | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says is left of an allowance.

    ``name`` says of which (a call's name, ``account`` or ``app``). ``used`` is a share between 0 and 1 or above;
    ``remaining`` and ``limit`` are counted in requests where the platform counts; ``resets_at`` is aware UTC.
    """

    name: str
    used: float | None = None
    limit: float | None = None
    remaining: float | None = None
    resets_at: datetime | None = None

    @property
    def is_spent(self) -> bool:
        """Say whether nothing is left before ``resets_at``."""
        if self.remaining is not None:
            return self.remaining < 1
        return self.used is not None and self.used >= 1


def read_number(text: str | None) -> float | None:
    """Return the number in a header field, or None for what is none; Reddit writes ``233.0`` where it counts."""
    stripped = (text or "").strip()
    return float(stripped) if _NUMBER.match(stripped) else None


def read_retry_after(answer: Answer) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, in either of its spellings (RFC 9110 §10.2.3), or None."""
    text = answer.headers.get("retry-after")
    seconds = read_number(text)
    if seconds is None and text:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        return seconds_until(when if when.tzinfo else when.replace(tzinfo=UTC), answer.received_at)
    return None if seconds is None else min(seconds, LONGEST)


def seconds_until(when: datetime, now: datetime) -> float:
    """Return the seconds from ``now`` to ``when``, none of them negative."""
    return min(max((when - now).total_seconds(), 0.0), LONGEST)


def after(answer: Answer, seconds: float | None, longest: float = LONGEST) -> datetime | None:
    """Return the time that lies ``seconds`` after the answer, at most ``longest``; None without them."""
    return None if seconds is None else answer.received_at + timedelta(seconds=min(seconds, longest))
