"""The ledger of a move: its tables have the same columns in both stores, so that rows are copied as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from moderation_ai.stores.postgres.rows import as_text
from moderation_ai.stores.sqlite.rows import ask

LEDGER = ("decisions", "actions", "receipts", "outboxes", "spending")
"""Its tables; the first three have an ``id``."""
NUMBERED = LEDGER[:3]
_TYPES = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}
_DUE, _LEASED = 0, 1


class Table(NamedTuple):
    """A table: its name, its columns, and their types in PostgreSQL."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]


def table_of(connection: apsw.Connection, name: str) -> Table:
    """Return a table of the ledger as the source has it."""
    found = ask(connection, "SELECT name, type FROM pragma_table_info(?)", (name,))
    return Table(name, tuple(column for column, _ in found), tuple(_TYPES[kind] for _, kind in found))


def rows_of(connection: apsw.Connection, table: Table, size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a table, so many at a time where it can be long."""
    chosen = ", ".join(table.columns)
    if table.name not in NUMBERED:
        yield [_row(table, row) for row in ask(connection, f"SELECT {chosen} FROM {table.name}")]
        return
    after = 0
    while True:
        sql = f"SELECT {chosen} FROM {table.name} WHERE id > ? ORDER BY id LIMIT ?"
        found = ask(connection, sql, (after, size))
        if not found:
            return
        after = int(found[-1][table.columns.index("id")])
        yield [_row(table, row) for row in found]


def _row(table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
    values = dict(zip(table.columns, row, strict=True))
    if values.get("state") == _LEASED:
        # Who had it is not there: it may have been done, so that it is looked at first.
        values |= {"state": _DUE, "begun": 1, "worker": None, "until": None}
    return tuple(as_text(value) if isinstance(value, str) else value for value in values.values())
