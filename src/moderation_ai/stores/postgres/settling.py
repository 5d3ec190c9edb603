"""Settling: what came of events, as the columns that the database records it from (``schema/0004_settling.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moderation_ai.stores.base import RETRY, Attempt, Outcome
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none, columns
from moderation_ai.stores.rows import ATTEMPT_STATES, STATUSES, encode

_SETTLE = "SELECT moderation_ai.settle_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"


async def settle(connection: Any, outcomes: Sequence[Outcome], worker: str | None) -> None:
    """Record what came of events: their handlers' attempts, their objects' things, and let their lanes go on.

    What is finished already is left as it is, and with ``worker`` also what that worker does not hold any more.
    """
    # One without attempts that says no more than "again" says nothing: the event must not be forgotten for it.
    telling = [outcome for outcome in outcomes if outcome.status != RETRY or outcome.attempts]
    if not telling:
        return
    events = columns([_event_row(outcome) for outcome in telling], 4)
    attempts = columns([_attempt_row(attempt) for outcome in telling for attempt in outcome.attempts], 8)
    await connection.execute(_SETTLE, worker, *events, *attempts)


def _event_row(outcome: Outcome) -> tuple[Any, ...]:
    is_open = RETRY in (outcome.status, *(attempt.state for attempt in outcome.attempts))
    status = 0 if is_open else STATUSES.index(outcome.status)
    return outcome.seq, status, is_open, None if outcome.thing is None else encode(outcome.thing)


def _attempt_row(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.seq,
        as_text(attempt.handler),
        ATTEMPT_STATES.index(attempt.state),
        attempt.attempts,
        attempt.ran_at,
        as_text_or_none(attempt.error),
        attempt.due_at,
        attempt.holds_until,
    )
