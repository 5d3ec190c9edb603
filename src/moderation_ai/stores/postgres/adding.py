"""Adding deliveries: the events of many requests in one statement, each stored once."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from moderation_ai.core.events import KeyedEvent
from moderation_ai.stores.base import Added, Claimed, Delivery
from moderation_ai.stores.postgres.claiming import claimed_new
from moderation_ai.stores.postgres.connection import wait_for_disk
from moderation_ai.stores.postgres.failing import as_store_error
from moderation_ai.stores.postgres.gathering import Job
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none, columns
from moderation_ai.stores.rows import MADE_BY_HAND, encode

logger = logging.getLogger(__name__)

Row = tuple[Any, ...]
FIRST_LEASE = timedelta(seconds=30)
"""For how long a worker holds what it is given with its delivery, unless its claims renew that."""
_KEY, _EVENT = 0, 6
_COLUMNS = 10  # of a row; which body it belongs to is the eleventh
_ADD = "SELECT * FROM moderation_ai.add_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
_CLAIM = "SELECT seq, forced FROM moderation_ai.claim_added($1, $2, $3, $4, $5, $6)"


class Addition:
    """One delivery on its way into the store: its rows, and the worker that is to have them at once."""

    __slots__ = ("claim", "delivery", "is_lost", "rows", "worker")

    def __init__(self, delivery: Delivery, worker: str | None) -> None:
        """Make the rows on the caller's thread; the store's has enough to do."""
        self.delivery = delivery
        self.worker = worker
        self.claim = new_claim()
        self.is_lost = False  # Nobody knows whether its worker was given it.
        alone = len(delivery.events) == 1
        self.rows = [_row(keyed, delivery, with_body=alone) for keyed in delivery.events]

    def body(self) -> Row:
        """Return the row of a body that several events share."""
        delivery = self.delivery
        return delivery.received_at, delivery.body, as_text_or_none(delivery.headers)

    def size(self) -> int:
        """Return about how many bytes this takes while it waits."""
        return 256 + len(self.delivery.body) + sum(len(row[_EVENT]) for row in self.rows)


def new_claim() -> int:
    """Return a number that no other claim has."""
    return secrets.randbits(63)


def _row(keyed: KeyedEvent, delivery: Delivery, *, with_body: bool) -> Row:
    event = keyed.event
    return (
        keyed.key,
        as_text(event.platform),
        as_text(event.event_type),
        as_text_or_none(event.account),
        as_text(event.lane),
        delivery.received_at,
        encode(event),
        delivery.body if with_body else None,
        as_text_or_none(delivery.headers) if with_body else None,
        MADE_BY_HAND if delivery.forced else 0,
    )


async def add_all(connection: Any, jobs: Sequence[Job], *, by_caller: bool) -> None:
    """Insert the rows of every job's ``Addition`` and give each job its ``Added``."""
    for job, added in zip(jobs, await add_rows(connection, [job.work for job in jobs]), strict=True):
        job.result = added
    first = min((seq for job in jobs for seq in job.result.fresh), default=0)
    for job in jobs:
        if job.work.worker is not None and job.result.fresh:
            await _lease_to(connection, job, first, by_caller=by_caller)


async def add_rows(connection: Any, additions: Sequence[Addition]) -> list[Added]:
    """Insert the rows of all ``additions``, and return what became of each."""
    rows: dict[bytes, Row] = {}
    bodies: list[Row] = []
    firsts: dict[bytes, Addition] = {}
    for addition in additions:
        body = None
        if len(addition.rows) > 1:
            bodies.append(addition.body())
            body = len(bodies)
        for row in addition.rows:
            if row[_KEY] not in rows:
                rows[row[_KEY]] = (*row, body)
                firsts[row[_KEY]] = addition
    seqs: dict[bytes, int] = {}
    own: dict[Addition, dict[bytes, int]] = {addition: {} for addition in additions}
    for key, seq, is_new in await _insert(connection, list(rows.values()), bodies):
        seqs[key] = seq
        if is_new:
            own[firsts[key]][key] = seq
    return [_result(addition, seqs, own[addition]) for addition in additions]


async def _insert(connection: Any, rows: Sequence[Row], bodies: Sequence[Row]) -> Any:
    if not rows:
        return []
    return await connection.fetch(_ADD, *columns(rows, _COLUMNS + 1), *columns(bodies, 3))


def _result(addition: Addition, seqs: dict[bytes, int], own: dict[bytes, int]) -> Added:
    """Say what became of one delivery; what another one of the batch brought first is a duplicate here."""
    keys = [row[_KEY] for row in addition.rows]
    fresh = tuple(own[key] for key in dict.fromkeys(keys) if key in own)
    return Added(len(fresh), len(keys) - len(fresh), tuple(seqs[key] for key in keys), fresh)


async def _lease_to(connection: Any, job: Job, first: int, *, by_caller: bool) -> None:
    """Lease what is new to the worker that asked for it; it is stored already, whatever comes of this."""
    addition: Addition = job.work
    added: Added = job.result
    try:
        leased = await _lease(connection, addition, added.fresh, first, by_caller=by_caller)
    except Exception as error:  # noqa: BLE001  # what was added is on disk: its sender must not hear otherwise
        addition.is_lost = True
        logger.warning("new events could not be leased at once, and wait their turn: %s", as_store_error(error))
        return
    job.result = Added(added.new, added.duplicates, added.seqs, added.fresh, tuple(leased))


async def _lease(
    connection: Any, addition: Addition, fresh: Sequence[int], first: int, *, by_caller: bool
) -> list[Claimed]:
    now = addition.delivery.received_at
    clock = now if by_caller else None
    found = await connection.fetch(_CLAIM, addition.worker, addition.claim, list(fresh), first, FIRST_LEASE, clock)
    if found:
        await wait_for_disk(connection)
    return await claimed_new(connection, dict(found), now)
