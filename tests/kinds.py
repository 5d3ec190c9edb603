"""The kinds of stores that tests run on.

``MODERATION_AI_TEST_STORES=sqlite,postgres`` names those that the stores' own suite and the gateway's core run on, all
three if it is not set. Tests that need just any store use memory, or where the variable is set the first that it names:
``MODERATION_AI_TEST_STORES=postgres make test`` runs them all on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.sqlite import SqliteStore
from tests.postgres import SHARED

T = TypeVar("T")
_NAMED = os.environ.get("MODERATION_AI_TEST_STORES")
KINDS = tuple((_NAMED or "memory,sqlite,postgres").split(","))
ANY = KINDS[0] if _NAMED else "memory"
"""The kind of store for tests that need just any."""
LASTING = ANY if _NAMED and ANY != "memory" else "sqlite"
"""The kind of store for tests that need one which outlives its process, or is shared by several."""
_urls: dict[str, str] = {}


def new_store(kind: str = ANY, *, lease_clock: str = "caller") -> Store:
    """Return a new store of a kind that lives in memory or in a database, not yet opened."""
    return PostgresStore(new_database(), lease_clock=lease_clock) if kind == "postgres" else MemoryStore()


def lasting_store(file: Path | str, kind: str = LASTING) -> Store:
    """Return the store in ``file``, or in the database that stands for that file; not yet opened."""
    if kind != "postgres":
        return SqliteStore(str(file))
    return PostgresStore(_url_of(str(file)), lease_clock="caller")


def lasting_url(file: Path | str, kind: str = LASTING) -> str:
    """Return the URL of the store in ``file``, or of the database that stands for that file."""
    return _url_of(str(Path(file).absolute())) if kind == "postgres" else f"sqlite:///{file}"


def _url_of(name: str) -> str:
    if name not in _urls:
        _urls[name] = new_database()
    return _urls[name]


def new_database() -> str:
    """Return the URL of a new database with an empty store, copied from the first one that was made."""
    if "" not in _urls:
        _urls[""] = SHARED.databases().new()
        _wait_for(_make_store(_urls[""]))
    return SHARED.databases().new(_urls[""])


async def _make_store(url: str) -> None:
    store = PostgresStore(url)
    await store.open()
    await store.close()


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    # On a thread of its own: whoever asks may stand in a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def empty(url: str) -> None:
    """Empty the store in a PostgreSQL database, and begin its numbers anew."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('moderation_ai.%I', tablename) FROM pg_tables WHERE schemaname = 'moderation_ai' "
            "AND tablename NOT IN ('schema_version', 'settled_counts', 'pruned')"
        )
        await connection.execute(
            f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY; "
            "UPDATE moderation_ai.settled_counts SET events = 0; UPDATE moderation_ai.pruned SET seq = 0; "
            "ALTER SEQUENCE moderation_ai.events_seq RESTART"
        )
    finally:
        await connection.close()


def content_of(store: Store) -> bytes:
    """Return all that can be read of a lasting store: its files, or its tables."""
    if isinstance(store, SqliteStore):
        path = Path(store.path)
        return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name))
    return _wait_for(_read_tables(store.url))


async def _read_tables(url: str) -> bytes:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'moderation_ai'")
        rows = [row for (name,) in tables for row in await connection.fetch(f"SELECT * FROM moderation_ai.{name}")]
    finally:
        await connection.close()
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
