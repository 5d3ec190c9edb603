"""Upgrading: a store of the first schema, left in the middle of its work, is opened by this version and goes on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retention import Retention
from moderation_ai.pipeline.upkeep.retention import prune_all
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.stores.sqlite.connection import migrations, schema_version
from tests.pipeline.stage import Clock, Stage, fails
from tests.stores.making import NOW, delivery, event
from tests.stores.sqlite import children

pytestmark = pytest.mark.anyio

RELEASED = {
    1: "d86441502199d737cfc6fd285fd72c56120811dd227f76d2b415641836094baf",
    2: "dfb3fc9c74db121e2c21b62d5b07cb401cf962a7d5dae059805c88aea258b3de",
}
"""What migrations are, comments and white space aside: stores were made by them, so none of these changes any more."""


def micros(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def row(seq: int, object_id: str, kind: str = "comment.created", **more: object) -> tuple[object, ...]:
    """Return an event as the first version wrote it."""
    fields = {
        "event_id": f"evt_of_{seq}",
        "event_type": kind,
        "timestamp": "2026-03-01T12:00:00Z",
        "timestamp_inferred": True,
        "received_at": "2026-03-01T12:00:00Z",
        "platform": "instagram",
        "lane": f"instagram:{object_id}",
        "data": {"comment_id": object_id}
        if kind.endswith("deleted")
        else {"comment": {"id": object_id, "text": f"text {seq}"}},
    }
    key = bytes.fromhex("48f1") + seq.to_bytes(14)
    body = json.dumps(fields).encode()
    return (
        seq,
        more.get("key", key),
        "instagram",
        kind,
        None,
        f"instagram:{object_id}",
        micros(NOW),
        body,
        more.get("raw", b"raw"),
        None,
        more.get("delivery"),
    )


KNOWN = event("c1")
EVENTS = [
    row(1, "c1", key=bytes.fromhex("fea1d118138cc9eaa1021c2e8c7895c2")),
    row(2, "c2"),
    row(3, "c3"),
    row(4, "c4"),
    row(5, "c5", raw=None, delivery=1),
    row(6, "c6", raw=None, delivery=1),
    row(7, "c7"),
    row(8, "c7", "comment.updated"),
    row(9, "c9"),
    row(10, "c9", "comment.deleted"),
    row(11, "c11"),
]
"""Done, dead, superseded, unhandled; ready, leased and behind one that is leased; retried, and the retry leased; deleted."""


def make_old(path: Path) -> None:
    """Make a store by the first migration alone, and leave it as a killed gateway does."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute(migrations()[0][1])
    connection.execute("PRAGMA user_version = 1")
    connection.executemany(f"INSERT INTO events VALUES ({','.join('?' * 11)})", EVENTS)
    connection.execute("INSERT INTO deliveries VALUES (1, ?, ?, NULL)", (micros(NOW), b"both"))
    connection.executemany("INSERT INTO settled VALUES (?, ?)", [(1, 1), (2, 2), (3, 3), (4, 4), (9, 1), (10, 1)])
    connection.executemany(
        "INSERT INTO workers VALUES (?, ?, ?)", [(1, "old:1:a", micros(NOW + timedelta(seconds=30)))]
    )
    connection.executemany(
        "INSERT INTO queue VALUES (?, ?, ?, ?, 0)",
        [
            (5, 0, None, "instagram:c5"),
            (7, 1, 1, "instagram:c7"),
            (8, 2, None, "instagram:c7"),
            (11, 0, None, "instagram:c11"),
        ],
    )
    attempts = [
        (1, "h", 1, 1, None, None),
        (2, "h", 2, 8, None, None),
        (6, "h", 0, 2, NOW + timedelta(seconds=5), None),
    ]
    connection.executemany(
        "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, 'ValueError: text', ?, NULL, ?, ?, 0)",
        [
            (
                seq,
                handler,
                state,
                times,
                micros(NOW),
                due and micros(due),
                "instagram:c6" if state == 0 else None,
                worker,
            )
            for seq, handler, state, times, due, worker in attempts
        ],
    )
    thing = b'{"kind":"comment","text_hash":"x","seen_at":"2026-03-01T12:00:00Z"}'
    gone = b'{"kind":"comment","deleted_at":"2026-03-01T12:00:00Z","seen_at":"2026-03-01T12:00:00Z"}'
    connection.executemany("INSERT INTO things VALUES (?, ?)", [("instagram:c1", thing), ("instagram:c9", gone)])
    connection.execute("INSERT INTO ignored VALUES ('instagram', 'follow', 3)")
    connection.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    make_old(path)
    return path


async def statuses(store: SqliteStore) -> dict[int, str]:
    return {one.seq: one.status for one in await store.events(EventFilter())}


async def test_what_was_in_the_old_store_is_in_the_new_one(old: Path) -> None:
    store = SqliteStore(str(old))
    await store.open()
    assert (await store.describe())["schema"] == migrations()[-1][0]
    found = await statuses(store)
    assert found == {
        1: "done",
        2: "dead",
        3: "superseded",
        4: "unhandled",
        9: "done",
        10: "done",
        **dict.fromkeys((5, 6, 7, 8, 11), "pending"),
    }
    counts = await store.counts()
    assert (counts.total, counts.dead_letters, counts.retrying, counts.ignored) == (11, 1, 1, {"instagram:follow": 3})
    assert [await store.raw_body(seq) for seq in (1, 5, 6)] == [b"raw", b"both", b"both"]
    assert await store.headers(1) is None
    await store.close()


async def test_the_backlog_goes_on_where_it_stood(old: Path) -> None:
    clock = Clock(NOW)
    async with Stage(SqliteStore(str(old)), clock=clock) as stage:
        ran: list[int] = []
        stage.on(act=lambda one: ran.append(one.seq))
        await stage.quiet()
        assert ran == [5, 11], "the rest is leased, behind that, or to be retried later"
        await stage.pass_time(6)
        assert ran == [5, 11, 6]
        await stage.pass_time(30)
        assert ran == [5, 11, 6, 7, 8], "the old worker's lease is over"
        assert (await stage.attempt(6)).attempts == 3
        assert await stage.statuses() == ["done", "dead", "superseded", "unhandled", *["done"] * 7]
        await stage.store.replay([2], clock.now())
        await stage.quiet()
        assert ran[-1] == 2


async def test_what_the_old_version_knew_is_known(old: Path) -> None:
    store = SqliteStore(str(old))
    again = await store.add(delivery(KNOWN))
    assert (again.new, again.duplicates, again.seqs) == (0, 1, (1,))
    await store.close()


async def test_retention_reaches_what_the_old_version_stored(old: Path) -> None:
    store = SqliteStore(str(old))
    removed = await prune_all(store, Retention(bodies=None, texts=None), NOW + timedelta(days=2))
    assert (removed.texts, removed.bodies) == (1, 2), "of what was deleted"
    removed = await prune_all(store, Retention(), NOW + timedelta(days=181))
    assert removed.texts == 9
    found: list[WebhookEvent] = await store.events(EventFilter(), newest_first=False)
    assert [one.text_removed for one in found] == [*["age"] * 8, "deleted", None, "age"]
    await store.close()


def test_processes_that_open_an_old_store_at_once_upgrade_it_once(old: Path) -> None:
    openers = [children.start("open_it", old) for _ in range(6)]
    for opener in openers:
        assert children.read(opener) == "ready"
    for opener in openers:
        children.go_on(opener)
    described = [children.end(opener)[0] for opener in openers]
    assert {one["schema"] for one in described} == {migrations()[-1][0]}
    store = SqliteStore(str(old))
    assert len(asyncio.run(_close_after(store))) == len(EVENTS) + 6


async def _close_after(store: SqliteStore) -> dict[int, str]:
    found = await statuses(store)
    await store.close()
    return found


def test_an_upgrade_that_is_interrupted_is_done_by_the_next(old: Path) -> None:
    upgrading = children.start("upgrade_half", old)
    assert children.read(upgrading) == "half"
    upgrading.kill()
    upgrading.communicate()
    connection = apsw.Connection(str(old))
    assert schema_version(connection) == 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'pruned'").get == 0
    connection.close()
    assert len(asyncio.run(_close_after(SqliteStore(str(old))))) == len(EVENTS)


async def test_a_backlog_gets_handlers_that_failed_before(old: Path) -> None:
    async with Stage(SqliteStore(str(old)), clock=Clock(NOW)) as stage:
        stage.on(act=fails(1))
        await stage.pass_time(100)
        await stage.pass_time(100)
        assert await stage.statuses() == ["done", "dead", "superseded", "unhandled", *["done"] * 7]


@pytest.mark.parametrize("number", RELEASED)
def test_a_migration_that_made_stores_stays_what_it_was(number: int) -> None:
    sql = dict(migrations())[number]
    bare = " ".join(re.sub(r"--[^\n]*", "", sql).split())
    assert hashlib.sha256(bare.encode()).hexdigest() == RELEASED[number], "make another migration instead"
