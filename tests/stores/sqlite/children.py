"""Processes beside the test's own: ``python -m tests.stores.sqlite.children TASK PATH ...``.

Each prints JSON lines; what it was told to wait for comes as a line on its standard input.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import apsw

from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.stores.sqlite.connection import migrations, schema_version
from tests.stores.making import LEASE, NOW, add, delivery, done, event

ROOT = Path(__file__).parents[3]


def start(task: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that does ``task``."""
    command = [sys.executable, "-W", "error", "-m", "tests.stores.sqlite.children", task, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def output(child: subprocess.Popen[str]) -> IO[str]:
    """Return what a child prints."""
    assert child.stdout is not None
    return child.stdout


def read(child: subprocess.Popen[str]) -> Any:
    """Return the next line of a child."""
    return json.loads(output(child).readline())


def go_on(child: subprocess.Popen[str]) -> None:
    """Let a waiting child go on."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def end(child: subprocess.Popen[str]) -> list[Any]:
    """Wait for the end of a child and return the rest of its lines."""
    printed, _ = child.communicate(timeout=60)
    assert child.returncode == 0, printed
    return [json.loads(line) for line in printed.splitlines()]


def tell(value: Any) -> None:
    """Print a line for the parent."""
    print(json.dumps(value), flush=True)


def hold_the_lock(path: str) -> None:
    """Write, and take one's time with the commit."""
    connection = apsw.Connection(path)
    connection.execute("BEGIN IMMEDIATE")
    tell("held")
    sys.stdin.readline()
    connection.execute("COMMIT")


def open_it(path: str) -> None:
    """Open the store together with others."""
    tell("ready")
    sys.stdin.readline()
    asyncio.run(_open_and_add(path))


async def _open_and_add(path: str) -> None:
    store = SqliteStore(path)
    await store.open()
    await add(store, event(f"of {os.getpid()}"))
    tell(await store.describe())
    await store.close()


def upgrade_half(path: str) -> None:
    """Be in the middle of an upgrade for as long as one lives."""
    connection = apsw.Connection(path)
    connection.execute("BEGIN IMMEDIATE")
    for number, sql in migrations():
        if number > schema_version(connection):
            connection.execute(sql)
    tell("half")
    sys.stdin.readline()


def add_without_end(path: str, name: str) -> None:
    """Add events and tell of each that was acknowledged."""
    asyncio.run(_add_without_end(path, name))


async def _add_without_end(path: str, name: str) -> None:
    store = SqliteStore(path)

    async def keep_adding(part: int) -> None:
        for number in range(1_000_000):
            one, other = event(f"{name}-{part}-{number}"), event(f"{name}-{part}-{number}-other")
            await store.add(delivery(one, other) if number % 3 == 0 else delivery(one))
            tell(one.event.event_id)

    await asyncio.gather(*(keep_adding(part) for part in range(20)))


def add_and_work(path: str, name: str, count: str) -> None:
    """Add events that others add too, handle what is handed out, and tell who had what."""
    asyncio.run(_add_and_work(path, name, int(count)))


async def _add_and_work(path: str, name: str, count: int) -> None:
    store = SqliteStore(path)
    await store.open()
    tell("ready")
    sys.stdin.readline()
    new = 0
    handled: list[int] = []
    for start_ in range(0, count, 20):
        keys = [(f"c{number % 37}", str(number)) for number in range(start_, start_ + 20)]
        added = await asyncio.gather(*(store.add(delivery(event(*key))) for key in keys))
        new += sum(one.new for one in added)
        handled += await _work(store, name)
    while more := await _work(store, name):
        handled += more
    tell({"new": new, "handled": handled})
    await store.close()


async def _work(store: SqliteStore, name: str) -> list[int]:
    claimed = await store.claim(name, 15, NOW, LEASE)
    await store.settle([done(one) for one in claimed], NOW, worker=name)
    return [one.event.seq for one in claimed]


def fork(path: str, way: str) -> None:
    """Use a store, fork, and use it on both sides; the parent closes it first."""
    store = SqliteStore(path)
    here = asyncio.Runner()
    here.run(add(store, event("before")))
    here.run(store.counts())
    parent_closed, close = multiprocessing.Event(), multiprocessing.Event()
    child = fork_by(way, lambda: asyncio.run(_use_in_child(store, close, parent_closed)))
    close.wait()
    here.run(add(store, event("parent")))
    here.run(store.close())
    parent_closed.set()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tell({"child": code, "found": here.run(_objects(SqliteStore(path)))})


def fork_by(way: str, work: Any) -> int:
    """Fork by ``os`` or by ``multiprocessing``; return the child's id."""
    if way == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        assert process.pid is not None
        return process.pid
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


async def _use_in_child(store: SqliteStore, close: Any, parent_closed: Any) -> None:
    await add(store, event("child 1"))
    assert await _objects(store) == ["before", "child 1"]
    close.set()
    parent_closed.wait()
    await add(store, event("child 2"))
    await store.close()


async def _objects(store: SqliteStore) -> list[str]:
    return [one.lane.partition(":")[2] for one in await store.events(EventFilter(), newest_first=False)]


def fork_under_load(path: str) -> None:
    """Fork again and again while tasks add, and have every child add too."""
    asyncio.run(_fork_under_load(path))


async def _fork_under_load(path: str) -> None:
    store = SqliteStore(path)
    added: list[str] = []

    async def keep_adding(part: int) -> None:
        for number in range(100):
            await add(store, event(f"p{part}-{number}"))
            added.append(f"p{part}-{number}")

    adding = asyncio.gather(*(keep_adding(part) for part in range(10)))
    for number in range(5):
        while len(added) < 100 * number + 50:
            await asyncio.sleep(0)
        child = fork_by("os", lambda number=number: asyncio.run(add(store, event(f"child {number}"))))
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            await asyncio.sleep(0)
        assert ended[1] == 0
        added.append(f"child {number}")
    await adding
    await store.close()
    tell({"added": sorted(added), "found": sorted(await _objects(SqliteStore(path)))})


def fork_twice(path: str) -> None:
    """Fork, use the store in the child, and have it fork in turn."""
    store = SqliteStore(path)
    asyncio.run(add(store, event("before")))

    def work() -> None:
        asyncio.run(add(store, event("child")))
        grandchild = fork_by("os", lambda: asyncio.run(add(store, event("grandchild"))))
        assert os.waitpid(grandchild, 0)[1] == 0

    code = os.waitstatus_to_exitcode(os.waitpid(fork_by("os", work), 0)[1])
    tell({"child": code, "found": asyncio.run(_objects(store))})


def fork_in_memory(path: str) -> None:
    """Fork a process with a store in memory: the parent keeps it, the child has an empty one."""
    store = SqliteStore(path)
    here = asyncio.Runner()
    here.run(add(store, event("before")))

    def work() -> None:
        assert asyncio.run(_objects(store)) == []

    code = os.waitstatus_to_exitcode(os.waitpid(fork_by("os", work), 0)[1])
    tell({"child": code, "found": here.run(_objects(store))})


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
