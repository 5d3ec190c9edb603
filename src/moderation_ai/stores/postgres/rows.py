"""Between our values and PostgreSQL's rows: lists of rows as columns, text without what PostgreSQL cannot hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from moderation_ai.stores.base import Attempt
from moderation_ai.stores.rows import ATTEMPT_STATES


def columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Return ``rows`` turned into ``count`` columns, as ``unnest`` takes them."""
    if not rows:
        return [[] for _ in range(count)]
    return [list(column) for column in zip(*rows, strict=True)]


def as_text(value: str) -> str:
    """Return ``value`` as PostgreSQL can hold it: a NUL becomes the sign for one. The event's own form keeps it."""
    return value.replace("\0", "\u2400") if "\0" in value else value


def as_text_or_none(value: str | None) -> str | None:
    """Return ``value`` as PostgreSQL can hold it, or None."""
    return None if value is None else as_text(value)


def texts(values: Iterable[str]) -> list[str]:
    """Return ``values`` as PostgreSQL can hold them."""
    return [as_text(value) for value in values]


ATTEMPT_COLUMNS = "seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane"


def read_attempt(row: Sequence[Any]) -> Attempt:
    """Return the attempt of a row of ``ATTEMPT_COLUMNS``."""
    seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane = row
    return Attempt(
        seq=seq,
        handler=handler,
        state=ATTEMPT_STATES[state],
        attempts=attempts,
        ran_at=ran_at,
        error=read_error(error),
        due_at=due_at,
        holds_until=holds_until,
        lane=lane or "",
    )


def read_error(error: bytes | None) -> str | None:
    """Return what an attempt says of its error."""
    return None if error is None else error.decode()
