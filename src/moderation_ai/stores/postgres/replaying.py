"""Putting events back to be handled again, taking dead letters away, and replacing events by better ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moderation_ai.stores.base import Added
from moderation_ai.stores.postgres.adding import Addition, add_rows
from moderation_ai.stores.postgres.connection import in_transaction
from moderation_ai.stores.postgres.rows import texts


async def replay(connection: Any, seqs: Sequence[int], now: datetime, handlers: Sequence[str]) -> int:
    """Make events run again whatever came of them before, by ``handlers`` alone where given; count the events."""
    sql = "SELECT moderation_ai.replay_events($1, $2, $3)"
    return int(await connection.fetchval(sql, list(seqs), now, texts(handlers)))


async def drop(connection: Any, seqs: Sequence[int], handlers: Sequence[str]) -> int:
    """Take events out of dead letters; return how many handlers' attempts that were."""
    sql = "SELECT moderation_ai.drop_dead_letters($1, $2)"
    return int(await connection.fetchval(sql, list(seqs), texts(handlers)))


async def replace(connection: Any, seqs: Sequence[int], addition: Addition) -> Added:
    """Add a delivery in the place of the events at ``seqs``, which are superseded then."""
    async with in_transaction(connection):
        [added] = await add_rows(connection, [addition])
        await supersede(connection, seqs, finished_too=True)
        return added


async def supersede(connection: Any, seqs: Sequence[int], *, finished_too: bool) -> None:
    """Let events run no more; what was done keeps its status unless ``finished_too``."""
    await connection.execute("SELECT moderation_ai.supersede($1, $2)", list(seqs), finished_too)
