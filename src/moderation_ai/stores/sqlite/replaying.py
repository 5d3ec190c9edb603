"""Putting events back to be handled again, and taking dead letters away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from moderation_ai.stores.sqlite.rows import DEAD, DROPPED, READY, REPLAYED, STATUSES, TO_RETRY, ask, to_micros


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
