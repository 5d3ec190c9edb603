"""The server that tests and benchmarks start for themselves."""

from __future__ import annotations

import asyncpg
import pytest

from tests.postgres import Databases, running

pytestmark = pytest.mark.anyio


async def test_a_server_that_was_killed_comes_back_with_what_was_committed() -> None:
    with running() as server:
        url = server.dsn()
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        server.kill()
        connection.terminate()
        server.start()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()
    assert not server.folder.exists()


async def test_databases_are_empty_or_copies_of_one_another(postgres: Databases) -> None:
    first = postgres.new()
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await connection.close()
    connection = await asyncpg.connect(postgres.new(first))
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()
    connection = await asyncpg.connect(postgres.new())
    assert await connection.fetchval("SELECT to_regclass('kept')") is None
    await connection.close()
