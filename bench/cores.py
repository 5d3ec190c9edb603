"""Which core a process runs on: the server has one to itself, the load has another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1


def can_pin() -> bool:
    """Say whether this system can tie a process to a core and has two of them."""
    return hasattr(os, "sched_setaffinity") and {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Tie what is started within the block to a core: a child inherits it from its first instruction on."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def spread() -> None:
    """Let this process, and what it starts, run on both cores."""
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # There may be one alone.
            os.sched_setaffinity(0, {SERVER_CORE, LOAD_CORE})


def cpu_seconds(pid: int) -> float:
    """Return the processor time that all threads of a process have used; 0 where the system does not say."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds, in MB; 0 where the system does not say."""
    statm = Path(f"/proc/{pid}/statm")
    if not statm.exists():
        return 0.0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def core_seconds(core: int) -> float:
    """Return the time that a core was busy, whoever used it; 0 where the system does not say."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    line = next(line for line in stat.read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, *rest = (int(field) for field in line.split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
