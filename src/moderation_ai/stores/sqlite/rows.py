"""Between our values and SQLite's rows: times as integers, states as numbers, events as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import apsw
import msgspec

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import Attempt

READY, LEASED, BEHIND = 0, 1, 2
"""Where an event stands in the queue."""
MADE_BY_HAND, REPLAYED = 1, 2
"""Why an event is handled whatever is known of its object; 0 is none of these."""
STATUSES = ("pending", "done", "dead", "superseded", "unhandled")
ATTEMPT_STATES = ("retry", "done", "dead", "superseded", "dropped")
TO_RETRY, DONE, DEAD, SUPERSEDED, DROPPED = range(len(ATTEMPT_STATES))
NOTHING_KNOWN = "X'7B7D'"
"""An object of which events are stored and nothing is known: an empty thing, as SQL."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

encode = msgspec.json.Encoder().encode
_decode_event = msgspec.json.Decoder(WebhookEvent).decode
decode_thing = msgspec.json.Decoder(Thing).decode


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


def read_event(body: bytes, seq: int, status: str, *, forced: int = 0) -> WebhookEvent:
    """Return the event of a row, with its place in the order of arrival and its status."""
    event = _decode_event(body)
    event.seq = seq
    event.status = status
    if forced == REPLAYED:
        event.source = "replay"
    return event


def read_attempt(row: tuple[Any, ...]) -> Attempt:
    """Return the attempt of a row ``(seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane)``."""
    seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane = row
    return Attempt(
        seq=seq,
        handler=handler,
        state=ATTEMPT_STATES[state],
        attempts=attempts,
        ran_at=to_time_or_none(ran_at),
        error=error,
        due_at=to_time_or_none(due_at),
        holds_until=to_time_or_none(holds_until),
        lane=lane or "",
    )


ATTEMPT_COLUMNS = "seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane"


def ask(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a statement, which is at its end then."""
    found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return found


LISTED = "(SELECT value FROM json_each(?))"
"""The right side of an ``IN`` whose values come as one parameter, made by ``listed``."""


def listed(values: Iterable[int | str]) -> str:
    """Return the parameter for ``LISTED``. Question marks would be bounded in number, and each number another SQL."""
    return encode(list(values)).decode()
