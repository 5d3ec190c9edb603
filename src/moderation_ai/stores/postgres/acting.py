"""The ledger's verbs on PostgreSQL: one statement after the other, in one transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from moderation_ai.stores.postgres.connection import in_transaction
from moderation_ai.stores.postgres.rows import as_text
from moderation_ai.stores.sqlverbs import Verb

T = TypeVar("T")


async def run(connection: Any, verb: Verb[T]) -> T:
    """Run a verb's statements in one transaction; return what it returns."""
    async with in_transaction(connection):
        try:
            sql, values = next(verb)
            while True:
                rows = await connection.fetch(_of_postgres(sql), *(_value(value) for value in values))
                sql, values = verb.send([tuple(row) for row in rows])
        except StopIteration as end:
            result: T = end.value
            return result


_CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def _of_postgres(sql: str) -> str:
    return sql.format(s="moderation_ai.", lock="FOR UPDATE", skip="FOR UPDATE SKIP LOCKED", clock=_CLOCK)


def _value(value: object) -> object:
    return as_text(value) if isinstance(value, str) else value
