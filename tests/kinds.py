"""The kinds of stores that tests run on.

``MODERATION_AI_TEST_STORES=sqlite,postgres`` names those that the stores' own suite and the gateway's core run on, all
three if it is not set. Tests that need just any store use memory, or where the variable is set the first that it names:
``MODERATION_AI_TEST_STORES=postgres make test`` runs them all on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg

from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.sqlite import SqliteStore
from tests.postgres import SHARED

_NAMED = os.environ.get("MODERATION_AI_TEST_STORES")
KINDS = tuple((_NAMED or "memory,sqlite,postgres").split(","))
ANY = KINDS[0] if _NAMED else "memory"
"""The kind of store for tests that need just any."""
LASTING = ANY if _NAMED and ANY != "memory" else "sqlite"
"""The kind of store for tests that need one which outlives its process, or is shared by several."""
_urls: dict[str, str] = {}


def new_store(kind: str = ANY) -> Store:
    """Return a new store of a kind that lives in memory or in a database, not yet opened."""
    return PostgresStore(new_database(), lease_clock="caller") if kind == "postgres" else MemoryStore()


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


def _wait_for(work: object) -> None:
    # On a thread of its own: whoever asks may stand in a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()  # type: ignore[arg-type]  # it is a coroutine


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
