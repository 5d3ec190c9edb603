"""Settling: what came of events, as the columns that the database records it from (``schema/0004_settling.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.stores.base import RETRY, SUPERSEDED, Attempt, EventOutcome
from moderation_ai.stores.postgres.connection import wait_for_disk
from moderation_ai.stores.postgres.rows import as_text, columns
from moderation_ai.stores.rows import ATTEMPT_STATES, STATUSES, encode

_SETTLE = f"SELECT moderation_ai.settle_events({', '.join(f'${number}' for number in range(1, 19))})"


async def settle(connection: Any, outcomes: Sequence[EventOutcome], now: datetime, worker: str | None) -> None:
    """Record what came of events: their handlers' attempts, their objects' things, and let their lanes go on.

    What is finished already is left as it is, and with ``worker`` also what that worker does not hold any more.
    """
    # One without attempts that says no more than "again" says nothing: the event must not be forgotten for it.
    telling = [outcome for outcome in outcomes if outcome.status != RETRY or outcome.attempts]
    if not telling:
        return
    events = columns([_event_row(outcome) for outcome in telling], 5)
    attempts = columns([_attempt_row(attempt) for outcome in telling for attempt in outcome.attempts], 8)
    types = columns(await _corrected(connection, telling), 3)
    await connection.execute(_SETTLE, worker, now, *events, *attempts, *types)
    await wait_for_disk(connection)


def _event_row(outcome: EventOutcome) -> tuple[Any, ...]:
    is_open = RETRY in (outcome.status, *(attempt.state for attempt in outcome.attempts))
    status = 0 if is_open else STATUSES.index(outcome.status)
    thing = outcome.thing
    is_deleted = outcome.status == SUPERSEDED or (thing is not None and thing.deleted_at is not None)
    return outcome.seq, status, is_open, None if thing is None else encode(thing), is_deleted


def _attempt_row(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.seq,
        as_text(attempt.handler),
        ATTEMPT_STATES.index(attempt.state),
        attempt.attempts,
        attempt.ran_at,
        None if attempt.error is None else attempt.error.encode("utf-8", "replace"),
        attempt.due_at,
        attempt.holds_until,
    )


async def _corrected(connection: Any, outcomes: Sequence[EventOutcome]) -> list[tuple[int, str, bytes]]:
    """Return the events whose type turned out to be another, each with its new form; they are rare."""
    types = {outcome.seq: outcome.event_type for outcome in outcomes if outcome.event_type is not None}
    if not types:
        return []
    sql = "SELECT seq, event FROM moderation_ai.events WHERE seq = ANY ($1)"
    found = await connection.fetch(sql, list(types))
    return [(seq, as_text(types[seq]), _with_type(body, types[seq])) for seq, body in found]


def _with_type(body: bytes, event_type: str) -> bytes:
    # The rest of the event is left as it is now.
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields.pop("sighting", None)
    fields["event_type"] = msgspec.Raw(encode(event_type))
    return encode(fields)
