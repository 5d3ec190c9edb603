"""The ledger's verbs on SQLite: one statement after the other, in the transaction of the writer or of a reader."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import apsw

from moderation_ai.stores.sqlite.rows import ask
from moderation_ai.stores.sqlverbs import Verb

T = TypeVar("T")


def run(connection: apsw.Connection, verb: Verb[T]) -> T:
    """Run a verb's statements; return what it returns."""
    try:
        sql, values = next(verb)
        while True:
            # SQLite takes $1 for a name.
            named = {str(number): value for number, value in enumerate(values, 1)}
            sql, values = verb.send(ask(connection, _of_sqlite(sql), named))
    except StopIteration as end:
        result: T = end.value
        return result


@lru_cache(maxsize=256)
def _of_sqlite(sql: str) -> str:
    return sql.format(s="", lock="", skip="", clock="NULL")
