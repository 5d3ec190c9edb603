"""Questions to the inbox: events, dead letters, attempts, counts; on connections that cannot write."""

from __future__ import annotations

import apsw

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Attempt, Counts, DeadLetter, EventFilter
from moderation_ai.stores.rows import is_meant
from moderation_ai.stores.sqlite.filtering import condition
from moderation_ai.stores.sqlite.pruning import read_places
from moderation_ai.stores.sqlite.rows import (
    ATTEMPT_COLUMNS,
    LISTED,
    STATUSES,
    ask,
    listed,
    read_attempt,
    read_event,
    to_time_or_none,
)


def events(
    connection: apsw.Connection, which: EventFilter, limit: int | None, newest_first: bool
) -> list[WebhookEvent]:
    """Return the events that ``which`` means."""
    clause, values = condition(which)
    sql = (
        "SELECT e.seq, e.event, coalesce(s.status, 0) FROM events e LEFT JOIN settled s ON s.seq = e.seq "
        f"WHERE {clause} ORDER BY e.seq {'DESC' if newest_first else 'ASC'}"
    )
    found: list[WebhookEvent] = []
    if limit is not None and limit <= 0:
        return found
    for seq, body, status in connection.execute(sql, values):
        event = read_event(body, seq, STATUSES[status])
        if is_meant(event, which):
            found.append(event)
            if len(found) == limit:
                break
    return found


_LATEST = f"""
SELECT e.seq, e.event, coalesce(s.status, 0) FROM events e LEFT JOIN settled s ON s.seq = e.seq
WHERE e.seq IN {LISTED} AND e.lane = ? ORDER BY e.seq DESC LIMIT ?
"""


def latest_of(connection: apsw.Connection, lane: str, limit: int) -> list[WebhookEvent]:
    """Return the latest events of an object: an index on all events' lanes would cost each that arrives."""
    places = connection.execute("SELECT seqs FROM things WHERE lane = ?", (lane,)).get or ""
    waiting = ask(connection, "SELECT seq FROM queue WHERE lane = ?", (lane,))
    seqs = [*read_places(places), *(seq for (seq,) in waiting)]
    found = ask(connection, _LATEST, (listed(seqs), lane, limit))
    return [read_event(body, seq, STATUSES[status]) for seq, body, status in found]


def dead_letters(connection: apsw.Connection, which: EventFilter, limit: int | None) -> list[DeadLetter]:
    """Return the dead letters of the events that ``which`` means, newest first."""
    clause, values = condition(which)
    sql = (
        "SELECT e.seq, e.event, coalesce(s.status, 0), a.handler, a.attempts, a.error, a.ran_at FROM attempts a "
        "JOIN events e ON e.seq = a.seq LEFT JOIN settled s ON s.seq = e.seq "
        f"WHERE a.state = 2 AND {clause} ORDER BY a.seq DESC, a.handler"
    )
    found: list[DeadLetter] = []
    if limit is not None and limit <= 0:
        return found
    for seq, body, status, handler, attempts, error, ran_at in connection.execute(sql, values):
        event = read_event(body, seq, STATUSES[status])
        if is_meant(event, which):
            when = to_time_or_none(ran_at)
            found.append(DeadLetter(event=event, handler=handler, attempts=attempts, error=error, ran_at=when))
            if len(found) == limit:
                break
    return found


def attempts(connection: apsw.Connection, seq: int) -> list[Attempt]:
    """Return what every handler did with the event."""
    sql = f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE seq = ? ORDER BY handler"
    return [read_attempt(row) for row in ask(connection, sql, (seq,))]


def raw_body(connection: apsw.Connection, seq: int) -> bytes | None:
    """Return the raw body of the delivery that brought the event, or None."""
    sql = "SELECT coalesce(e.raw, d.raw) FROM events e LEFT JOIN deliveries d ON d.id = e.delivery WHERE e.seq = ?"
    found: bytes | None = connection.execute(sql, (seq,)).get
    return found


def headers(connection: apsw.Connection, seq: int) -> str | None:
    """Return what was kept beside the body of the delivery that brought the event, or None."""
    sql = (
        "SELECT coalesce(e.headers, d.headers) FROM events e LEFT JOIN deliveries d ON d.id = e.delivery "
        "WHERE e.seq = ?"
    )
    found: str | None = connection.execute(sql, (seq,)).get
    return found


_COUNTS = """
SELECT (SELECT count(*) FROM queue) + (SELECT count(DISTINCT seq) FROM attempts WHERE state = 0),
       (SELECT count(*) FROM attempts WHERE state = 2),
       (SELECT count(*) FROM attempts WHERE state = 0),
       (SELECT received_at FROM events WHERE seq = (SELECT min(seq) FROM (
            SELECT min(seq) AS seq FROM queue UNION ALL SELECT min(seq) FROM attempts WHERE state = 0))),
       (SELECT received_at FROM events ORDER BY seq DESC LIMIT 1)
"""


def counts(connection: apsw.Connection) -> Counts:
    """Return how many events stand where; the finished ones were counted as they were settled."""
    pending, dead_letters, retrying, oldest, newest = connection.execute(_COUNTS).get
    settled = ask(connection, "SELECT status, events FROM settled_counts WHERE events > 0")
    by_status = {"pending": pending} | {STATUSES[status]: number for status, number in settled}
    ignored = ask(connection, "SELECT platform, kind, count FROM ignored")
    return Counts(
        total=sum(by_status.values()),
        by_status=by_status,
        dead_letters=dead_letters,
        retrying=retrying,
        oldest_pending_at=to_time_or_none(oldest),
        last_received_at=to_time_or_none(newest),
        ignored={f"{platform}:{kind}": number for platform, kind, number in ignored},
    )
