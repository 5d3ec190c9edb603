"""``db backup`` and ``db restore``: copies that are whole, of a store that is in use and back into one that is not."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import apsw
import msgspec
import pytest

from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.sqlite.connection import migrations
from tests.cli.conftest import Run, rows
from tests.cli.filling import ALL, URL, add, comment, fill, ids
from tests.cli.serving import INBOX, PATIENCE, SECRET, call, served, usual

NEWEST = migrations()[-1][0]


def stored(file: Path | str) -> list[str]:
    """Return the ids of the events in a store, oldest first."""

    async def read() -> list[str]:
        store = open_store(f"sqlite:///{file}")
        await store.open()
        found = await store.events(EventFilter(), newest_first=False)
        await store.close()
        return ids(found)

    return asyncio.run(read())


@pytest.mark.usefixtures("filled")
def test_a_backup_holds_what_the_store_holds_and_is_for_nobody_else(run: Run) -> None:
    result = run("db", "backup", "copy.db")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("copy.db: 0.")
    assert result.stdout.endswith(f" MiB, schema {NEWEST}\n")
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().iterdir()) == ["copy.db", "moderation.db"]
    assert stored("copy.db") == ids(ALL)


@pytest.mark.usefixtures("filled")
def test_programs_are_told_what_was_copied_where(run: Run) -> None:
    (made,) = rows(run("db", "backup", "copy.db", "--json"))
    assert made == {"file": "copy.db", "bytes": Path("copy.db").stat().st_size, "schema": NEWEST}
    (back,) = rows(run("db", "restore", "copy.db", "--json"))
    assert back == {
        "store": "moderation.db",
        "restored_from": "copy.db",
        "schema": NEWEST,
        "kept_aside": back["kept_aside"],
    }
    assert stored(back["kept_aside"]) == ids(ALL)


@pytest.mark.usefixtures("filled")
def test_a_backup_overwrites_nothing_unless_it_is_told_to(run: Run) -> None:
    Path("copy.db").write_text("precious")
    assert "exists; see --force" in run("db", "backup", "copy.db").stderr
    assert Path("copy.db").read_text() == "precious"
    assert run("db", "backup", "copy.db", "--force").exit_code == 0
    assert stored("copy.db") == ids(ALL)
    for options in ([], ["--force"]):
        assert "is the store itself" in run("db", "backup", "moderation.db", *options).stderr


def test_without_a_store_there_is_nothing_to_copy(run: Run) -> None:
    assert run("db", "backup", "copy.db").exit_code == 4
    assert run("db", "backup", "copy.db", "--store", "memory://").exit_code == 3
    assert list(Path().iterdir()) == []


def test_a_store_on_postgresql_has_tools_of_its_own(run: Run) -> None:
    for command in ("backup", "restore"):
        Path("copy.db").touch()
        result = run("db", command, "copy.db", "--store", "postgresql://127.0.0.1/m")
        assert (result.exit_code, "pg_dump" in result.stderr) == (3, True)


@pytest.mark.usefixtures("filled")
def test_a_backup_that_fails_leaves_nothing(run: Run) -> None:
    assert run("db", "backup", "nowhere/copy.db").stderr == "moderation-ai: there is no folder nowhere\n"
    connection = apsw.Connection("moderation.db")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = bytearray(Path("moderation.db").read_bytes())
    content[8192 * 2 : 8192 * 6] = b"\xff" * 8192 * 4
    Path("moderation.db").write_bytes(content)
    result = run("db", "backup", "copy.db")
    assert result.exit_code == 4
    assert result.stderr.startswith("moderation-ai: ")
    assert not list(Path().glob("copy.db*"))


@pytest.mark.usefixtures("filled")
def test_a_store_is_restored_and_the_one_before_is_kept(run: Run) -> None:
    run("db", "backup", "copy.db")
    asyncio.run(_add_one())
    result = run("db", "restore", "copy.db")
    assert result.exit_code == 0, result.stderr
    aside = "moderation.db.before-20261124T120000Z"
    assert result.stdout == (f"moderation.db: restored from copy.db, schema {NEWEST}; what was there is {aside}\n")
    assert stored("moderation.db") == ids(ALL)
    assert len(stored(aside)) == len(ALL) + 1
    assert stat.S_IMODE(Path("moderation.db").stat().st_mode) == 0o600
    assert rows(run("events", "list", "--json", "--status", "pending"))


async def _add_one() -> None:
    store = open_store(URL)
    await add(store, [comment(77)])
    await store.close()


def test_a_store_is_restored_where_there_is_none(run: Run) -> None:
    fill("sqlite:///other.db")
    assert "what was there" not in run("db", "restore", "other.db").stdout
    assert stored("moderation.db") == ids(ALL)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("content", [b"", b"no store at all, but long enough to be read as a header " * 90])
def test_what_is_no_store_is_not_restored(run: Run, content: bytes) -> None:
    Path("bad.db").write_bytes(content)
    assert run("db", "restore", "bad.db").exit_code == 4
    assert stored("moderation.db") == ids(ALL)
    assert not list(Path().glob("moderation.db.*"))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("number", [0, 99])
def test_a_schema_that_is_not_known_is_not_restored(run: Run, number: int) -> None:
    other = apsw.Connection("other.db")
    other.execute(f"CREATE TABLE t (x); PRAGMA user_version = {number}")
    other.close()
    result = run("db", "restore", "other.db")
    assert result.exit_code == 4
    assert f"has schema {number}; this program knows 1 to {NEWEST}" in result.stderr


@pytest.mark.usefixtures("filled")
def test_a_damaged_backup_is_not_restored(run: Run) -> None:
    run("db", "backup", "copy.db")
    content = bytearray(Path("copy.db").read_bytes())
    content[8192 * 2 : 8192 * 6] = b"\xff" * 8192 * 4
    Path("copy.db").write_bytes(content)
    assert run("db", "restore", "copy.db").exit_code == 4
    assert stored("moderation.db") == ids(ALL)


@pytest.mark.usefixtures("filled")
def test_a_store_that_is_damaged_beyond_reading_can_be_restored(run: Run) -> None:
    run("db", "backup", "copy.db")
    Path("moderation.db").write_bytes(b"rubbish " * 5000)
    assert run("db", "restore", "copy.db").exit_code == 0
    assert stored("moderation.db") == ids(ALL)


@pytest.mark.usefixtures("filled")
def test_a_store_that_is_damaged_inside_can_be_restored(run: Run) -> None:
    run("db", "backup", "copy.db")
    os.truncate("moderation.db", 30_000)
    result = run("db", "restore", "copy.db")
    assert (result.exit_code, result.stderr) == (0, "")
    assert stored("moderation.db") == ids(ALL)
    assert Path("moderation.db.before-20261124T120000Z").stat().st_size == 30_000


@pytest.mark.usefixtures("filled")
def test_the_log_of_a_damaged_store_is_not_taken_for_that_of_the_restored_one(run: Run) -> None:
    run("db", "backup", "copy.db")
    _leave_a_log()
    _write_over_the_header()
    result = run("db", "restore", "copy.db")
    assert (result.exit_code, result.stderr) == (0, "")
    assert not Path("moderation.db-wal").exists()
    assert stored("moderation.db") == ids(ALL)


@pytest.mark.parametrize("damage", [lambda: os.truncate("moderation.db", 30_000), lambda: _write_over_the_header()])
def test_a_damaged_store_that_is_in_use_is_left_alone(run: Run, damage: Callable[[], None]) -> None:
    fill("sqlite:///copy.db")
    fill(URL)
    with holding("moderation.db"):
        damage()
        before = Path("moderation.db").read_bytes()
        result = run("db", "restore", "copy.db")
        assert result.exit_code == 4
        assert "is in use" in result.stderr
        assert Path("moderation.db").read_bytes() == before


def _leave_a_log() -> None:
    """Write to the store in a process that ends without closing it, as one that was killed."""
    script = "import apsw, os\nheld = apsw.Connection('moderation.db')\nheld.execute('CREATE TABLE late (x)')\n"
    script += "held.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()\n"
    script += "held.execute('INSERT INTO late VALUES (1)')\nos._exit(0)\n"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)
    assert Path("moderation.db-wal").stat().st_size > 0


def _write_over_the_header() -> None:
    with Path("moderation.db").open("r+b") as file:
        file.write(b"rubbish " * 2)


@contextmanager
def holding(file: str) -> Iterator[None]:
    """Have the store open in another process."""
    script = f"import apsw\nheld = apsw.Connection({file!r})\nheld.execute('SELECT * FROM sqlite_schema').fetchall()\n"
    script += "print('open', flush=True)\ninput()\n"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        try:
            yield
        finally:
            child.kill()


@pytest.mark.usefixtures("filled")
def test_what_is_the_store_itself_is_not_restored_into_it(run: Run) -> None:
    assert "is the store itself" in run("db", "restore", "moderation.db").stderr


class Sender:
    """Posts signed comments until it is told to stop, and notes which were acknowledged."""

    def __init__(self, address: str) -> None:
        self.acknowledged: list[str] = []
        self._address = f"{address}/generic"
        self._stop = threading.Event()
        self._some = threading.Condition()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"sent-{number}"
            event = {
                "event_id": name,
                "event_type": "comment.created",
                "data": {"comment": {"id": name, "text": "x" * 500}},
            }
            body = msgspec.json.encode(event)
            headers = find_platform("generic").sign(body, SECRET, datetime.now(UTC))
            with urlopen(Request(self._address, body, headers), timeout=30) as answer:  # loopback
                assert answer.status == 200
            with self._some:
                self.acknowledged.append(name)
                self._some.notify_all()

    def wait_for(self, count: int) -> list[str]:
        """Return what was acknowledged once that is so much."""
        with self._some:
            assert self._some.wait_for(lambda: len(self.acknowledged) >= count, 60)
            return self.acknowledged[:]

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for as long as the block lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(60)


def test_a_backup_while_serve_writes_holds_all_that_was_acknowledged_before_it(folder: Path) -> None:
    Path("inbox_backed.py").write_text(INBOX)
    env = usual(STORE__URL=URL)
    with served("inbox_backed:handler", "--json", env=env) as gateway:
        sender = Sender(gateway.ready["gateway"])
        with sender.sending():
            before = sender.wait_for(100)
            copied = call("db", "backup", "copy.db", env=env)
            sender.wait_for(len(sender.acknowledged) + 50)
        assert copied.returncode == 0, copied.stderr
        refused = call("db", "restore", "copy.db", env=env)
        assert refused.returncode == 4
        assert "is in use: stop `moderation-ai serve`" in refused.stderr
        assert not [*Path().glob("moderation.db.before*"), *Path().glob("*.restoring*")], "nothing was done"
        assert gateway.end(signal.SIGTERM) == 0
    in_copy, in_store = set(stored("copy.db")), set(stored("moderation.db"))
    assert set(before) <= in_copy < in_store
    assert in_store == set(sender.acknowledged)

    restored = call("db", "restore", "copy.db", env=env)
    assert restored.returncode == 0, restored.stderr
    with served("inbox_backed:handler", "--json", env=env) as gateway:
        sender = Sender(gateway.ready["gateway"])
        with sender.sending():
            sender.wait_for(len(in_copy) + 5)
        assert gateway.end(signal.SIGTERM) == 0
    assert set(stored("moderation.db")) >= in_copy | set(sender.acknowledged)
