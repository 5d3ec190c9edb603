"""Pruning: what was received before a horizon goes, a few events at a time, in the order of arrival.

How far it came is kept, so a step looks at what is next and at nothing else, however much is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from moderation_ai.core.redaction import AGE, DELETED, without_text
from moderation_ai.stores.base import Horizons, Removed
from moderation_ai.stores.sqlite.redacting import drop_bodies, drop_errors, rewrite
from moderation_ai.stores.sqlite.rows import LISTED, ask, decode_thing, listed, read_event, to_micros

LISTED_PLACES = 1000
"""Events of one object whose places are kept, the latest; of what comes before, texts go by their age alone."""
PLACE_DIGITS = 12
_LOOK_AHEAD = 100
_DAY = 86_400_000_000


def prune(connection: apsw.Connection, horizons: Horizons, now: datetime, limit: int) -> Removed:
    """Remove what the horizons do not keep, of ``limit`` events at most."""
    removed = Removed()
    room = limit
    if horizons.deleted is not None:
        room -= _prune_deleted(connection, to_micros(horizons.deleted), to_micros(now), room, removed)
    for what, horizon in (("texts", horizons.texts), ("bodies", horizons.bodies)):
        if horizon is not None and room > 0:
            seqs = _due(connection, what, to_micros(horizon), to_micros(now), room)
            room -= len(seqs)
            _remove(connection, seqs, removed, AGE if what == "texts" else None)
            if seqs:
                connection.execute("UPDATE pruned SET seq = ? WHERE what = ?", (seqs[-1], what))
    removed.more = room <= 0
    return removed


def _due(connection: apsw.Connection, what: str, horizon: int, now: int, limit: int) -> list[int]:
    """Return where the next events are that are older than a horizon, up to one that is not.

    One that was received after ``now`` was received by a clock that ran ahead: it goes along with those around it.
    """
    last = connection.execute("SELECT seq FROM pruned WHERE what = ?", (what,)).get
    rows = ask(connection, "SELECT seq, received_at FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (last, limit))
    length = 0
    for number, (_, received_at) in enumerate(rows, start=1):
        if received_at > now:
            continue
        if received_at >= horizon:
            return [seq for seq, _ in rows[:length]]
        length = number
    if length < len(rows) == limit and _next_is_due(connection, rows[-1][0], horizon, now, limit):
        length = len(rows)
    return [seq for seq, _ in rows[:length]]


def _next_is_due(connection: apsw.Connection, seq: int, horizon: int, now: int, limit: int) -> bool:
    sql = "SELECT received_at FROM events WHERE seq > ? AND seq <= ? AND received_at <= ? ORDER BY seq LIMIT 1"
    found = connection.execute(sql, (seq, seq + _LOOK_AHEAD * limit, now)).get
    return found is not None and found < horizon


def _remove(connection: apsw.Connection, seqs: Sequence[int], removed: Removed, why: str | None) -> None:
    """Remove the bodies of events, and where there is a reason their texts too."""
    if not seqs:
        return
    removed.bodies += drop_bodies(connection, listed(seqs))
    if why is None:
        return
    removed.errors += drop_errors(connection, listed(seqs))
    stored = ask(connection, f"SELECT seq, event FROM events WHERE seq IN {LISTED}", (listed(seqs),))
    events = [read_event(body, seq, "pending") for seq, body in stored]
    bare = [without_text(event, why) for event in events]
    changed = [after for before, after in zip(events, bare, strict=True) if after is not before]
    rewrite(connection, changed)
    removed.texts += len(changed)


def _prune_deleted(connection: apsw.Connection, horizon: int, now: int, limit: int, removed: Removed) -> int:
    """Remove the texts of objects that are deleted still; return at how many events that looked.

    A deletion that was learned more than a day after ``now`` was learned by a clock that ran ahead.
    """
    looked = 0
    for (lane,) in ask(connection, _DELETED, (horizon, now + _DAY, limit)):
        if looked >= limit:
            break
        thing, places = connection.execute("SELECT thing, seqs FROM things WHERE lane = ?", (lane,)).get or (None, "")
        if thing is not None and decode_thing(thing).deleted_at is not None:
            seqs = read_places(places)
            _remove(connection, seqs, removed, DELETED)
            looked += len(seqs)
        looked += 1
        connection.execute("DELETE FROM deleted WHERE lane = ?", (lane,))
    return looked


_DELETED = "SELECT lane FROM deleted WHERE at < ? OR at > ? ORDER BY at LIMIT ?"


def read_places(places: str) -> list[int]:
    """Return the places of an object's events."""
    return [int(places[start : start + PLACE_DIGITS]) for start in range(0, len(places), PLACE_DIGITS)]


def count_prunable(connection: apsw.Connection, horizons: Horizons) -> Removed:
    """Return what pruning would remove by and by; nothing is changed."""
    removed = Removed()
    if horizons.texts is not None:
        removed.texts = _count(connection, "texts", horizons.texts, "1")
    bodies = [horizon for horizon in (horizons.bodies, horizons.texts) if horizon is not None]
    if bodies:
        removed.bodies = _count(connection, "bodies", max(bodies), "(raw IS NOT NULL OR delivery IS NOT NULL)")
    if horizons.deleted is not None:
        sql = "SELECT count(*) FROM deleted WHERE at < ?"
        removed.things = connection.execute(sql, (to_micros(horizons.deleted),)).get
    removed.more = bool(removed.texts or removed.bodies or removed.things)
    return removed


def _count(connection: apsw.Connection, what: str, horizon: datetime, condition: str) -> int:
    sql = (
        f"SELECT count(*) FROM events WHERE seq > (SELECT seq FROM pruned WHERE what = ?) AND received_at < ? "
        f"AND {condition}"
    )
    return int(connection.execute(sql, (what, to_micros(horizon))).get)
