"""Times as stores keep them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(when: datetime) -> int:
    """Return ``when`` as microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def to_micros_or_none(when: datetime | None) -> int | None:
    """Return ``when`` as microseconds since 1970, or None."""
    return None if when is None else to_micros(when)


def to_time(micros: int) -> datetime:
    """Return the time that ``micros`` stands for."""
    return _EPOCH + micros * _MICROSECOND


def to_time_or_none(micros: int | None) -> datetime | None:
    """Return the time that ``micros`` stands for, or None."""
    return None if micros is None else to_time(micros)
