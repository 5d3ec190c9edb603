"""Inserting: many rows by one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

import apsw

from moderation_ai.stores.sqlite.rows import ask

T = TypeVar("T")
Row = tuple[Any, ...]
_CHUNKS = (256, 128, 64, 32, 16, 8, 4, 2, 1)


def insert_rows(
    connection: apsw.Connection, table: str, columns: str, rows: Sequence[Row], tail: str = ""
) -> list[Any]:
    """Insert many rows by as few statements as there are chunk sizes, and return what they return.

    One statement for many rows hands the interpreter's lock over once, not once a row.
    """
    found: list[Any] = []
    for chunk in chunks(rows):
        sql = _statement(table, columns, len(chunk), tail)
        found += ask(connection, sql, [value for row in chunk for value in row])
    return found


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield ``rows`` in pieces of few sizes, so that there are few statements, each prepared once."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _statement(table: str, columns: str, count: int, tail: str) -> str:
    marks = "(" + ",".join("?" for _ in columns.split(",")) + ")"
    return f"INSERT INTO {table} ({columns}) VALUES {','.join([marks] * count)}{tail}"
