"""Several processes on one file: none gets what another one has, and one that is killed takes nothing along."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.stores.sqlite.connection import migrations
from tests.stores.making import add, claim, delivery, event
from tests.stores.sqlite import children

pytestmark = pytest.mark.anyio


async def test_a_store_that_another_process_writes_to_is_busy_and_comes_back(sqlite: SqliteStore) -> None:
    await add(sqlite, event("before"))
    holder = children.start("hold_the_lock", sqlite.path)
    assert children.read(holder) == "held"
    adding = [sqlite.add(delivery(event(f"c{number}"))) for number in range(5)]
    refused = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(one) for one in refused] == [StoreBusy] * 5
    assert all(one.retry_after > 0 for one in refused if isinstance(one, StoreBusy))
    with pytest.raises(StoreBusy):
        await claim(sqlite)
    assert len(await sqlite.events(EventFilter())) == 1, "reading goes on, and nothing was kept"
    children.go_on(holder)
    assert children.end(holder) == []
    assert (await sqlite.add(delivery(event("c1")))).new == 1
    assert len(await claim(sqlite)) == 2


async def test_a_store_waits_a_while_for_another_process(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"), busy_seconds=30)
    await store.open()
    holder = children.start("hold_the_lock", store.path)
    assert children.read(holder) == "held"
    adding = asyncio.ensure_future(store.add(delivery(event("c1"))))
    await asyncio.sleep(0)
    children.go_on(holder)
    assert (await adding).new == 1
    assert children.end(holder) == []
    await store.close()


def test_processes_that_make_a_store_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    openers = [children.start("open_it", path) for _ in range(6)]
    for opener in openers:
        assert children.read(opener) == "ready"
    for opener in openers:
        children.go_on(opener)
    described = [children.end(opener)[0] for opener in openers]
    assert {one["schema"] for one in described} == {migrations()[-1][0]}
    assert _ask(path, "SELECT count(*) FROM events") == 6
    assert _ask(path, "PRAGMA journal_mode") == "wal"


def test_workers_of_two_processes_never_have_the_same_event(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    workers = [children.start("add_and_work", path, f"w{number}", 600) for number in range(2)]
    for worker in workers:
        assert children.read(worker) == "ready"
    for worker in workers:
        children.go_on(worker)
    reports = [children.end(worker)[0] for worker in workers]
    assert sum(report["new"] for report in reports) == 600
    handled = [seq for report in reports for seq in report["handled"]]
    assert sorted(handled) == sorted(set(handled)), "an event was handed out twice"
    assert _ask(path, "SELECT count(*) FROM settled") == len(handled) == 600
    assert _ask(path, "SELECT count(*) FROM queue") == 0


@pytest.mark.parametrize("acknowledged", [1, 40, 500])
def test_what_was_acknowledged_survives_the_kill_of_its_process(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "store.db"
    adder = children.start("add_without_end", path, "x")
    told = {children.read(adder) for _ in range(acknowledged)}
    adder.kill()
    # Not by communicate(): that reads past what stands in the buffer of the lines read before.
    lines = children.output(adder).readlines()
    adder.communicate()
    told |= {line.strip().strip('"') for line in lines if line.endswith("\n")}
    store = SqliteStore(str(path))
    stored = {one.event_id for one in asyncio.run(_all(store))}
    assert told <= stored
    assert _ask(path, "PRAGMA integrity_check") == "ok"
    assert _ask(path, "SELECT count(*) FROM queue") == len(stored)


async def _all(store: SqliteStore) -> list[WebhookEvent]:
    await store.open()
    found = await store.events(EventFilter())
    await store.close()
    return found


@pytest.mark.parametrize("way", ["os", "multiprocessing"])
def test_both_sides_of_a_fork_can_use_the_store_whoever_closes_it_first(tmp_path: Path, way: str) -> None:
    path = tmp_path / "store.db"
    [report] = children.end(children.start("fork", path, way))
    assert report == {"child": 0, "found": ["before", "child 1", "parent", "child 2"]}
    assert _ask(path, "PRAGMA integrity_check") == "ok"


def test_a_fork_in_the_midst_of_adding_loses_nothing(tmp_path: Path) -> None:
    [report] = children.end(children.start("fork_under_load", tmp_path / "store.db"))
    assert report["found"] == report["added"]
    assert len(report["found"]) == 1005


def test_the_child_of_a_child_can_use_the_store_too(tmp_path: Path) -> None:
    [report] = children.end(children.start("fork_twice", tmp_path / "store.db"))
    assert report == {"child": 0, "found": ["before", "child", "grandchild"]}


def test_a_store_in_memory_stays_with_the_parent(tmp_path: Path) -> None:
    [report] = children.end(children.start("fork_in_memory", ":memory:"))
    assert report == {"child": 0, "found": ["before"]}


def _ask(path: Path, sql: str) -> object:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).get
    finally:
        connection.close()
