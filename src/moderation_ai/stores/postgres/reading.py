"""Questions to the inbox: events, dead letters, attempts, counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Attempt, Counts, DeadLetter, EventFilter
from moderation_ai.stores.postgres.filtering import condition
from moderation_ai.stores.postgres.rows import ATTEMPT_COLUMNS, as_text, read_attempt, read_error
from moderation_ai.stores.rows import STATUSES, is_meant, read_event

T = TypeVar("T")
_PAGE = 2000
"""Rows that are fetched at a time: a store may be larger than the memory."""


async def events(connection: Any, which: EventFilter, limit: int | None, newest_first: bool) -> list[WebhookEvent]:
    """Return the events that ``which`` means.

    Oldest first they end where nothing earlier can appear any more, so that whoever goes on after the last one misses
    none: what is stored by several at a time is not committed in the order of its numbers.
    """
    clause, values = condition(which)
    if not newest_first:
        values.append(await connection.fetchval("SELECT moderation_ai.watermark()"))
        clause += f" AND e.seq <= ${len(values)}"
    sql = (
        "SELECT e.seq, e.event, coalesce(s.status, 0) FROM moderation_ai.events e "
        f"LEFT JOIN moderation_ai.settled s ON s.seq = e.seq WHERE {clause} AND {{}} "
        f"ORDER BY e.seq {'DESC' if newest_first else 'ASC'} LIMIT {{}}"
    )

    def read(row: Any) -> WebhookEvent | None:
        event = read_event(row[1], row[0], STATUSES[row[2]])
        return event if is_meant(event, which) else None

    step = "e.seq < {}" if newest_first else "e.seq > {}"
    return await _pages(connection, sql, values, step, limit, read)


_LATEST = """
SELECT e.seq, e.event, coalesce(s.status, 0) FROM moderation_ai.events e
LEFT JOIN moderation_ai.settled s ON s.seq = e.seq
WHERE e.seq = ANY ($1) AND e.lane = $2 ORDER BY e.seq DESC LIMIT $3
"""
_PLACES = """
SELECT unnest(seqs) FROM moderation_ai.things WHERE lane = $1
UNION SELECT seq FROM moderation_ai.queue WHERE lane = $1
"""


async def latest_of(connection: Any, lane: str, limit: int) -> list[WebhookEvent]:
    """Return the latest events of an object: an index on all events' lanes would cost each that arrives."""
    lane = as_text(lane)
    places = [row[0] for row in await connection.fetch(_PLACES, lane)]
    found = await connection.fetch(_LATEST, places, lane, limit)
    return [read_event(body, seq, STATUSES[status]) for seq, body, status in found]


async def _pages(
    connection: Any, sql: str, values: list[Any], step: str, limit: int | None, read: Callable[[Any], T | None]
) -> list[T]:
    """Return up to ``limit`` of what ``read`` makes of the rows, fetched page by page; the first column is the seq."""
    found: list[T] = []
    after: int | None = None
    mark = f"${len(values) + 1}"
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, max(limit - len(found), 100))
        beyond = "true" if after is None else step.format(mark)
        rows = await connection.fetch(sql.format(beyond, size), *values, *([] if after is None else [after]))
        found += [one for row in rows if (one := read(row)) is not None]
        if len(rows) < size:
            break
        after = rows[-1][0]
    return found[:limit]


async def dead_letters(connection: Any, which: EventFilter, limit: int | None) -> list[DeadLetter]:
    """Return the dead letters of the events that ``which`` means, newest first."""
    clause, values = condition(which)
    sql = (
        "SELECT e.seq, e.event, coalesce(s.status, 0), a.handler, a.attempts, a.error, a.ran_at "
        "FROM moderation_ai.attempts a JOIN moderation_ai.events e ON e.seq = a.seq "
        f"LEFT JOIN moderation_ai.settled s ON s.seq = e.seq WHERE a.state = 2 AND {clause} "
        "ORDER BY a.seq DESC, a.handler"
    )
    found: list[DeadLetter] = []
    if limit is not None and limit <= 0:
        return found
    for seq, body, status, handler, attempts, error, ran_at in await connection.fetch(sql, *values):
        event = read_event(body, seq, STATUSES[status])
        if is_meant(event, which):
            said = read_error(error)
            found.append(DeadLetter(event=event, handler=handler, attempts=attempts, error=said, ran_at=ran_at))
            if len(found) == limit:
                break
    return found


async def attempts(connection: Any, seq: int) -> list[Attempt]:
    """Return what every handler did with the event."""
    sql = f'SELECT {ATTEMPT_COLUMNS} FROM moderation_ai.attempts WHERE seq = $1 ORDER BY handler COLLATE "C"'
    return [read_attempt(row) for row in await connection.fetch(sql, seq)]


async def raw_body(connection: Any, seq: int) -> bytes | None:
    """Return the raw body of the delivery that brought the event, or None."""
    sql = (
        "SELECT coalesce(e.raw, d.raw) FROM moderation_ai.events e "
        "LEFT JOIN moderation_ai.deliveries d ON d.id = e.delivery WHERE e.seq = $1"
    )
    found: bytes | None = await connection.fetchval(sql, seq)
    return found


async def headers(connection: Any, seq: int) -> str | None:
    """Return what was kept beside the body of the delivery that brought the event, or None."""
    sql = (
        "SELECT coalesce(e.headers, d.headers) FROM moderation_ai.events e "
        "LEFT JOIN moderation_ai.deliveries d ON d.id = e.delivery WHERE e.seq = $1"
    )
    found: str | None = await connection.fetchval(sql, seq)
    return found


_COUNTS = """
SELECT (SELECT count(*) FROM moderation_ai.queue)
         + (SELECT count(DISTINCT seq) FROM moderation_ai.attempts WHERE state = 0),
       (SELECT count(*) FROM moderation_ai.attempts WHERE state = 2),
       (SELECT count(*) FROM moderation_ai.attempts WHERE state = 0),
       (SELECT received_at FROM moderation_ai.events WHERE seq = least(
            (SELECT min(seq) FROM moderation_ai.queue),
            (SELECT min(seq) FROM moderation_ai.attempts WHERE state = 0))),
       (SELECT received_at FROM moderation_ai.events ORDER BY seq DESC LIMIT 1),
       ARRAY(SELECT ARRAY[status, events] FROM moderation_ai.settled_counts WHERE events > 0),
       ARRAY(SELECT ARRAY[platform, kind, count::text] FROM moderation_ai.ignored)
"""


async def counts(connection: Any) -> Counts:
    """Return how many events stand where, at one moment; the finished ones were counted as they were settled."""
    pending, dead, retrying, oldest, newest, settled, ignored = await connection.fetchrow(_COUNTS)
    by_status = {"pending": pending} | {STATUSES[status]: number for status, number in settled}
    return Counts(
        total=sum(by_status.values()),
        by_status=by_status,
        dead_letters=dead,
        retrying=retrying,
        oldest_pending_at=oldest,
        last_received_at=newest,
        ignored={f"{platform}:{kind}": int(number) for platform, kind, number in ignored},
    )
