"""Redacting: stored events get another form, and their bodies, headers and errors go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Removed
from moderation_ai.stores.postgres.connection import in_transaction
from moderation_ai.stores.postgres.replaying import supersede
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none, columns, texts
from moderation_ai.stores.rows import encode

_COUNT = """
SELECT count(*), count(e.raw) + count(DISTINCT d.id) FILTER (WHERE d.raw IS NOT NULL),
       (SELECT count(error) FROM moderation_ai.attempts WHERE seq = ANY ($1)),
       (SELECT count(*) FROM moderation_ai.things WHERE lane = ANY ($2))
FROM moderation_ai.events e LEFT JOIN moderation_ai.deliveries d ON d.id = e.delivery WHERE e.seq = ANY ($1)
"""


async def redact(
    connection: Any, events: Sequence[WebhookEvent], lanes: Sequence[str], *, dry_run: bool = False
) -> Removed:
    """Put events in the place of those at their ``seq``, drop what stands beside these, and forget ``lanes``."""
    seqs = [event.seq for event in events]
    forgotten = texts(lanes)
    async with in_transaction(connection):
        removed = await _count(connection, seqs, forgotten)
        if dry_run:
            return removed
        leaving = await _leaving(connection, events, seqs)
        await drop_bodies(connection, seqs)
        await rewrite(connection, events)
        for table in ("things", "deleted"):
            await connection.execute(f"DELETE FROM moderation_ai.{table} WHERE lane = ANY ($1)", forgotten)
        # Last, because from here on nobody else claims or settles.
        await drop_errors(connection, seqs)
        await supersede(connection, leaving, finished_too=False)
    return removed


async def _count(connection: Any, seqs: Sequence[int], lanes: Sequence[str]) -> Removed:
    events, bodies, errors, things = await connection.fetchrow(_COUNT, seqs, lanes)
    return Removed(texts=events, bodies=bodies, errors=errors, things=things)


async def _leaving(connection: Any, events: Sequence[WebhookEvent], seqs: Sequence[int]) -> list[int]:
    """Return where the events are that will be in another lane than they are."""
    lanes = dict(await connection.fetch("SELECT seq, lane FROM moderation_ai.events WHERE seq = ANY ($1)", seqs))
    return [event.seq for event in events if lanes.get(event.seq, as_text(event.lane)) != as_text(event.lane)]


_DROP_SHARED = """
UPDATE moderation_ai.deliveries SET raw = NULL, headers = NULL WHERE raw IS NOT NULL AND id IN (
    SELECT delivery FROM moderation_ai.events WHERE delivery IS NOT NULL AND seq = ANY ($1))
"""
_DROP_OWN = "UPDATE moderation_ai.events SET raw = NULL, headers = NULL WHERE raw IS NOT NULL AND seq = ANY ($1)"


async def drop_bodies(connection: Any, seqs: Sequence[int]) -> int:
    """Drop raw bodies and headers of events, those that others share with them included; return how many bodies.

    The row of a shared one stays: its number must never name another's.
    """
    done = [await connection.execute(sql, list(seqs)) for sql in (_DROP_SHARED, _DROP_OWN)]
    return sum(int(tag.rpartition(" ")[2]) for tag in done)


async def drop_errors(connection: Any, seqs: Sequence[int]) -> int:
    """Drop what attempts say of their errors, which may quote a text; return how many that were."""
    return int(await connection.fetchval("SELECT moderation_ai.drop_errors($1)", list(seqs)))


_REWRITE = """
UPDATE moderation_ai.events e SET event = n.event, lane = n.lane, account = n.account
FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) AS n (seq, event, lane, account)
WHERE e.seq = ANY ($1) AND e.seq = n.seq
"""


async def rewrite(connection: Any, events: Sequence[WebhookEvent]) -> None:
    """Put other normal forms in the place of those at the events' ``seq``."""
    rows = [(event.seq, _body(event), as_text(event.lane), as_text_or_none(event.account)) for event in events]
    await connection.execute(_REWRITE, *columns(rows, 4))


def _body(event: WebhookEvent) -> bytes:
    # Place and status are the store's, and are not kept in the form.
    return encode(structs.replace(event, seq=0, status="pending"))


_SCRUBBED = ("events", "deliveries", "attempts", "things")


async def scrub(connection: Any) -> None:
    """Have PostgreSQL clear away the rows that were changed or removed; its log and its backups are not ours."""
    tables = ", ".join(f"moderation_ai.{table}" for table in _SCRUBBED)
    await connection.execute(f"VACUUM {tables}", timeout=3600)
