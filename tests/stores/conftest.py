"""The stores under test: each test that takes ``store`` runs on every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from moderation_ai.stores.base import Store
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.sqlite import SqliteStore
from tests.kinds import KINDS, empty
from tests.postgres import Databases


@pytest.fixture(scope="session")
def postgres_url(postgres: Databases) -> str:
    """The database that the tests of the stores share: each finds it empty."""
    return postgres.new()


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A new open store of each kind."""
    if request.param == "postgres":
        opened = await new_postgres(request.getfixturevalue("postgres_url"))
    else:
        opened = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db")
        await opened.open()
    yield opened
    await opened.close()


async def new_postgres(url: str) -> PostgresStore:
    """Return an open store in which nothing is, whose leases end by the tests' clock."""
    store = PostgresStore(url, lease_clock="caller")
    await store.open()
    await asyncio.wait_for(empty(url), 60)
    return store


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A new open SQLite store in a file, that does not wait long for other processes."""
    opened = SqliteStore(str(tmp_path / "store.db"), busy_seconds=0.05)
    await opened.open()
    yield opened
    await opened.close()
