"""Leases: which worker holds what, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from moderation_ai.stores.base import Claimed
from moderation_ai.stores.sqlite.rows import BEHIND, LEASED, LISTED, READY, TO_RETRY, ask, listed

UNPARKED = 256
"""Events of a lane that are let go at once when the lane is free: a lane with a long tail must not be walked whole."""


def worker_number(connection: apsw.Connection, name: str) -> int | None:
    """Return the number under which a worker holds things, or None for one that holds nothing."""
    found: int | None = connection.execute("SELECT id FROM workers WHERE name = ?", (name,)).get
    return found


def renew(connection: apsw.Connection, name: str, until: int) -> int:
    """Let a worker's lease last ``until`` then (microseconds) at least; return its number."""
    sql = (
        "INSERT INTO workers (name, until) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until) RETURNING id"
    )
    return int(connection.execute(sql, (name, until)).get)


def holds_anything(connection: apsw.Connection, name: str) -> bool:
    """Say whether a worker holds an event or a retry."""
    me = worker_number(connection, name)
    sql = (
        "SELECT EXISTS (SELECT 1 FROM queue WHERE state = 1 AND worker = ?1) "
        "OR EXISTS (SELECT 1 FROM attempts WHERE state = 0 AND worker = ?1)"
    )
    return me is not None and bool(connection.execute(sql, (me,)).get)


def free_the_expired(connection: apsw.Connection, but: str, now: int) -> None:
    """Give back what workers hold whose lease is over; ``but`` one, who has just shown that it lives."""
    sql = "SELECT name FROM workers WHERE until < ? AND name <> ?"
    for (name,) in ask(connection, sql, (now, but)):
        release(connection, name)


def release(connection: apsw.Connection, name: str) -> None:
    """Give back what a worker holds, and forget it."""
    me = worker_number(connection, name)
    if me is None:
        return
    sql = "UPDATE queue SET state = ?, worker = NULL WHERE state = ? AND worker = ? RETURNING lane"
    lanes = {lane for (lane,) in ask(connection, sql, (READY, LEASED, me))}
    sql = "UPDATE attempts SET worker = NULL WHERE state = ? AND worker = ? RETURNING lane"
    lanes |= {lane for (lane,) in ask(connection, sql, (TO_RETRY, me))}
    connection.execute("DELETE FROM workers WHERE id = ?", (me,))
    let_go(connection, lanes)


def give_back(connection: apsw.Connection, name: str, claimed: Sequence[Claimed]) -> None:
    """Give back what a worker was handed and did not get: whoever asked for it was gone by then."""
    me = worker_number(connection, name)
    first_runs = [one.event.seq for one in claimed if one.only is None]
    connection.execute(
        f"UPDATE queue SET state = ?, worker = NULL WHERE state = ? AND worker = ? AND seq IN {LISTED}",
        (READY, LEASED, me, listed(first_runs)),
    )
    retries = [(me, one.event.seq, handler) for one in claimed for handler in one.only or ()]
    sql = "UPDATE attempts SET worker = NULL WHERE state = 0 AND worker = ? AND seq = ? AND handler = ?"
    connection.executemany(sql, retries)
    let_go(connection, {one.event.lane for one in claimed})


def workers(connection: apsw.Connection) -> list[str]:
    """Return the names of all that have leases."""
    return [name for (name,) in ask(connection, "SELECT name FROM workers ORDER BY id")]


_LET_GO = f"""
UPDATE queue SET state = {READY} WHERE seq IN (
    SELECT seq FROM queue WHERE lane = ?1 AND state = {BEHIND} ORDER BY seq LIMIT {UNPARKED}
) AND NOT EXISTS (SELECT 1 FROM queue WHERE lane = ?1 AND state = {LEASED})
  AND NOT EXISTS (SELECT 1 FROM attempts WHERE lane = ?1 AND state = {TO_RETRY} AND worker IS NOT NULL)
"""


def let_go(connection: apsw.Connection, lanes: Iterable[str]) -> None:
    """Make ready what waits in lanes of which nothing is held any more.

    Whoever ends the hold on a lane has to say so here: what waits behind is looked for by nobody else.
    """
    if connection.execute("SELECT 1 FROM queue WHERE state = 2 LIMIT 1").get is None:
        return
    connection.executemany(_LET_GO, [(lane,) for lane in lanes])
