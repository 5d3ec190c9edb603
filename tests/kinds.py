"""The kinds of stores that tests run on: ``MODERATION_AI_TEST_STORES=sqlite,memory,postgres`` names others."""

from __future__ import annotations

import os

import asyncpg

KINDS = tuple(os.environ.get("MODERATION_AI_TEST_STORES", "memory,sqlite,postgres").split(","))


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
