"""Copying a SQLite store into PostgreSQL: page by page, each in one transaction, so that it can go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import asyncpg

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.moving import reading
from moderation_ai.stores.moving.ledger import LEDGER, NUMBERED, rows_of, table_of
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.postgres.failing import as_store_error
from moderation_ai.stores.postgres.rows import columns
from moderation_ai.stores.sqlite.connection import connect_reader, migrations, schema_version

PAGE = 2000
"""Events that are copied in one transaction."""
Tell = Callable[[int, int], None]


class Copied(NamedTuple):
    """What came of a copy: the rows of each table in both stores, and how many events were there already."""

    source: dict[str, int]
    target: dict[str, int]
    before: int


async def copy(source: Path, target: str, tell: Tell, *, page: int = PAGE) -> Copied:
    """Copy the store in the file ``source`` into the database ``target``; ``tell`` is told (copied, all) events.

    A copy that was cut short goes on. Raises ``StoreError`` where the target holds another store's events, where the
    source is of another schema, and where the two do not agree in the end.
    """
    store = PostgresStore(target)
    await store.open()  # so that its schema is there
    await store.close()
    from_ = connect_reader(str(source))
    try:
        _require_schema(from_, source)
        to = await asyncpg.connect(target, statement_cache_size=0)
        try:
            return await _Copy(from_, to, source, page).run(tell)
        finally:
            await to.close()
    except (asyncpg.PostgresError, apsw.Error, OSError) as error:
        raise as_store_error(error) from error
    finally:
        from_.close()


def _require_schema(connection: apsw.Connection, source: Path) -> None:
    found, newest = schema_version(connection), migrations()[-1][0]
    if found != newest:
        raise StoreError(f"{source} has schema {found}, this program {newest}: run `moderation-ai db upgrade` on it")


_COLUMNS = {
    "events": "seq, key, platform, event_type, account, lane, received_at, event, raw, headers, delivery",
    "deliveries": "id, received_at, raw, headers",
    "queue": "seq, state, lane, forced",
    "settled": "seq, status",
    "attempts": "seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane, forced",
    "things": "lane, thing, seqs",
    "deleted": "lane, at",
    "pruned": "what, seq",
    "ignored": "platform, kind, count",
    "subscriptions": "platform, id, subscription",
    "cursors": "platform, account, feed, cursor",
    "sessions": "platform, account, session, version, expires_at, saved_at, refused_at, reason",
}
_TYPES = {
    "events": "bigint bytea text text text text timestamptz bytea bytea text bigint",
    "deliveries": "bigint timestamptz bytea text",
    "queue": "bigint smallint text smallint",
    "settled": "bigint smallint",
    "attempts": "bigint text smallint integer timestamptz bytea timestamptz timestamptz text smallint",
    "things": "text bytea text",
    "deleted": "text timestamptz",
    "pruned": "text bigint",
    "ignored": "text text bigint",
    "subscriptions": "text text bytea",
    "cursors": "text text text bytea",
    "sessions": "text text bytea bigint bigint bigint bigint text",
}


class _Copy:
    """One run of a copy."""

    def __init__(self, from_: apsw.Connection, to: Any, source: Path, page: int) -> None:
        self._from = from_
        self._to = to
        self._name = str(source.resolve())
        self._page = page

    async def run(self, tell: Tell) -> Copied:
        """Copy what is not there yet, and compare."""
        after = before = await self._begin()
        total = reading.counts(self._from)["events"]
        copied = int(await self._to.fetchval("SELECT count(*) FROM moderation_ai.events"))
        tell(copied, total)
        for page in reading.pages(self._from, after, self._page):
            async with self._to.transaction():
                for table, rows in page.rows.items():
                    await self._insert(table, rows)
            copied += len(page.rows["events"])
            tell(copied, total)
        await self._copy_the_rest()
        return await self._compare(before)

    async def _begin(self) -> int:
        """Say that this copy has begun, or find where it stopped; return the place of the last event that is there."""
        async with self._to.transaction():
            await self._to.execute("SELECT pg_advisory_xact_lock($1)", 19779 << 48)
            await self._to.execute(
                "CREATE TABLE IF NOT EXISTS moderation_ai.copied (source text PRIMARY KEY, finished_at timestamptz)"
            )
            last = int(await self._to.fetchval("SELECT coalesce(max(seq), 0) FROM moderation_ai.events"))
            known = await self._to.fetchrow("SELECT source, finished_at FROM moderation_ai.copied")
            if last and (known is None or known[0] != self._name):
                raise StoreError(
                    "the target holds events that did not come from this store: copy into an empty database, so that "
                    "nothing is mixed"
                )
            if known is not None and known[1] is not None:
                raise StoreError(f"this store was copied already, on {known[1]:%Y-%m-%d}; the target goes its own way")
            await self._to.execute("DELETE FROM moderation_ai.copied")
            await self._to.execute("INSERT INTO moderation_ai.copied (source) VALUES ($1)", self._name)
        return last

    async def _copy_the_rest(self) -> None:
        for rows in reading.things(self._from, self._page):
            await self._insert("things", rows)
        await self._copy_the_ledger()
        async with self._to.transaction():
            for table, rows in reading.others(self._from).items():
                await self._to.execute(f"DELETE FROM moderation_ai.{table}")
                await self._insert(table, rows)
            for sequence, table, column in (("events_seq", "events", "seq"), ("deliveries_id_seq", "deliveries", "id")):
                await self._to.execute(
                    f"SELECT setval('moderation_ai.{sequence}', max({column})) FROM moderation_ai.{table} "
                    f"HAVING max({column}) IS NOT NULL"
                )

    async def _copy_the_ledger(self) -> None:
        for name in LEDGER:
            table = table_of(self._from, name)
            await self._to.execute(f"DELETE FROM moderation_ai.{name}")
            for rows in rows_of(self._from, table, self._page):
                await self._insert(name, rows, ", ".join(table.columns), table.types)
        for name in NUMBERED:
            await self._to.execute(
                f"SELECT setval(pg_get_serial_sequence('moderation_ai.{name}', 'id'), max(id)) "
                f"FROM moderation_ai.{name} HAVING max(id) IS NOT NULL"
            )

    async def _insert(
        self, table: str, rows: Sequence[reading.Row], names: str | None = None, types: Sequence[str] | None = None
    ) -> None:
        if not rows:
            return
        names, types = names or _COLUMNS[table], types or _TYPES[table].split()
        given = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, start=1))
        # A list of lists of different lengths is none that PostgreSQL takes: it comes as a text.
        chosen = "lane, thing, seqs::bigint[]" if table == "things" else names
        await self._to.execute(
            f"INSERT INTO moderation_ai.{table} ({names}) OVERRIDING SYSTEM VALUE "
            f"SELECT {chosen} FROM unnest({given}) AS d ({names}) ON CONFLICT DO NOTHING",
            *columns(rows, len(types)),
        )

    async def _compare(self, before: int) -> Copied:
        source = reading.counts(self._from)
        sums = [f"(SELECT count(*) FROM moderation_ai.{table})" for table in reading.COUNTED]
        target = dict(zip(reading.COUNTED, await self._to.fetchrow(f"SELECT {', '.join(sums)}"), strict=True))
        wrong = [f"{table}: {source[table]} and {target[table]}" for table in source if source[table] != target[table]]
        if wrong:
            raise StoreError(
                f"the two stores do not agree ({'; '.join(wrong)}): stop whatever writes to either of them, empty the "
                "target and copy again"
            )
        await self._to.execute("UPDATE moderation_ai.copied SET finished_at = now()")
        return Copied(source, target, before)
