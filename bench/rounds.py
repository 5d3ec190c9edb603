"""The interleaved rounds: every server in turn, each on a fresh store, again and again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench import cores, disk, process
from bench.load import Load, Sample, Target
from bench.servers import Server

_WARM_UP_SECONDS = 1.0


class Plan(msgspec.Struct, frozen=True):
    """What is to be measured."""

    servers: Sequence[Server]
    connections: Sequence[int]
    rounds: int
    seconds: float
    folder: Path


class Measured(msgspec.Struct, frozen=True):
    """One run of one server."""

    server: str
    connections: int
    round: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # processor time of the server for each request
    busy: float  # the share of its core that the server used
    others: float  # the share of that core that others used meanwhile
    memory_mb: float
    acknowledged: int
    stored: int | None
    failed: int
    fdatasync_ms: float  # taken just before


def run(plan: Plan, load: Load) -> Iterator[Measured]:
    """Yield each run as it ends. Raise ``RuntimeError`` if an acknowledged event was not stored."""
    for number in range(plan.rounds):
        for connections in plan.connections:
            # Every other round goes backwards, so that nobody always follows the same neighbour.
            for server in plan.servers[:: -1 if number % 2 else 1]:
                if connections <= server.most_connections:
                    yield _one(plan, load, server, connections, number)


def _one(plan: Plan, load: Load, server: Server, connections: int, number: int) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=plan.folder))
    print(f"round {number + 1}/{plan.rounds}, {connections:3d} connections, {server.title}", file=sys.stderr)
    try:
        sync = disk.fdatasync_ms(folder)
        with process.running(server, folder) as (child, launch):
            target = Target(port=launch.port, path=server.path)
            warm = load.run(target, connections, _WARM_UP_SECONDS, folder)
            before, core_before = cores.cpu_seconds(child.pid), cores.core_seconds(cores.SERVER_CORE)
            sample = load.run(target, connections, plan.seconds, folder)
            used = cores.cpu_seconds(child.pid) - before
            others = cores.core_seconds(cores.SERVER_CORE) - core_before - used
            memory = _memory(child)
        stored = server.count(folder) if server.count else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _insist(server, stored, warm.acknowledged + sample.acknowledged)
    return Measured(
        server=server.name,
        connections=connections,
        round=number,
        rate=sample.rate,
        p50_ms=sample.p50_ms,
        p99_ms=sample.p99_ms,
        cpu_us=used / max(1, sample.answered) * 1e6,
        busy=used / sample.seconds,
        others=max(0.0, others / sample.seconds),
        memory_mb=memory,
        acknowledged=warm.acknowledged + sample.acknowledged,
        stored=stored,
        failed=_failed(warm) + _failed(sample),
        fdatasync_ms=sync,
    )


def _memory(child: subprocess.Popen[bytes]) -> float:
    if child.poll() is not None:
        raise RuntimeError(f"the server ended during the run with code {child.returncode}")
    return cores.resident_mb(child.pid)


def _failed(sample: Sample) -> int:
    return sample.refused + sample.broken


def _insist(server: Server, stored: int | None, acknowledged: int) -> None:
    if stored is not None and stored < acknowledged:
        raise RuntimeError(f"{server.name} acknowledged {acknowledged} events and stored {stored}")
