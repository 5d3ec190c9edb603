"""Opening a SQLite store: what it refuses, what it brings up to date, and the settings that make it durable."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import apsw
import pytest

from moderation_ai.core.errors import ConfigurationError, StoreError
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.stores.sqlite.connection import (
    check_library,
    connect_reader,
    connect_writer,
    migrations,
    schema_version,
)
from moderation_ai.stores.sqlite.opened import Opened
from moderation_ai.stores.sqlite.writing import CHECKPOINT_PAGES
from tests.stores.making import add, delivery, event

pytestmark = pytest.mark.anyio


def test_a_url_names_a_store() -> None:
    relative, absolute, memory = (
        open_store(url) for url in ("sqlite:///a b.db", "sqlite:////var/lib/m.db", "memory://")
    )
    assert isinstance(relative, SqliteStore)
    assert isinstance(absolute, SqliteStore)
    assert (relative.path, absolute.path) == ("a b.db", "/var/lib/m.db")
    assert isinstance(memory, MemoryStore)
    assert [store.url for store in (relative, absolute, memory)] == [
        "sqlite:///a b.db",
        "sqlite:////var/lib/m.db",
        "memory://",
    ]


@pytest.mark.parametrize("url", ["", "sqlite:///", "sqlite://moderation.db", "mysql://x/y", "moderation.db"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///moderation\.db"):
        open_store(url)


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7.0", "2.8.17"])
def test_a_library_that_can_corrupt_a_store_is_refused(version: str) -> None:
    with pytest.raises(StoreError, match=f"SQLite {version} can corrupt"):
        check_library(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.53.0", "3.100.0", "4.0.0"])
def test_a_library_that_is_safe_is_taken(version: str) -> None:
    check_library(version)
    check_library()


async def test_a_store_from_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    newer = apsw.Connection(str(path))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    store = SqliteStore(str(path))
    with pytest.raises(StoreError, match="schema 99, newer than this program's"):
        await store.open()
    with pytest.raises(StoreError, match="newer"):
        await add(store, event())
    await store.close()
    left = apsw.Connection(str(path))
    assert left.execute("SELECT count(*) FROM sqlite_schema").get == 0
    left.close()


async def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is a letter and no database at all, although it is long enough. " * 20)
    with pytest.raises(StoreError, match="cannot open the store"):
        await SqliteStore(str(path)).open()
    with pytest.raises(StoreError, match="cannot open the store"):
        await SqliteStore(str(tmp_path)).open()
    with pytest.raises(StoreError, match="cannot open the store"):
        await SqliteStore(str(tmp_path / "no folder" / "store.db")).open()


async def test_a_store_that_could_not_be_opened_can_be_once_that_is_mended(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "later" / "store.db"))
    with pytest.raises(StoreError):
        await store.open()
    (tmp_path / "later").mkdir()
    await store.open()
    assert await add(store, event()) == [1]
    await store.close()


async def test_opening_twice_is_opening_once(sqlite: SqliteStore) -> None:
    before = threading.active_count()
    await asyncio.gather(*(sqlite.open() for _ in range(10)))
    assert threading.active_count() <= before + 8, "no second writer"


async def test_a_store_is_opened_by_its_first_use_and_by_that_of_many(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    added = await asyncio.gather(*(store.add(delivery(event(f"c{number}"))) for number in range(50)))
    assert sum(one.new for one in added) == 50
    await store.close()


async def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    known = migrations()
    assert [number for number, _ in known] == list(range(1, len(known) + 1))


async def test_a_commit_waits_for_the_disk(sqlite: SqliteStore) -> None:
    def settings(connection: apsw.Connection) -> list[object]:
        names = ("synchronous", "journal_mode", "wal_autocheckpoint", "query_only")
        return [connection.execute(f"PRAGMA {name}").get for name in names]

    assert await sqlite._write(settings) == [2, "wal", 0, 0]
    assert (await sqlite.describe())["synchronous"] == "FULL"


async def test_a_commit_waits_for_the_disk_again_after_one_that_need_not(sqlite: SqliteStore) -> None:
    await sqlite.claim("w1", 0, event().event.received_at, 30)  # type: ignore[arg-type]  # a made event has its receipt
    level = await sqlite._write(lambda connection: connection.execute("PRAGMA synchronous").get)
    assert level == 2


async def test_a_reader_cannot_write(sqlite: SqliteStore) -> None:
    reader = connect_reader(sqlite.path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM events")
    reader.close()
    with pytest.raises(StoreError):
        await sqlite._read(lambda connection: connection.execute("DELETE FROM events").get)
    assert await add(sqlite, event()) == [1]


def test_opening_gives_up_on_a_file_that_somebody_keeps_reading(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    other = apsw.Connection(path)
    other.execute("CREATE TABLE t (x); BEGIN; SELECT * FROM t")
    other.execute("SELECT count(*) FROM t")
    with pytest.raises(StoreError, match="cannot open the store"):
        connect_writer(path, busy_seconds=0.05)
    other.close()


async def test_a_new_store_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)  # as wide as a user may have it
    try:
        store = SqliteStore(str(tmp_path / "store.db"))
        await add(store, event())
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
        await store.close()
    finally:
        os.umask(before)


async def test_a_store_that_is_there_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.touch()
    file.chmod(0o660)
    store = SqliteStore(str(file))
    await add(store, event())
    assert file.stat().st_mode & 0o777 == 0o660
    await store.close()


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read the store"):
        connect_reader(str(tmp_path / "store.db"))
    assert list(tmp_path.iterdir()) == []


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE things (x)")
    with pytest.raises(StoreError, match="already exists"):
        connect_writer(str(path))
    assert schema_version(other) == 0
    assert other.execute("SELECT count(*) FROM sqlite_schema").get == 1
    other.close()


async def test_the_log_is_moved_into_the_file_once_it_is_long(sqlite: SqliteStore) -> None:
    log = Path(sqlite.path + "-wal")
    page = await sqlite._read(lambda connection: connection.execute("PRAGMA page_size").get)
    assert isinstance(page, int)
    for number in range(40):
        await sqlite.add(delivery(event(f"c{number}"), body=b"x" * (page * CHECKPOINT_PAGES // 20)))
    assert log.stat().st_size < 2 * page * CHECKPOINT_PAGES
    assert Path(sqlite.path).stat().st_size > page * CHECKPOINT_PAGES


async def test_a_reader_that_takes_its_time_stops_no_checkpoint_for_ever(sqlite: SqliteStore) -> None:
    await add(sqlite, event("first"))
    slow = connect_reader(sqlite.path)
    slow.execute("BEGIN")
    assert slow.execute("SELECT count(*) FROM events").get == 1
    for number in range(3):
        await sqlite.add(delivery(event(f"c{number}"), body=b"x" * (8192 * CHECKPOINT_PAGES)))
    assert slow.execute("SELECT count(*) FROM events").get == 1
    slow.execute("COMMIT")
    slow.close()
    before = Path(sqlite.path).stat().st_size
    await sqlite.add(delivery(event("last"), body=b"x" * (8192 * CHECKPOINT_PAGES)))
    await sqlite.counts()
    await sqlite.close()
    assert Path(sqlite.path).stat().st_size > before


async def test_closing_finishes_what_is_waiting_and_leaves_one_file(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await asyncio.gather(*(store.events(EventFilter()) for _ in range(5)))
    adding = [asyncio.ensure_future(store.add(delivery(event(f"c{number}")))) for number in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert sum(one.new for one in await asyncio.gather(*adding)) == 100
    assert [file.name for file in tmp_path.iterdir()] == ["store.db"], "every connection is closed"


async def test_closing_twice_or_unopened_is_no_matter(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.close()
    await store.open()
    await store.close()
    await store.close()
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_closed_store_is_opened_by_its_next_use(sqlite: SqliteStore) -> None:
    await add(sqlite, event("c1"))
    await sqlite.close()
    await add(sqlite, event("c2"))
    assert len(await sqlite.events(EventFilter())) == 2


async def test_what_is_being_read_while_the_store_closes_comes_to_its_end(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await add(store, event("c1"))
    reading, go_on = threading.Event(), threading.Event()

    def read(connection: apsw.Connection) -> object:
        reading.set()
        go_on.wait()
        return connection.execute("SELECT count(*) FROM events").get

    slow = asyncio.ensure_future(store._read(read))
    await asyncio.to_thread(reading.wait)
    await store.close()
    go_on.set()
    assert await slow == 1


def test_a_fork_while_the_store_is_read_for_long_is_refused_in_the_child(tmp_path: Path) -> None:
    opened = Opened(str(tmp_path / "store.db"), fork_seconds=0.01)
    assert opened.readers is not None
    seen: list[str] = []

    def fork_meanwhile(connection: apsw.Connection) -> None:
        opened.before_fork()
        try:
            opened.require_clean_fork()
        except StoreError as error:
            seen.append(str(error))
        opened.after_fork_in_parent()

    opened.readers.read(fork_meanwhile)
    assert seen == ["this process was forked while its parent was using the store; fork before that"]
    opened.before_fork()
    opened.require_clean_fork()
    opened.after_fork_in_parent()
    opened.close()
