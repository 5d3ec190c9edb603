"""Adding deliveries: many events in one statement, each stored once."""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import cache

import apsw

from moderation_ai.core.events import KeyedEvent
from moderation_ai.stores.base import Added, Claimed, Delivery
from moderation_ai.stores.sqlite.claiming import claimed_new
from moderation_ai.stores.sqlite.inserting import Row, chunks, insert_rows
from moderation_ai.stores.sqlite.leases import renew
from moderation_ai.stores.sqlite.rows import LEASED, LISTED, MADE_BY_HAND, READY, ask, encode, listed, to_micros
from moderation_ai.stores.sqlite.writer import Job

FIRST_LEASE = 30_000_000
"""Microseconds for which a worker holds what it is given with its delivery, unless its claims renew that."""
_COLUMNS = "key, platform, event_type, account, lane, received_at, event, raw, headers"
_KEY, _LANE, _EVENT = 0, 4, 6


class Addition:
    """One delivery on its way into the store, and the worker that is to have its events at once."""

    __slots__ = ("delivery", "is_plain", "keys", "rows", "worker")

    def __init__(self, delivery: Delivery, worker: str | None) -> None:
        """Make the row of a single event on the caller's thread: the writer's has enough to do.

        Those of many are made when it is known which of them are new: a body that comes again brings none.
        """
        self.delivery = delivery
        self.worker = worker
        self.keys = [keyed.key for keyed in delivery.events]
        alone = len(self.keys) == 1
        self.rows = [_row(delivery.events[0], delivery, with_body=True)] if alone else None
        self.is_plain = alone and worker is None and not delivery.forced

    def size(self) -> int:
        """Return about how many bytes this takes while it waits."""
        body = len(self.delivery.body)
        # Events that are no rows yet weigh about what they were read from.
        events = body + 512 * len(self.keys) if self.rows is None else len(self.rows[0][_EVENT])
        return 256 + body + events

    def rows_but(self, known: Container[bytes]) -> list[Row]:
        """Return the rows of the events whose keys are not ``known``."""
        if self.rows is not None:
            return self.rows
        events = self.delivery.events
        return [_row(keyed, self.delivery, with_body=False) for keyed in events if keyed.key not in known]


def _row(keyed: KeyedEvent, delivery: Delivery, *, with_body: bool) -> Row:
    event = keyed.event
    return (
        keyed.key,
        event.platform,
        event.event_type,
        event.account,
        event.lane,
        to_micros(delivery.received_at),
        encode(event),
        delivery.body if with_body else None,
        delivery.headers if with_body else None,
    )


class _Fresh:
    """An event that was not known: where it stands, and the addition that brought it first."""

    __slots__ = ("addition", "is_leased", "lane", "seq")

    def __init__(self, seq: int, lane: str, addition: Addition) -> None:
        self.seq = seq
        self.lane = lane
        self.addition = addition
        self.is_leased = False


def add_all(connection: apsw.Connection, jobs: Sequence[Job]) -> None:
    """Insert the rows of every job's ``Addition`` and give each job its ``Added``."""
    if all(job.work.is_plain for job in jobs):
        _add_plain(connection, jobs, [job.work.rows[0] for job in jobs])
        return
    known = _known(connection, [key for job in jobs if job.work.rows is None for key in job.work.keys])
    each = [job.work.rows_but(known) for job in jobs]
    rows = [row for of_job in each for row in of_job]
    new = dict(insert_rows(connection, "events", _COLUMNS, rows, " ON CONFLICT DO NOTHING RETURNING key, seq"))
    fresh: dict[bytes, _Fresh] = {}
    for job, of_job in zip(jobs, each, strict=True):
        for row in of_job:
            if row[_KEY] in new and row[_KEY] not in fresh:
                fresh[row[_KEY]] = _Fresh(new[row[_KEY]], row[_LANE], job.work)
    _enqueue(connection, list(fresh.values()))
    for job in jobs:
        job.result = _result(connection, job.work, fresh, known)


def _known(connection: apsw.Connection, keys: Sequence[bytes]) -> dict[bytes, int]:
    """Return which of the keys are stored already, and where."""
    found: dict[bytes, int] = {}
    for chunk in chunks(keys):
        found |= ask(connection, _lookup(len(chunk)), chunk)
    return found


@cache
def _lookup(count: int) -> str:
    # An IN would have SQLite sort the keys into a table of their own before it looks for the first one.
    marks = ",".join(["(?)"] * count)
    return f"WITH k(key) AS (VALUES {marks}) SELECT k.key, e.seq FROM k CROSS JOIN events e ON e.key = k.key"


def _add_plain(connection: apsw.Connection, jobs: Sequence[Job], rows: Sequence[Row]) -> None:
    """Add deliveries of one event each that nobody waits for but its sender: what webhooks bring, in bursts.

    What is new is what stands behind the last event from before, in order; SQLite copies it into the queue without a
    round trip through us.
    """
    before = ask(connection, "SELECT coalesce(max(seq), 0) FROM events")[0][0]
    insert_rows(connection, "events", _COLUMNS, rows, " ON CONFLICT DO NOTHING")
    connection.execute("INSERT INTO queue (seq, state, lane) SELECT seq, 0, lane FROM events WHERE seq > ?", (before,))
    if connection.changes() == len(rows):
        for seq, job in enumerate(jobs, start=before + 1):
            job.result = Added(1, 0, (seq,), (seq,))
        return
    new = dict(ask(connection, "SELECT key, seq FROM events WHERE seq > ?", (before,)))
    for job in jobs:
        key = job.work.rows[0][_KEY]
        seq = new.pop(key, 0)  # of equal events in one batch the first is the new one
        job.result = Added(1, 0, (seq,), (seq,)) if seq else Added(0, 1, (_seq_of(connection, key),))


def _enqueue(connection: apsw.Connection, fresh: Sequence[_Fresh]) -> None:
    """Put new events into the queue, leased where a worker asked for them and nothing stands before them."""
    may_lease = any(one.addition.worker for one in fresh) and not _is_anything_ready(connection)
    taken: set[str] = set()
    rows: list[Row] = []
    for one in fresh:
        state, holder = READY, None
        worker = one.addition.worker
        if may_lease:
            if worker and one.lane not in taken and not _is_in_hand(connection, one.lane):
                one.is_leased = True
                until = to_micros(one.addition.delivery.received_at) + FIRST_LEASE
                state, holder = LEASED, renew(connection, worker, until)
            taken.add(one.lane)
        rows.append((one.seq, state, holder, one.lane, _forced(one.addition)))
    insert_rows(connection, "queue", "seq, state, worker, lane, forced", rows)


def _is_anything_ready(connection: apsw.Connection) -> bool:
    # Where others wait already, the worker claims them all in their order; that needs no look at their lanes here.
    return connection.execute("SELECT 1 FROM queue WHERE state = 0 LIMIT 1").get is not None


_IN_HAND = """
SELECT EXISTS (SELECT 1 FROM queue WHERE lane = ?1 AND state = 1)
    OR EXISTS (SELECT 1 FROM queue WHERE lane = ?1 AND state = 2)
    OR EXISTS (SELECT 1 FROM attempts WHERE lane = ?1 AND state = 0)
"""


def _is_in_hand(connection: apsw.Connection, lane: str) -> bool:
    return bool(connection.execute(_IN_HAND, (lane,)).get)


def _forced(addition: Addition) -> int:
    return MADE_BY_HAND if addition.delivery.forced else 0


def _result(
    connection: apsw.Connection, addition: Addition, fresh: dict[bytes, _Fresh], known: dict[bytes, int]
) -> Added:
    """Say what became of one delivery; what another one of the batch brought first is a duplicate here."""
    keys = addition.keys
    if len(known) >= len(keys):
        places = [known.get(key, 0) for key in keys]
        if 0 not in places:
            return Added(0, len(keys), tuple(places))
    own = {key: fresh[key] for key in keys if key in fresh and fresh[key].addition is addition}
    new = tuple(one.seq for one in own.values())
    if len(keys) > 1 and new:
        _keep_body(connection, addition.delivery, new)
    seqs = tuple(fresh[key].seq if key in fresh else known.get(key) or _seq_of(connection, key) for key in keys)
    leased = {one.seq: _forced(addition) for one in own.values() if one.is_leased}
    return Added(len(new), len(keys) - len(new), seqs, new, _leased(connection, addition, leased))


def _leased(connection: apsw.Connection, addition: Addition, forced: dict[int, int]) -> tuple[Claimed, ...]:
    if not forced:
        return ()
    return tuple(claimed_new(connection, forced, to_micros(addition.delivery.received_at)))


def _seq_of(connection: apsw.Connection, key: bytes) -> int:
    return int(connection.execute("SELECT seq FROM events WHERE key = ?", (key,)).get)


def _keep_body(connection: apsw.Connection, delivery: Delivery, seqs: Sequence[int]) -> None:
    """Keep the body of a delivery that brought several events once, for all of them that are new."""
    sql = "INSERT INTO deliveries (received_at, raw, headers) VALUES (?, ?, ?) RETURNING id"
    values = (to_micros(delivery.received_at), delivery.body, delivery.headers)
    body_id = connection.execute(sql, values).get
    connection.execute(f"UPDATE events SET delivery = ? WHERE seq IN {LISTED}", (body_id, listed(seqs)))
