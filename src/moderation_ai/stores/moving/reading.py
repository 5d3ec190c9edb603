"""The source of a move: the rows of a SQLite store as PostgreSQL is to have them, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apsw

from moderation_ai.stores.moving.ledger import LEDGER
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none
from moderation_ai.stores.rows import READY
from moderation_ai.stores.sqlite.pruning import PLACE_DIGITS
from moderation_ai.stores.sqlite.rows import ask, to_time, to_time_or_none

Row = tuple[Any, ...]


class Page(NamedTuple):
    """What belongs to the next events, by table; ``last`` is the place of the last one."""

    last: int
    rows: dict[str, list[Row]]


def pages(connection: apsw.Connection, after_seq: int, size: int) -> Iterator[Page]:
    """Yield the events after ``after_seq`` with all that stands beside them, so many at a time."""
    while True:
        events = ask(connection, _EVENTS, (after_seq, size))
        if not events:
            return
        first, last = after_seq, int(events[-1][0])
        yield Page(last, _beside(connection, events, first, last))
        after_seq = last


_EVENTS = """
SELECT seq, key, platform, event_type, account, lane, received_at, event, raw, headers, delivery
FROM events WHERE seq > ? ORDER BY seq LIMIT ?
"""
_DELIVERIES = """
SELECT id, received_at, raw, headers FROM deliveries
WHERE id IN (SELECT delivery FROM events WHERE seq > ? AND seq <= ?)
"""
_ATTEMPTS = """
SELECT seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane, forced
FROM attempts WHERE seq > ? AND seq <= ?
"""


def _beside(connection: apsw.Connection, events: Sequence[Row], first: int, last: int) -> dict[str, list[Row]]:
    between = (first, last)
    return {
        "events": [_event(row) for row in events],
        "deliveries": [
            (number, to_time(at), raw, as_text_or_none(headers))
            for number, at, raw, headers in ask(connection, _DELIVERIES, between)
        ],
        # What was leased or stood behind that is ready: the workers that held it are not there.
        "queue": [
            (seq, READY, as_text(lane), forced)
            for seq, lane, forced in ask(
                connection, "SELECT seq, lane, forced FROM queue WHERE seq > ? AND seq <= ?", between
            )
        ],
        "settled": ask(connection, "SELECT seq, status FROM settled WHERE seq > ? AND seq <= ?", between),
        "attempts": [_attempt(row) for row in ask(connection, _ATTEMPTS, between)],
    }


def _event(row: Row) -> Row:
    seq, key, platform, event_type, account, lane, received_at, event, raw, headers, delivery = row
    texts = as_text(platform), as_text(event_type), as_text_or_none(account), as_text(lane)
    return seq, key, *texts, to_time(received_at), event, raw, as_text_or_none(headers), delivery


def _attempt(row: Row) -> Row:
    seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane, forced = row
    times = to_time_or_none(due_at), to_time_or_none(holds_until)
    said = None if error is None else error.encode("utf-8", "replace")
    return seq, as_text(handler), state, attempts, to_time_or_none(ran_at), said, *times, as_text_or_none(lane), forced


def others(connection: apsw.Connection) -> dict[str, list[Row]]:
    """Return the rows of the tables that do not grow with the events."""
    return {
        "deleted": [(as_text(lane), to_time(at)) for lane, at in ask(connection, "SELECT lane, at FROM deleted")],
        "pruned": ask(connection, "SELECT what, seq FROM pruned"),
        "ignored": [
            (as_text(platform), as_text(kind), count)
            for platform, kind, count in ask(connection, "SELECT platform, kind, count FROM ignored")
        ],
        "subscriptions": [
            (as_text(platform), as_text(name), body)
            for platform, name, body in ask(connection, "SELECT platform, id, subscription FROM subscriptions")
        ],
        "cursors": [
            (as_text(platform), as_text(account), as_text(feed), body)
            for platform, account, feed, body in ask(connection, "SELECT platform, account, feed, cursor FROM cursors")
        ],
        "sessions": [
            (as_text(platform), as_text(account), *more, as_text_or_none(reason))
            for platform, account, *more, reason in ask(connection, _SESSIONS)
        ],
    }


_SESSIONS = "SELECT platform, account, session, version, expires_at, saved_at, refused_at, reason FROM sessions"


def things(connection: apsw.Connection, size: int) -> Iterator[list[Row]]:
    """Yield what is known of objects, so many at a time."""
    after = ""
    while True:
        sql = "SELECT lane, thing, seqs FROM things WHERE lane > ? ORDER BY lane LIMIT ?"
        found = ask(connection, sql, (after, size))
        if not found:
            return
        after = found[-1][0]
        yield [(as_text(lane), thing, _places(places)) for lane, thing, places in found]


def _places(places: str) -> str:
    # As PostgreSQL writes an array: an array of arrays of different lengths is none that it takes.
    seqs = (str(int(places[start : start + PLACE_DIGITS])) for start in range(0, len(places), PLACE_DIGITS))
    return "{" + ",".join(seqs) + "}"


COUNTED = (
    "events",
    "deliveries",
    "queue",
    "settled",
    "attempts",
    "things",
    "deleted",
    "ignored",
    "subscriptions",
    "cursors",
    "sessions",
    *LEDGER,
)
"""Tables of which both stores have to have as many rows in the end."""


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Return how many rows the tables have; of deliveries those that an event names."""
    found = {table: int(connection.execute(f"SELECT count(*) FROM {table}").get) for table in COUNTED}
    sql = "SELECT count(DISTINCT delivery) FROM events"
    return found | {"deliveries": int(connection.execute(sql).get)}


def largest_seq(connection: apsw.Connection) -> int:
    """Return the place of the last event, 0 for none."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").get)
