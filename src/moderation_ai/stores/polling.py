"""The register's verbs of polling, as SQL that both dialects understand (``stores/sqlverbs.py`` tells how it runs)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from moderation_ai.stores.register import Cursor, Duty
from moderation_ai.stores.rows import encode
from moderation_ai.stores.sqlverbs import Verb
from moderation_ai.stores.times import to_micros, to_time

REPEATS_KEPT = timedelta(hours=1)
"""How long it is known that an event was pushed once more."""
_decode = msgspec.json.Decoder(Cursor).decode


def take_duty(name: str, worker: str, at: int | None, lease: float) -> Verb[bool]:
    """Give a duty to ``worker`` where nobody else has it; ``at`` None means the database's own clock."""
    rows = yield (
        "INSERT INTO {s}duties AS d (name, worker, until) VALUES ($1, $2, coalesce($3, {clock}) + $4) "
        "ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, until = excluded.until "
        "WHERE d.worker = excluded.worker OR d.until <= excluded.until - $4 RETURNING worker",
        (name, worker, at, int(lease * 1e6)),
    )
    return bool(rows)


def drop_duty(name: str, worker: str) -> Verb[bool]:
    """Give a duty back; return whether that worker had it."""
    rows = yield "DELETE FROM {s}duties WHERE name = $1 AND worker = $2 RETURNING name", (name, worker)
    return bool(rows)


def duties() -> Verb[list[Duty]]:
    """Return who has which duty."""
    rows = yield "SELECT name, worker, until FROM {s}duties ORDER BY name", ()
    return [Duty(name=name, worker=worker, until=to_time(until)) for name, worker, until in rows]


def save_cursor(cursor: Cursor) -> Verb[None]:
    """Keep how far a feed was read."""
    yield (
        "INSERT INTO {s}cursors (platform, account, feed, cursor) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (platform, account, feed) DO UPDATE SET cursor = excluded.cursor",
        (cursor.platform, cursor.account, cursor.feed, encode(cursor)),
    )


def cursor(platform: str, account: str, feed: str) -> Verb[Cursor | None]:
    """Return how far a feed was read."""
    rows = yield (
        "SELECT cursor FROM {s}cursors WHERE platform = $1 AND account = $2 AND feed = $3",
        (platform, account, feed),
    )
    return _decode(rows[0][0]) if rows else None


def cursors() -> Verb[list[Cursor]]:
    """Return how far each feed was read."""
    rows = yield "SELECT cursor FROM {s}cursors", ()
    return sorted((_decode(body) for (body,) in rows), key=lambda one: (one.platform, one.account, one.feed))


def note_repeats(seqs: Sequence[int], now: datetime) -> Verb[None]:
    """Keep that events were pushed once more, for an hour."""
    at = to_micros(now)
    yield "DELETE FROM {s}repeats WHERE at < $1", (to_micros(now - REPEATS_KEPT),)
    for seq in sorted(set(seqs)):
        yield "INSERT INTO {s}repeats (seq, at) VALUES ($1, $2) ON CONFLICT (seq) DO NOTHING", (seq, at)


def repeats(seqs: Sequence[int]) -> Verb[set[int]]:
    """Return which of the events were pushed once more."""
    found: set[int] = set()
    for seq in seqs:
        rows = yield "SELECT seq FROM {s}repeats WHERE seq = $1", (seq,)
        found.update(number for (number,) in rows)
    return found
