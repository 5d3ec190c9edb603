"""Claiming what is due under a lease; lanes keep their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import apsw

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import UNTIL_IT_RAN, Attempt, Claimed
from moderation_ai.stores.sqlite.leases import free_the_expired, holds_anything, renew
from moderation_ai.stores.sqlite.rows import (
    ATTEMPT_COLUMNS,
    BEHIND,
    LEASED,
    LISTED,
    NOTHING_KNOWN,
    ask,
    decode_thing,
    listed,
    read_attempt,
    read_event,
    to_micros,
    to_time,
    to_time_or_none,
)


def claim(connection: apsw.Connection, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
    """Return up to ``limit`` events that ``worker`` now holds: retries that are due, then what is new.

    Retries take half the room at most while there is something new. For a worker that neither gets nor holds anything
    nothing is written, so that an idle one does not keep the disk awake.
    """
    moment = to_micros(now)
    free_the_expired(connection, worker, moment)
    if limit > 0 and not _is_anything_due(connection, moment) and not holds_anything(connection, worker):
        return []
    me = renew(connection, worker, to_micros(now + timedelta(seconds=lease)))
    if limit <= 0:
        return []
    half = (limit + 1) // 2
    retries = _claim_retries(connection, me, half, moment)
    new = _claim_new(connection, me, limit - len(retries), moment)
    if len(retries) == half:
        retries += _claim_retries(connection, me, limit - half - len(new), moment)
    return retries + new


_ANYTHING_DUE = """
SELECT EXISTS (SELECT 1 FROM queue WHERE state = 0) OR EXISTS (SELECT 1 FROM attempts WHERE state = 0 AND due_at <= ?)
"""


def _is_anything_due(connection: apsw.Connection, now: int) -> bool:
    return bool(connection.execute(_ANYTHING_DUE, (now,)).get)


_READY_ROWS = """
SELECT q.seq, q.forced,
       EXISTS (SELECT 1 FROM queue h WHERE h.lane = q.lane AND h.state = 1)
    OR EXISTS (SELECT 1 FROM queue h WHERE h.lane = q.lane AND h.state = 2 AND h.seq < q.seq)
    OR EXISTS (SELECT 1 FROM attempts a WHERE a.lane = q.lane AND a.state = 0 AND a.worker IS NOT NULL)
FROM queue q WHERE q.state = 0 ORDER BY q.seq LIMIT ?
"""


def _claim_new(connection: apsw.Connection, me: int, limit: int, now: int) -> list[Claimed]:
    """Lease what is ready; what stands behind another event of its lane is put aside until that one is settled."""
    while limit > 0:
        ready = ask(connection, _READY_ROWS, (limit,))
        free = {seq: forced for seq, forced, is_behind in ready if not is_behind}
        _set_state(connection, [seq for seq, _, is_behind in ready if is_behind], BEHIND, None)
        _set_state(connection, free, LEASED, me)
        if free:
            return claimed_new(connection, free, now)
        if not ready:
            break
    return []


def _set_state(connection: apsw.Connection, seqs: Collection[int], state: int, worker: int | None) -> None:
    if seqs:
        sql = f"UPDATE queue SET state = ?, worker = ? WHERE seq IN {LISTED}"
        connection.execute(sql, (state, worker, listed(seqs)))


def claimed_new(connection: apsw.Connection, forced: dict[int, int], now: int) -> list[Claimed]:
    """Return leased events (by seq, each with its ``forced`` mark) with what is known of their objects."""
    events = _read_events(connection, forced)
    things = _things(connection, events)
    holds = _holds(connection, events, now)
    return [
        Claimed(
            event=event,
            thing=things.get(event.lane),
            blocked={handler: until for first, handler, until in holds.get(event.lane, ()) if first < event.seq},
            forced=forced[event.seq] > 0,
        )
        for event in events
    ]


def _read_events(connection: apsw.Connection, forced: dict[int, int]) -> list[WebhookEvent]:
    sql = f"SELECT seq, event FROM events WHERE seq IN {LISTED} ORDER BY seq"
    found = ask(connection, sql, (listed(forced),))
    return [read_event(body, seq, "pending", forced=forced[seq]) for seq, body in found]


def _things(connection: apsw.Connection, events: Sequence[WebhookEvent]) -> dict[str, Thing]:
    sql = f"SELECT lane, thing FROM things WHERE thing <> {NOTHING_KNOWN} AND lane IN {LISTED}"
    found = ask(connection, sql, (listed({event.lane for event in events}),))
    return {lane: decode_thing(thing) for lane, thing in found}


_HOLDS = f"""
SELECT lane, min(seq), handler, max(coalesce(holds_until, {to_micros(UNTIL_IT_RAN)})) FROM attempts
WHERE state = 0 AND coalesce(holds_until, ?1 + 1) > ?1 AND lane IN (SELECT value FROM json_each(?2))
GROUP BY lane, handler
"""


def _holds(
    connection: apsw.Connection, events: Sequence[WebhookEvent], now: int
) -> dict[str, list[tuple[int, str, datetime]]]:
    """Return, by lane, which handler's retry of which event holds the later ones, and until when."""
    if connection.execute("SELECT 1 FROM attempts WHERE state = 0 LIMIT 1").get is None:
        return {}
    found: dict[str, list[tuple[int, str, datetime]]] = {}
    lanes = listed({event.lane for event in events})
    for lane, first, handler, until in ask(connection, _HOLDS, (now, lanes)):
        found.setdefault(lane, []).append((first, handler, to_time(until)))
    return found


# Of a lane and handler the earliest goes first, unless its hold is over: one that was only put off has none to end.
# While any of them is in somebody's hands, an earlier one too waits: a handler has one event of a lane at a time.
_DUE_RETRIES = """
SELECT a.seq, a.handler, a.forced FROM attempts a
WHERE a.state = 0 AND a.due_at <= ?1 AND a.worker IS NULL
  AND NOT EXISTS (SELECT 1 FROM attempts b WHERE b.state = 0 AND b.lane = a.lane AND b.handler = a.handler
                  AND (b.worker IS NOT NULL
                       OR (b.seq < a.seq AND (b.holds_until IS NULL OR b.holds_until > ?1))))
  AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.lane = a.lane AND q.state = 1)
ORDER BY a.due_at, a.seq LIMIT ?2
"""


def _claim_retries(connection: apsw.Connection, me: int, limit: int, now: int) -> list[Claimed]:
    """Lease the handlers' attempts that are due again and whose lane nobody earlier holds."""
    due: dict[int, list[str]] = {}
    forced: dict[int, int] = {}
    for seq, handler, is_forced in ask(connection, _DUE_RETRIES, (now, limit)):
        due.setdefault(seq, []).append(handler)
        forced[seq] = max(forced.get(seq, 0), is_forced)
    if not due:
        return []
    pairs = [(me, seq, handler) for seq, handlers in due.items() for handler in handlers]
    connection.executemany("UPDATE attempts SET worker = ? WHERE seq = ? AND handler = ?", pairs)
    events = _read_events(connection, forced)
    things = _things(connection, events)
    known = _attempts_of(connection, due)
    return [
        Claimed(
            event=event,
            thing=things.get(event.lane),
            attempts=known.get(event.seq, {}),
            only=tuple(due[event.seq]),
            forced=forced[event.seq] > 0,
        )
        for event in events
    ]


def _attempts_of(connection: apsw.Connection, seqs: Iterable[int]) -> dict[int, dict[str, Attempt]]:
    found: dict[int, dict[str, Attempt]] = {}
    sql = f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE seq IN {LISTED}"
    for row in ask(connection, sql, (listed(seqs),)):
        attempt = read_attempt(row)
        found.setdefault(attempt.seq, {})[attempt.handler] = attempt
    return found


def next_due(connection: apsw.Connection) -> datetime | None:
    """Return when the next retry is due that nobody works on, or None."""
    sql = "SELECT min(due_at) FROM attempts WHERE state = 0 AND worker IS NULL"
    return to_time_or_none(connection.execute(sql).get)
