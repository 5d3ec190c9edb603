"""Pruning: what was received before a horizon goes, a few events at a time, in the order of arrival.

How far it came is kept, so a step looks at what is next and at nothing else, however much is stored. Of several
processes that prune at a time one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.redaction import AGE, DELETED, without_text
from moderation_ai.stores.base import Horizons, Removed
from moderation_ai.stores.postgres.connection import in_transaction
from moderation_ai.stores.postgres.redacting import drop_bodies, drop_errors, rewrite
from moderation_ai.stores.rows import decode_thing, read_event

_PRUNING = 19780 << 48
"""The number of the lock under which one process at a time prunes."""
_LOOK_AHEAD = 100
_DAY = timedelta(days=1)


async def prune(connection: Any, horizons: Horizons, now: datetime, limit: int) -> Removed:
    """Remove what the horizons do not keep, of ``limit`` events at most."""
    async with in_transaction(connection):
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _PRUNING):
            return Removed()
        return await _Step(connection, now).take(horizons, limit)


class _Step:
    """One step of pruning, inside a transaction."""

    def __init__(self, connection: Any, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._removed = Removed()
        self._without_errors: list[int] = []

    async def take(self, horizons: Horizons, limit: int) -> Removed:
        room = limit
        if horizons.deleted is not None:
            room -= await self._prune_deleted(horizons.deleted, room)
        for what, horizon in (("texts", horizons.texts), ("bodies", horizons.bodies)):
            if horizon is not None and room > 0:
                seqs = await self._due(what, horizon, room)
                room -= len(seqs)
                await self._remove(seqs, AGE if what == "texts" else None)
                if seqs:
                    sql = "UPDATE moderation_ai.pruned SET seq = $1 WHERE what = $2"
                    await self._connection.execute(sql, seqs[-1], what)
        if self._without_errors:  # Last, because from here on nobody else claims or settles.
            self._removed.errors = await drop_errors(self._connection, self._without_errors)
        self._removed.more = room <= 0
        return self._removed

    async def _due(self, what: str, horizon: datetime, limit: int) -> list[int]:
        """Return where the next events are that are older than a horizon, up to one that is not.

        One that was received after ``now`` was received by a clock that ran ahead: it goes along with those around it.
        """
        rows = await self._connection.fetch(_NEXT, what, limit)
        length = 0
        for number, (_, received_at) in enumerate(rows, start=1):
            if received_at > self._now:
                continue
            if received_at >= horizon:
                return [seq for seq, _ in rows[:length]]
            length = number
        if length < len(rows) == limit and await self._next_is_due(rows[-1][0], horizon, limit):
            length = len(rows)
        return [seq for seq, _ in rows[:length]]

    async def _next_is_due(self, seq: int, horizon: datetime, limit: int) -> bool:
        sql = (
            "SELECT received_at FROM moderation_ai.events WHERE seq > $1 AND seq <= $2 AND received_at <= $3 "
            "ORDER BY seq LIMIT 1"
        )
        found = await self._connection.fetchval(sql, seq, seq + _LOOK_AHEAD * limit, self._now)
        return found is not None and found < horizon

    async def _remove(self, seqs: Sequence[int], why: str | None) -> None:
        """Remove the bodies of events, and where there is a reason their texts too."""
        if not seqs:
            return
        self._removed.bodies += await drop_bodies(self._connection, seqs)
        if why is None:
            return
        sql = "SELECT seq, event FROM moderation_ai.events WHERE seq = ANY ($1) ORDER BY seq"
        events = [read_event(body, seq, "pending") for seq, body in await self._connection.fetch(sql, list(seqs))]
        bare = [without_text(event, why) for event in events]
        changed = [after for before, after in zip(events, bare, strict=True) if after is not before]
        await rewrite(self._connection, changed)
        self._removed.texts += len(changed)
        self._without_errors += seqs

    async def _prune_deleted(self, horizon: datetime, limit: int) -> int:
        """Remove the texts of objects that are deleted still; return at how many events that looked.

        A deletion that was learned more than a day after ``now`` was learned by a clock that ran ahead.
        """
        looked = 0
        for lane, thing, places in await self._connection.fetch(_DELETED, horizon, self._now + _DAY, limit):
            if looked >= limit:
                break
            if thing is not None and decode_thing(thing).deleted_at is not None:
                await self._remove(places, DELETED)
                looked += len(places)
            looked += 1
            await self._connection.execute("DELETE FROM moderation_ai.deleted WHERE lane = $1", lane)
        return looked


_NEXT = """
SELECT seq, received_at FROM moderation_ai.events
WHERE seq > (SELECT seq FROM moderation_ai.pruned WHERE what = $1) AND seq <= moderation_ai.watermark()
ORDER BY seq LIMIT $2
"""
_DELETED = """
SELECT d.lane, t.thing, t.seqs FROM moderation_ai.deleted d LEFT JOIN moderation_ai.things t ON t.lane = d.lane
WHERE d.at < $1 OR d.at > $2 ORDER BY d.at LIMIT $3
"""


async def count_prunable(connection: Any, horizons: Horizons) -> Removed:
    """Return what pruning would remove by and by; nothing is changed."""
    removed = Removed()
    if horizons.texts is not None:
        removed.texts = await _count(connection, "texts", horizons.texts, "true")
    bodies = [horizon for horizon in (horizons.bodies, horizons.texts) if horizon is not None]
    if bodies:
        removed.bodies = await _count(connection, "bodies", max(bodies), "(raw IS NOT NULL OR delivery IS NOT NULL)")
    if horizons.deleted is not None:
        sql = "SELECT count(*) FROM moderation_ai.deleted WHERE at < $1"
        removed.things = await connection.fetchval(sql, horizons.deleted)
    removed.more = bool(removed.texts or removed.bodies or removed.things)
    return removed


async def _count(connection: Any, what: str, horizon: datetime, condition: str) -> int:
    sql = (
        "SELECT count(*) FROM moderation_ai.events WHERE seq > "
        f"(SELECT seq FROM moderation_ai.pruned WHERE what = $1) AND received_at < $2 AND {condition}"
    )
    return int(await connection.fetchval(sql, what, horizon))
