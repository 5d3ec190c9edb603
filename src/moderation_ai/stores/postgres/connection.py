"""Reaching PostgreSQL: connections without any state of their own, the schema's migrations, the settings that count.

Every verb is one statement that is a transaction by itself, and no statement is prepared by name: so each may run on
another connection, as behind PgBouncer in transaction mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from moderation_ai.core.errors import ConfigurationError, StoreError
from moderation_ai.stores.postgres.failing import as_store_error, reason_of
from moderation_ai.stores.urls import without_password

OLDEST_SERVER = 130000
"""PostgreSQL 13, as its ``server_version_num``."""
CONNECTIONS = 6
"""Connections that one process has at most: two that add, the others for the worker and for questions."""
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
"""After which a statement is cancelled: a server that is this slow is not there for a sender that waits."""
_MIGRATING = 19779 << 48
"""The number of the lock under which one process at a time changes the schema."""


def check_url(url: str) -> None:
    """Return if ``url`` names a database, else raise ``ConfigurationError``."""
    if not urlsplit(url).path.strip("/"):
        raise ConfigurationError(
            f"the store URL {without_password(url)!r} names no database: write postgresql://user@host/database"
        )


async def connect(url: str) -> asyncpg.Pool:
    """Return a pool of connections; raise ``StoreError`` if there is no way to the database."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=0,  # what is lost is made again when it is needed, and not before
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            statement_cache_size=0,
            reset=_leave_as_it_is,
        )
        async with pool.acquire():
            return pool
    except Exception as error:
        raise _cannot_open(url, error) from error


async def _leave_as_it_is(connection: Any) -> None:
    """Do nothing when a connection comes back to its pool: there is no state to reset."""


@asynccontextmanager
async def in_transaction(connection: Any) -> AsyncIterator[None]:
    """Do several statements in one transaction; where the client is gone the server ends it."""
    async with connection.transaction():
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
        yield


# A record of no meaning in a transaction whose commit waits for the disk: what was committed before it is there then.
_FLUSH = "SELECT pg_logical_emit_message(true, 'moderation_ai', '')"


async def wait_for_disk(connection: Any) -> None:
    """Return once everything that was committed on this server is on its disk.

    Claims and settlements commit without waiting, so that the lock which they hold is free again at once. They have to
    be there before anybody acts on them: a server that forgot a settlement would leave an event leased to a worker
    that lives and has forgotten it too.
    """
    await connection.execute(_FLUSH)


def _cannot_open(url: str, error: Exception) -> StoreError:
    shown = without_password(url)
    if isinstance(error, (ValueError, asyncpg.InterfaceError)) and not isinstance(error, OSError):
        return StoreError(
            f"the store URL {shown} is not understood: {type(error).__name__}; see `moderation-ai doctor`"
        )
    return StoreError(f"cannot open the store {shown}: {reason_of(error)}; see `moderation-ai doctor`")


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order, each with its SQL."""
    folder = files("moderation_ai.stores.postgres") / "schema"
    found = [(int(item.name[:4]), item.read_text()) for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted(found)


async def schema_version(connection: Any) -> int:
    """Return the number of the last migration that the database has seen, 0 for none."""
    # Not by to_regclass: in a transaction that waited for a lock, it may not know yet what others have made meanwhile.
    has_store = "SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'moderation_ai' AND tablename = 'schema_version'"
    if not await connection.fetchval(f"SELECT EXISTS ({has_store})"):
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(number), 0) FROM moderation_ai.schema_version"))


async def look(url: str) -> tuple[int, int]:
    """Return the schema number of the store in a database, 0 where there is none, and the newest that we know.

    Nothing is changed. Raises ``StoreError`` if there is no way to the database.
    """
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0)
    except Exception as error:
        raise _cannot_open(url, error) from error
    try:
        return await schema_version(connection), migrations()[-1][0]
    except asyncpg.PostgresError as error:
        raise as_store_error(error) from error
    finally:
        connection.terminate()


async def upgrade(connection: Any) -> None:
    """Bring the schema up to date; raise ``StoreError`` for one of a newer version, or where it cannot be done."""
    newest = migrations()[-1][0]
    try:
        await _check_server(connection)
        if await schema_version(connection) != newest:
            async with connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({_MIGRATING})", timeout=600)
                await _migrate(connection, newest)
    except asyncpg.PostgresError as error:
        raise as_store_error(error) from error


async def _check_server(connection: Any) -> None:
    version = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    if version < OLDEST_SERVER:
        raise StoreError(
            f"PostgreSQL {version // 10000} is too old for a store: {OLDEST_SERVER // 10000} is the oldest"
        )
    isolation = await connection.fetchval("SELECT current_setting('default_transaction_isolation')")
    if isolation != "read committed":
        raise StoreError(
            f"the database's default_transaction_isolation is {isolation!r}, a store needs 'read committed': "
            "ALTER DATABASE ... SET default_transaction_isolation = 'read committed'"
        )


async def _migrate(connection: Any, newest: int) -> None:
    version = await schema_version(connection)  # Another process may have been here while we waited for the lock.
    if version > newest:
        raise StoreError(f"the store has schema {version}, newer than this program's {newest}: update it")
    if version == 0:
        await connection.execute(
            "CREATE SCHEMA IF NOT EXISTS moderation_ai; CREATE TABLE moderation_ai.schema_version "
            "(number integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
    await connection.execute("SET LOCAL search_path = moderation_ai")
    for number, sql in migrations():
        if number > version:
            await connection.execute(sql, timeout=3600)
            await connection.execute("INSERT INTO schema_version (number) VALUES ($1)", number)
