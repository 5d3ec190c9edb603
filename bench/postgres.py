"""The same on PostgreSQL: durable ingest beside SQLite, procrastinate and DBOS; a backlog beside pgqueuer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench import bodies, child, cores, deliveries, loops, rounds, servers
from bench.backlog import Drained
from bench.load import Load
from bench.ratios import Ratio, spread
from bench.rounds import Measured, Plan
from bench.servers import OURS, Launch, Server
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.stores.base import DONE, EventOutcome
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.postgres import Databases, running

_CONNECTIONS = 64
_JOBS = 20_000
_PGQUEUER_JOBS = 10_000
_TIMEOUT = 120.0
_OTHERS = {"ours": "sqlite", "procrastinate": "procrastinate", "dbos": "dbos"}


def ingest(plan: Plan, load: Load) -> tuple[list[Measured], dict[str, Ratio]]:
    """Return the runs of every server in turn, and our rate on PostgreSQL through each other one's."""
    with _postgres(plan.folder) as databases:
        all_ = [OURS, *_servers(databases)]
        own = Plan(
            servers=all_, connections=[_CONNECTIONS], rounds=plan.rounds, seconds=plan.seconds, folder=plan.folder
        )
        runs = list(rounds.run(own, load))
    return runs, {f"pg_ingest_vs_{name}": spread(_pairs(runs, other)) for other, name in _OTHERS.items()}


def _pairs(runs: list[Measured], other: str) -> list[float]:
    by_round = {(run.server, run.round): run.rate for run in runs}
    return [rate / by_round[other, number] for (name, number), rate in by_round.items() if name == "ours_postgres"]


def drain(folder: Path, count: int) -> Iterator[tuple[float, float]]:
    """Yield the events a second of our worker and of pgqueuer's, both on PostgreSQL, round by round."""
    with _postgres(folder) as databases:
        for number in range(count):
            print(f"drain on PostgreSQL, round {number + 1}/{count}", file=sys.stderr)
            ours = _run("bench.postgres", databases.new(), _JOBS)
            yield ours, _run("bench.references.pgqueuer_drain", databases.new(), _PGQUEUER_JOBS)


def _run(module: str, dsn: str, count: int) -> float:
    drained = child.run_module(module, dsn, str(count), core=cores.SERVER_CORE, timeout=_TIMEOUT, kind=Drained)
    return drained.events_per_second


@contextmanager
def _postgres(folder: Path) -> Iterator[Databases]:
    # Beside our folder, which is closed to the server's user; on the core that the load comes from.
    with cores.pinned(cores.LOAD_CORE), running(folder.parent) as server:
        yield Databases(server.dsn())


def _servers(databases: Databases) -> list[Server]:
    return [
        Server(
            name="ours_postgres",
            title="moderation-ai serve, PostgreSQL",
            path="/webhook/generic",
            stored="event and raw body, fsync (requests in flight share a commit)",
            launch=_ours(databases),
            count=_count("moderation_ai.events"),
        ),
        Server(
            name="procrastinate",
            title="FastAPI + procrastinate",
            path="/webhook/generic",
            stored="a job with the body, fsync (an insert and a commit per request)",
            launch=_uvicorn(databases, "fastapi_procrastinate"),
            count=_count("procrastinate_jobs"),
        ),
        Server(
            name="dbos",
            title="FastAPI + DBOS",
            path="/webhook/generic",
            stored="a workflow with the body, fsync (an insert and a commit per request)",
            launch=_uvicorn(databases, "fastapi_dbos"),
            count=_count("dbos.workflow_status"),
        ),
    ]


def _new(databases: Databases, folder: Path) -> str:
    dsn = databases.new()
    (folder / "dsn").write_text(dsn)
    return dsn


def _ours(databases: Databases) -> Callable[[Path], Launch]:
    def launch(folder: Path) -> Launch:
        usual = OURS.launch(folder)
        own = {"MODERATION_AI_STORE__URL": _new(databases, folder)}
        return Launch(command=usual.command, port=usual.port, environment={**usual.environment, **own}, ready="ready")

    return launch


def _uvicorn(databases: Databases, app: str) -> Callable[[Path], Launch]:
    def launch(folder: Path) -> Launch:
        return servers.uvicorn(app, database=_new(databases, folder))

    return launch


def _count(table: str) -> Callable[[Path], int]:
    async def ask(dsn: str) -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608  # a constant
        finally:
            await connection.close()

    return lambda folder: asyncio.run(ask((folder / "dsn").read_text()))


async def _drain(dsn: str, count: int) -> Drained:
    """Fill a store, then let one worker empty it; raise ``SystemExit`` if an event ended in any other way."""
    store = PostgresStore(dsn)
    await store.open()
    await deliveries.fill(store, deliveries.endless(bodies.new_tag()), count)
    handled: list[str] = []
    ended: Counter[str] = Counter()
    empty = asyncio.Event()

    async def handle(event: WebhookEvent) -> None:
        handled.append(event.event_id)

    def settled(outcome: EventOutcome) -> None:
        ended[outcome.status] += 1
        if ended.total() == count:
            empty.set()

    handlers = Handlers()
    handlers.add(handle, ("*",))
    parts = Parts(store, Setup(), handlers, on_settled=settled)
    start = time.perf_counter()
    await parts.open()
    await empty.wait()
    took = time.perf_counter() - start
    await parts.close()
    if len(set(handled)) != count or ended != {DONE: count}:
        raise SystemExit(f"{len(set(handled))} of {count} events were handled")
    return Drained(events_per_second=count / took)


if __name__ == "__main__":
    child.answer(loops.run(_drain(sys.argv[1], int(sys.argv[2]))))
