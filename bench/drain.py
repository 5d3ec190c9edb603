"""How fast a backlog is emptied, by our worker and by pgqueuer's on PostgreSQL, in turn."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import backlog, child, cores
from bench.backlog import Drained
from tests.postgres import Databases, running

_JOBS = 10_000
_TIMEOUT = 120.0


def measure(folder: Path, rounds: int) -> Iterator[tuple[float, float]]:
    """Yield the events a second of our worker and of pgqueuer's, round by round.

    Both workers have the server's core to themselves. PostgreSQL runs on the other one, and its disk is the same.
    """
    with _postgres(folder) as server:
        for number in range(rounds):
            print(f"drain, round {number + 1}/{rounds}", file=sys.stderr)
            yield _ours(folder), _pgqueuers(server.new())


@contextmanager
def _postgres(folder: Path) -> Iterator[Databases]:
    # Beside our folder, which is closed to the server's user.
    with cores.pinned(cores.LOAD_CORE), running(folder.parent) as server:
        yield Databases(server.dsn())


def _ours(folder: Path) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        return backlog.events_per_second(Path(fresh))


def _pgqueuers(dsn: str) -> float:
    module, arguments = "bench.references.pgqueuer_drain", [dsn, str(_JOBS)]
    drained = child.run_module(module, *arguments, core=cores.SERVER_CORE, timeout=_TIMEOUT, kind=Drained)
    return drained.events_per_second
