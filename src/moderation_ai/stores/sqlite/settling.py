"""Settling: what came of events is recorded, and their lanes go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import apsw

from moderation_ai.stores.base import RETRY, SUPERSEDED, Attempt, EventOutcome
from moderation_ai.stores.sqlite.inserting import insert_rows
from moderation_ai.stores.sqlite.leases import let_go, worker_number
from moderation_ai.stores.sqlite.pruning import LISTED_PLACES, PLACE_DIGITS
from moderation_ai.stores.sqlite.rows import (
    ATTEMPT_STATES,
    LEASED,
    LISTED,
    NOTHING_KNOWN,
    READY,
    STATUSES,
    ask,
    encode,
    listed,
    to_micros,
    to_micros_or_none,
)


def settle(connection: apsw.Connection, outcomes: Sequence[EventOutcome], now: datetime, worker: str | None) -> None:
    """Record what came of events: their handlers' attempts, their objects' things, and let their lanes go on.

    What is finished already is left as it is, and with ``worker`` also what that worker does not hold any more.
    """
    held = _Held(connection, outcomes, worker)
    settlement = _Settlement(to_micros(now))
    for outcome in outcomes:
        if outcome.status == RETRY and not outcome.attempts:
            continue  # That says nothing: the event must not be forgotten for it.
        first_run = held.take_first_run(outcome.seq)
        if first_run is not None:
            settlement.add_first_run(outcome, *first_run)
        else:
            settlement.add_retries(outcome, held.take_retries(outcome))
    settlement.write(connection)


class _Held:
    """What is still open of the events that outcomes are about, by the one who brings the outcomes."""

    def __init__(self, connection: apsw.Connection, outcomes: Sequence[EventOutcome], worker: str | None) -> None:
        """Look up in the queue, and for what is not there among the retries."""
        self._anyone = worker is None
        self._me = None if worker is None else worker_number(connection, worker)
        seqs = [outcome.seq for outcome in outcomes]
        sql = f"SELECT seq, lane, forced, state, worker FROM queue WHERE seq IN {LISTED}"
        self._queue = {row[0]: row[1:] for row in ask(connection, sql, (listed(seqs),))}
        others = [seq for seq in seqs if seq not in self._queue]
        sql = f"SELECT seq, handler, lane, worker FROM attempts WHERE state = 0 AND seq IN {LISTED}"
        retries = ask(connection, sql, (listed(others),)) if others else []
        self._retries = {(seq, handler): (lane, holder) for seq, handler, lane, holder in retries}

    def take_first_run(self, seq: int) -> tuple[str, int] | None:
        """Return the lane and the ``forced`` mark of an event whose handlers ran for the first time, once."""
        lane, forced, state, holder = self._queue.get(seq, (None, 0, READY, None))
        if lane is None or not (self._anyone or (state == LEASED and holder == self._me)):
            return None
        del self._queue[seq]
        return lane, forced

    def take_retries(self, outcome: EventOutcome) -> list[tuple[Attempt, str]]:
        """Return the attempts of an outcome that were to be retried, each with its lane, once."""
        found = []
        for attempt in outcome.attempts:
            lane, holder = self._retries.get((outcome.seq, attempt.handler), (None, None))
            if lane is not None and (self._anyone or (holder is not None and holder == self._me)):
                del self._retries[outcome.seq, attempt.handler]
                found.append((attempt, lane))
        return found


_NOTHING = b"{}"
_ATTEMPT = "seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane, forced"
_SAVE_ATTEMPT = """
ON CONFLICT (seq, handler) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
    ran_at = excluded.ran_at, error = excluded.error, due_at = excluded.due_at,
    holds_until = excluded.holds_until, lane = excluded.lane, worker = NULL
"""
_SAVE_STATUS = " ON CONFLICT (seq) DO UPDATE SET status = excluded.status"
# Two workers may run two handlers of one event at a time, neither knowing what came of the other: so it is asked here.
_SAVE_STATUS_OF_ATTEMPTS = f"""
INSERT INTO settled (seq, status)
SELECT seq, CASE WHEN max(state = 2) THEN 2 WHEN min(state) = 3 AND max(state) = 3 THEN 3 ELSE 1 END
FROM attempts WHERE seq IN {LISTED} GROUP BY seq HAVING min(state) > 0
ON CONFLICT (seq) DO UPDATE SET status = excluded.status
"""
# The places of an object's events are kept with what is known of it: retention finds them by it.
_SAVE_THING = f"""
ON CONFLICT (lane) DO UPDATE SET thing = CASE excluded.thing WHEN {NOTHING_KNOWN} THEN thing ELSE excluded.thing END,
    seqs = substr(seqs || excluded.seqs, -{LISTED_PLACES * PLACE_DIGITS})
"""
_SAVE_DELETED = "INSERT INTO deleted (lane, at) VALUES (?, ?) ON CONFLICT DO NOTHING"


# Rare: the type of what only shows a state is guessed when it arrives. The rest of the event is left as it is now.
_SAVE_TYPE = """
UPDATE events SET event_type = ?1,
    event = CAST(json_remove(json_set(CAST(event AS TEXT), '$.event_type', ?1), '$.sighting') AS BLOB)
WHERE seq = ?2
"""


class _Settlement:
    """The rows of one settlement, gathered and then written table by table."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._unqueued: list[int] = []
        self._attempts: list[tuple[Any, ...]] = []
        self._finished: list[tuple[int, int]] = []
        self._asked: list[int] = []
        self._things: dict[str, bytes] = {}
        self._places: dict[str, str] = {}
        self._deleted: list[tuple[str, int]] = []
        self._types: list[tuple[str, int]] = []
        self._lanes: set[str] = set()

    def add_first_run(self, outcome: EventOutcome, lane: str, forced: int) -> None:
        """Take an event out of the queue; its status is what the outcome says, unless a handler runs again."""
        is_open = RETRY in (outcome.status, *(attempt.state for attempt in outcome.attempts))
        self._unqueued.append(outcome.seq)
        self._attempts += [_attempt_row(attempt, lane, forced) for attempt in outcome.attempts]
        if is_open:
            self._asked.append(outcome.seq)
        else:
            self._finished.append((outcome.seq, STATUSES.index(outcome.status)))
        if outcome.thing is not None:
            self._things[lane] = encode(outcome.thing)
        self._places[lane] = self._places.get(lane, "") + f"{outcome.seq:0{PLACE_DIGITS}}"
        if outcome.status == SUPERSEDED or (outcome.thing is not None and outcome.thing.deleted_at is not None):
            self._deleted.append((lane, self._now))
        if outcome.event_type is not None:
            self._types.append((outcome.event_type, outcome.seq))
        self._lanes.add(lane)

    def add_retries(self, outcome: EventOutcome, retries: Iterable[tuple[Attempt, str]]) -> None:
        """Write down what came of retries; the event's status is asked of all its attempts."""
        for attempt, lane in retries:
            self._attempts.append(_attempt_row(attempt, lane, 0))
            self._asked.append(outcome.seq)
            self._lanes.add(lane)

    def write(self, connection: apsw.Connection) -> None:
        """Write it all."""
        if not self._lanes:
            return
        connection.execute(f"DELETE FROM queue WHERE seq IN {LISTED}", (listed(self._unqueued),))
        insert_rows(connection, "attempts", _ATTEMPT, self._attempts, _SAVE_ATTEMPT)
        insert_rows(connection, "settled", "seq, status", self._finished, _SAVE_STATUS)
        if self._asked:
            connection.execute(_SAVE_STATUS_OF_ATTEMPTS, (listed(self._asked),))
        things = [(lane, self._things.get(lane, _NOTHING), places) for lane, places in self._places.items()]
        insert_rows(connection, "things", "lane, thing, seqs", things, _SAVE_THING)
        connection.executemany(_SAVE_DELETED, self._deleted)
        connection.executemany(_SAVE_TYPE, self._types)
        let_go(connection, self._lanes)


def _attempt_row(attempt: Attempt, lane: str, forced: int) -> tuple[Any, ...]:
    return (
        attempt.seq,
        attempt.handler,
        ATTEMPT_STATES.index(attempt.state),
        attempt.attempts,
        to_micros_or_none(attempt.ran_at),
        attempt.error,
        to_micros_or_none(attempt.due_at),
        to_micros_or_none(attempt.holds_until),
        lane if attempt.state == RETRY else None,
        forced,
    )
