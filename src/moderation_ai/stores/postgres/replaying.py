"""Putting events back to be handled again, and taking dead letters away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moderation_ai.stores.postgres.rows import texts


async def replay(connection: Any, seqs: Sequence[int], now: datetime, handlers: Sequence[str]) -> int:
    """Make events run again whatever came of them before, by ``handlers`` alone where given; count the events."""
    sql = "SELECT moderation_ai.replay_events($1, $2, $3)"
    return int(await connection.fetchval(sql, list(seqs), now, texts(handlers)))


async def drop(connection: Any, seqs: Sequence[int], handlers: Sequence[str]) -> int:
    """Take events out of dead letters; return how many handlers' attempts that were."""
    sql = "SELECT moderation_ai.drop_dead_letters($1, $2)"
    return int(await connection.fetchval(sql, list(seqs), texts(handlers)))
