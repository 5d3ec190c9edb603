"""Opening a SQLite file: the library's version, the settings that make a commit durable, the schema's migrations."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.resources import files

import apsw

from moderation_ai.core.errors import StoreError

OLDEST_LIBRARY = (3, 51, 3)
"""Older libraries can corrupt a database in WAL mode (https://sqlite.org/wal.html#walresetbug)."""
BUSY_SECONDS = 5.0
"""How long a connection waits for another process that writes."""
PAGE_BYTES = 8192
"""A usual event takes 2 KiB: of pages of 4 KiB it fills one alone, and with every page the log costs as much again."""
LARGEST_IDLE_LOG = 64 << 20
"""Bytes that the write-ahead log keeps on disk after a burst."""


def connect_writer(path: str, synchronous: str = "FULL", busy_seconds: float = BUSY_SECONDS) -> apsw.Connection:
    """Return the one writing connection to ``path``, with its schema up to date.

    A COMMIT on it returns after the WAL was synced. Checkpoints are the caller's. Raises ``StoreError`` if the file
    cannot be opened.
    """
    check_library()
    make_private(path)
    try:
        connection = apsw.Connection(path)
        connection.set_busy_timeout(int(busy_seconds * 1000))
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file; an old one keeps its own
        _set_wal_mode(connection, path)
        for pragma in (
            f"synchronous = {synchronous}",
            "wal_autocheckpoint = 0",
            "secure_delete = ON",  # What was removed must not be readable in a page that stays.
            f"journal_size_limit = {LARGEST_IDLE_LOG}",
            "cache_size = -65536",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        upgrade(connection)
    except apsw.Error as error:
        raise StoreError(f"cannot open the store {path}: {error}; see `moderation-ai doctor`") from error
    return connection


def make_private(path: str) -> None:
    """Make the file of a new store, readable by this user alone: it holds what people wrote.

    SQLite gives its log the mode of the file. What is there already keeps the mode that its owner gave it.
    """
    if path == ":memory:":
        return
    with suppress(OSError):  # It is there, or cannot be made: the library says the latter better.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _set_wal_mode(connection: apsw.Connection, path: str) -> None:
    mode = None
    while mode is None:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").get
        except apsw.BusyError:
            # Another process does just the same. This statement does not wait for it, unlike those that write; they
            # give up after the busy time-out.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    if mode not in ("wal", "memory"):
        raise StoreError(f"the file system of {path} cannot hold a store: SQLite's WAL mode needs shared memory on it")


def connect_reader(path: str, busy_seconds: float = BUSY_SECONDS) -> apsw.Connection:
    """Return a connection to ``path`` that cannot write."""
    check_library()
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(int(busy_seconds * 1000))
        connection.execute("PRAGMA query_only = ON")
    except apsw.Error as error:
        raise StoreError(f"cannot read the store {path}: {error}") from error
    return connection


def empty_log(connection: apsw.Connection) -> None:
    """Move the whole write-ahead log into the file and cut it to nothing.

    Raises ``apsw.BusyError`` if that cannot be while others write or read, after the busy time-out.
    """
    if connection.filename:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def check_library(version: str | None = None) -> None:
    """Return if SQLite's library, ``version`` or the one in use, is safe for a store, else raise ``StoreError``."""
    found = version or apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < OLDEST_LIBRARY:
        wanted = ".".join(str(part) for part in OLDEST_LIBRARY)
        raise StoreError(
            f"SQLite {found} can corrupt databases in WAL mode; install the apsw wheel, which brings at least {wanted}"
        )


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order, each with its SQL."""
    folder = files("moderation_ai.stores.sqlite") / "schema"
    found = [(int(item.name[:4]), item.read_text()) for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted(found)


def schema_version(connection: apsw.Connection) -> int:
    """Return the number of the last migration that ``connection``'s file has seen."""
    return int(connection.execute("PRAGMA user_version").get)


def upgrade(connection: apsw.Connection) -> None:
    """Bring the schema up to date, under the write lock; raise ``StoreError`` for a file from a newer version."""
    known = migrations()
    if schema_version(connection) == known[-1][0]:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = schema_version(connection)  # Another process may have been here while we waited for the lock.
        if version > known[-1][0]:
            raise StoreError(f"the store has schema {version}, newer than this program's {known[-1][0]}: update it")
        for number, sql in known:
            if number > version:
                connection.execute(sql)
                connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
