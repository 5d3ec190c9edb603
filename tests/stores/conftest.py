"""The stores under test: each test that takes ``store`` runs on every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from moderation_ai.stores.base import Store
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A new open store of each kind."""
    opened = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A new open SQLite store in a file, that does not wait long for other processes."""
    opened = SqliteStore(str(tmp_path / "store.db"), busy_seconds=0.05)
    await opened.open()
    yield opened
    await opened.close()
