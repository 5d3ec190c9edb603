"""pgqueuer on PostgreSQL: how fast its worker empties a backlog through a handler that does nothing.

Run as ``python -m bench.references.pgqueuer_drain DSN COUNT`` with the address of an empty database.
"""

from __future__ import annotations

import logging
import sys
import time

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

from bench import bodies, child, loops
from bench.backlog import Drained

_BATCH = 256  # about three times as fast here as its default of 10; 1,024 is no faster over several runs
_FILL_BATCH = 2_000


async def drain(dsn: str, count: int) -> Drained:
    """Fill the queue with so many bodies, then let one worker empty it; raise ``SystemExit`` if it misses one."""
    logging.disable(logging.WARNING)
    async with asyncpg.create_pool(dsn, min_size=4, max_size=4) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        await _fill(queries, count)
        handled: list[int] = []
        worker = PgQueuer.from_asyncpg_pool(pool)

        @worker.entrypoint("event")
        async def handle(job: Job) -> None:
            handled.append(job.id)

        start = time.perf_counter()
        await worker.qm.run(batch_size=_BATCH, mode=QueueExecutionMode.drain)
        took = time.perf_counter() - start
        left = sum(one.count for one in await queries.queue_size())
    if len(set(handled)) != count or left:
        raise SystemExit(f"{len(set(handled))} of {count} jobs were handled, {left} are left")
    return Drained(events_per_second=count / took)


async def _fill(queries: Queries, count: int) -> None:
    form, tag = bodies.template(), bodies.new_tag()
    for start in range(0, count, _FILL_BATCH):
        numbers = range(start, min(start + _FILL_BATCH, count))
        payloads: list[bytes | None] = [bodies.body(form, tag, number) for number in numbers]
        await queries.enqueue(["event"] * len(payloads), payloads, [0] * len(payloads))


if __name__ == "__main__":
    child.answer(loops.run(drain(sys.argv[1], int(sys.argv[2]))))
