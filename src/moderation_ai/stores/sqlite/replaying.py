"""Putting events back to be handled again, taking dead letters away, and replacing events by better ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from moderation_ai.stores.base import Added
from moderation_ai.stores.sqlite.adding import Addition, add_all
from moderation_ai.stores.sqlite.leases import let_go
from moderation_ai.stores.sqlite.rows import (
    DEAD,
    DROPPED,
    LISTED,
    READY,
    REPLAYED,
    STATUSES,
    SUPERSEDED,
    TO_RETRY,
    ask,
    listed,
    to_micros,
)
from moderation_ai.stores.sqlite.writer import Job


def replay(connection: apsw.Connection, seqs: Sequence[int], now: datetime, handlers: Sequence[str]) -> int:
    """Make events run again whatever came of them before, by ``handlers`` alone where given; count the events.

    What is just being handled, or waits for it, is left alone.
    """
    return sum(_replay_one(connection, seq, to_micros(now), handlers) for seq in seqs)


def _replay_one(connection: apsw.Connection, seq: int, now: int, handlers: Sequence[str]) -> bool:
    lane = connection.execute("SELECT lane FROM events WHERE seq = ?", (seq,)).get
    if lane is None or connection.execute("SELECT 1 FROM queue WHERE seq = ?", (seq,)).get is not None:
        return False
    sql = "SELECT handler FROM attempts WHERE seq = ? AND state = ? AND worker IS NOT NULL"
    running = {handler for (handler,) in ask(connection, sql, (seq, TO_RETRY))}
    idle = [handler for handler in handlers if handler not in running]
    if (handlers and not idle) or (running and not handlers):
        return False
    connection.execute("DELETE FROM settled WHERE seq = ?", (seq,))
    if idle:
        connection.executemany(_RETRY_NOW, [(seq, handler, now, lane) for handler in idle])
    else:
        connection.execute("DELETE FROM attempts WHERE seq = ?", (seq,))
        sql = "INSERT INTO queue (seq, state, lane, forced) VALUES (?, ?, ?, ?)"
        connection.execute(sql, (seq, READY, lane, REPLAYED))
    return True


_RETRY_NOW = f"""
INSERT INTO attempts (seq, handler, state, attempts, due_at, lane, forced)
VALUES (?, ?, {TO_RETRY}, 0, ?, ?, {REPLAYED})
ON CONFLICT (seq, handler) DO UPDATE SET state = excluded.state, attempts = 0, error = NULL, ran_at = NULL,
    due_at = excluded.due_at, holds_until = NULL, lane = excluded.lane, worker = NULL, forced = excluded.forced
"""


def drop(connection: apsw.Connection, seqs: Sequence[int], handlers: Sequence[str]) -> int:
    """Take events out of dead letters; return how many handlers' attempts that were.

    An event without dead letters left is done.
    """
    dropped = 0
    for seq in seqs:
        sql = "SELECT handler FROM attempts WHERE seq = ? AND state = ?"
        dead = {handler for (handler,) in ask(connection, sql, (seq, DEAD))}
        going = dead & set(handlers) if handlers else dead
        sql = "UPDATE attempts SET state = ? WHERE seq = ? AND handler = ?"
        connection.executemany(sql, [(DROPPED, seq, handler) for handler in going])
        if going and going == dead:
            sql = "UPDATE settled SET status = ? WHERE seq = ? AND status = ?"
            connection.execute(sql, (STATUSES.index("done"), seq, STATUSES.index("dead")))
        dropped += len(going)
    return dropped


def replace(connection: apsw.Connection, seqs: Sequence[int], addition: Addition) -> Added:
    """Add a delivery in the place of the events at ``seqs``, which are superseded then."""
    job = Job(addition)
    if addition.keys:
        add_all(connection, [job])
    supersede(connection, seqs, finished_too=True)
    added: Added = job.result or Added(0, 0)
    return added


def supersede(connection: apsw.Connection, seqs: Sequence[int], *, finished_too: bool) -> None:
    """Let events run no more, and their lanes go on; what a worker makes of them just now counts for nothing.

    They are no dead letters any more either. What was done keeps its status unless ``finished_too``.
    """
    wanted = listed(seqs)
    lanes = {lane for (lane,) in ask(connection, f"DELETE FROM queue WHERE seq IN {LISTED} RETURNING lane", (wanted,))}
    sql = f"SELECT lane FROM attempts WHERE state = {TO_RETRY} AND seq IN {LISTED}"
    lanes |= {lane for (lane,) in ask(connection, sql, (wanted,))}
    sql = (
        f"UPDATE attempts SET state = {SUPERSEDED}, worker = NULL, lane = NULL "
        f"WHERE state IN ({TO_RETRY}, {DEAD}) AND seq IN {LISTED}"
    )
    connection.execute(sql, (wanted,))
    connection.execute(_SUPERSEDE, (wanted, finished_too))
    let_go(connection, lanes)


_SUPERSEDE = f"""
INSERT INTO settled (seq, status) SELECT seq, {STATUSES.index("superseded")} FROM events WHERE seq IN {LISTED}
ON CONFLICT (seq) DO UPDATE SET status = excluded.status WHERE ? OR settled.status = {STATUSES.index("dead")}
"""
