"""Between our values and SQLite's rows: times as integers, lists as one parameter; the rest is every store's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from moderation_ai.stores.base import Attempt
from moderation_ai.stores.rows import ATTEMPT_STATES as ATTEMPT_STATES
from moderation_ai.stores.rows import BEHIND as BEHIND
from moderation_ai.stores.rows import DEAD as DEAD
from moderation_ai.stores.rows import DROPPED as DROPPED
from moderation_ai.stores.rows import LEASED as LEASED
from moderation_ai.stores.rows import MADE_BY_HAND as MADE_BY_HAND
from moderation_ai.stores.rows import READY as READY
from moderation_ai.stores.rows import REPLAYED as REPLAYED
from moderation_ai.stores.rows import STATUSES as STATUSES
from moderation_ai.stores.rows import SUPERSEDED as SUPERSEDED
from moderation_ai.stores.rows import TO_RETRY as TO_RETRY
from moderation_ai.stores.rows import decode_thing as decode_thing
from moderation_ai.stores.rows import encode as encode
from moderation_ai.stores.rows import read_event as read_event
from moderation_ai.stores.times import to_micros as to_micros
from moderation_ai.stores.times import to_micros_or_none as to_micros_or_none
from moderation_ai.stores.times import to_time as to_time
from moderation_ai.stores.times import to_time_or_none as to_time_or_none

NOTHING_KNOWN = "X'7B7D'"
"""An object of which events are stored and nothing is known: an empty thing, as SQL."""


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


def ask(connection: apsw.Connection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a statement, which is at its end then."""
    found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return found


LISTED = "(SELECT value FROM json_each(?))"
"""The right side of an ``IN`` whose values come as one parameter, made by ``listed``."""


def listed(values: Iterable[int | str]) -> str:
    """Return the parameter for ``LISTED``. Question marks would be bounded in number, and each number another SQL."""
    return encode(list(values)).decode()
