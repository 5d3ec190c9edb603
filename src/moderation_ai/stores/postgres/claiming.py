"""Claiming what is due under a lease; which events that are is decided in the database (``schema/0003_leases.sql``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import UNTIL_IT_RAN, Attempt, Claimed
from moderation_ai.stores.postgres.connection import wait_for_disk
from moderation_ai.stores.postgres.rows import ATTEMPT_COLUMNS, as_text, read_attempt
from moderation_ai.stores.rows import decode_thing, read_event

Leased = tuple[int, str | None, int]
"""An event's seq, the handler that is to run again, and its ``forced`` mark."""
_CLAIM = "SELECT seq, handler, forced FROM moderation_ai.claim_events($1, $2, $3, $4, $5, $6)"


async def lease_due(
    connection: Any, worker: str, number: int, limit: int, now: datetime, lease: float, *, by_caller: bool
) -> list[Leased]:
    """Lease up to ``limit`` events to ``worker`` by the claim of that ``number``; nothing of it is on disk yet."""
    seconds = timedelta(seconds=lease)
    found: list[Leased] = await connection.fetch(
        _CLAIM, worker, number, limit, now, seconds, now if by_caller else None
    )
    return found


async def read_leased(connection: Any, found: Sequence[Leased], now: datetime) -> list[Claimed]:
    """Return what ``lease_due`` leased, with what is known of it."""
    new: dict[int, int] = {}
    due: dict[int, list[str]] = {}
    retried: dict[int, int] = {}
    for seq, handler, forced in found:
        if handler is None:
            new[seq] = forced
        else:
            due.setdefault(seq, []).append(handler)
            retried[seq] = max(retried.get(seq, 0), forced)
    retries = await _claimed_again(connection, due, retried)
    return retries + await claimed_new(connection, new, now)


async def claimed_new(connection: Any, forced: dict[int, int], now: datetime) -> list[Claimed]:
    """Return leased events (by seq, each with its ``forced`` mark) with what is known of their objects.

    It is read after they were leased, and no more under any lock: of a lane that is held nobody else changes anything.
    """
    if not forced:
        return []
    found, is_any_open = await _read(connection, forced)
    holds = await _holds(connection, {event.lane for event, _ in found}, now) if is_any_open else {}
    return [
        Claimed(
            event=event,
            thing=thing,
            blocked={
                handler: until for first, handler, until in holds.get(as_text(event.lane), ()) if first < event.seq
            },
            forced=forced[event.seq] > 0,
        )
        for event, thing in found
    ]


async def _claimed_again(connection: Any, due: dict[int, list[str]], forced: dict[int, int]) -> list[Claimed]:
    if not due:
        return []
    known = await _attempts_of(connection, due)
    return [
        Claimed(
            event=event,
            thing=thing,
            attempts=known.get(event.seq, {}),
            only=tuple(due[event.seq]),
            forced=forced[event.seq] > 0,
        )
        for event, thing in (await _read(connection, forced))[0]
    ]


_EVENTS = """
SELECT e.seq, e.event,
       (SELECT nullif(t.thing, '{}') FROM moderation_ai.things t WHERE t.lane = e.lane),
       (SELECT EXISTS (SELECT FROM moderation_ai.attempts WHERE state = 0))
FROM moderation_ai.events e WHERE e.seq = ANY ($1) ORDER BY e.seq
"""


async def _read(connection: Any, forced: dict[int, int]) -> tuple[list[tuple[WebhookEvent, Thing | None]], bool]:
    """Return the events, each with what is known of its object, and whether any handler is to run again at all."""
    found = await connection.fetch(_EVENTS, list(forced))
    events = [
        (read_event(body, seq, "pending", forced=forced[seq]), None if thing is None else decode_thing(thing))
        for seq, body, thing, _ in found
    ]
    return events, any(is_any_open for *_, is_any_open in found[:1])


_HOLDS = """
SELECT lane, min(seq), handler, max(coalesce(holds_until, $1)) FROM moderation_ai.attempts
WHERE state = 0 AND (holds_until IS NULL OR holds_until > $2) AND lane = ANY ($3)
GROUP BY lane, handler
"""


async def _holds(connection: Any, lanes: Iterable[str], now: datetime) -> dict[str, list[tuple[int, str, datetime]]]:
    """Return, by lane, which handler's retry of which event holds the later ones, and until when."""
    holds: dict[str, list[tuple[int, str, datetime]]] = {}
    found = await connection.fetch(_HOLDS, UNTIL_IT_RAN, now, [as_text(lane) for lane in lanes])
    for lane, first, handler, until in found:
        holds.setdefault(lane, []).append((first, handler, until))
    return holds


async def _attempts_of(connection: Any, seqs: Iterable[int]) -> dict[int, dict[str, Attempt]]:
    attempts: dict[int, dict[str, Attempt]] = {}
    sql = f"SELECT {ATTEMPT_COLUMNS} FROM moderation_ai.attempts WHERE seq = ANY ($1)"
    for row in await connection.fetch(sql, list(seqs)):
        attempt = read_attempt(row)
        attempts.setdefault(attempt.seq, {})[attempt.handler] = attempt
    return attempts


async def give_back(connection: Any, worker: str, number: int | None = None) -> None:
    """Give back what ``worker`` holds: what one claim handed out, or all, and the worker is forgotten."""
    await connection.execute("SELECT moderation_ai.give_back($1, $2)", worker, number)
    await wait_for_disk(connection)


async def workers(connection: Any) -> list[str]:
    """Return the names of all that have leases."""
    return [name for (name,) in await connection.fetch("SELECT name FROM moderation_ai.workers ORDER BY id")]


async def next_due(connection: Any) -> datetime | None:
    """Return when the next retry is due that nobody works on, or None."""
    sql = "SELECT min(due_at) FROM moderation_ai.attempts WHERE state = 0 AND worker IS NULL"
    found: datetime | None = await connection.fetchval(sql)
    return found
