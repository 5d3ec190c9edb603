"""Copies of a store: made while others write to it, and put in its place when nobody does."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.sqlite.connection import BUSY_SECONDS, check_library, migrations, schema_version

PAGES = 512
"""Pages that are copied between two reports, 4 MiB."""
Tell = Callable[[int, int], None]
"""Is told how many pages are copied, and how many there are."""
_SHARED_LOCK = (510, 0x40000002)
"""The bytes, how many and from where, of which whoever reads a file holds a lock: https://sqlite.org/lockingv3.html"""


def copy_store(source: Path, target: Path, tell: Tell = lambda copied, pages: None) -> None:
    """Copy the store ``source`` as it is at this moment into the new file ``target``, readable by this user alone.

    Others may read and write ``source`` meanwhile. When this returns the copy is on disk and was found whole. Raises
    ``StoreError`` where that fails, and ``FileExistsError`` if there is a ``target``; no part of a copy stays.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with _opened(source) as origin, _opened(target) as copy:
            _copy(origin, copy, tell)
        check_whole(target)
        _sync(target)
    except BaseException as error:
        for file in _files(target):
            file.unlink(missing_ok=True)
        if isinstance(error, apsw.Error):
            raise StoreError(f"{source} could not be copied to {target}: {error}") from error
        raise


def _copy(origin: apsw.Connection, copy: apsw.Connection, tell: Tell) -> None:
    # Within a transaction all pages are of one moment; else each write of others would begin the copy anew.
    origin.execute("BEGIN")
    origin.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    with copy.backup("main", origin, "main") as backup:
        while not backup.done:
            backup.step(PAGES)
            tell(backup.page_count - backup.remaining, backup.page_count)
    origin.execute("COMMIT")


def check_whole(file: Path) -> int:
    """Return the schema number of a file that is a whole store; raise ``StoreError`` for all else."""
    try:
        with _opened(file) as connection:
            said = str(connection.execute("PRAGMA integrity_check(1)").get)
            number = schema_version(connection)
    except apsw.Error as error:
        raise StoreError(f"{file} is no store: {error}") from error
    if said != "ok":
        raise StoreError(f"{file} is damaged: {said}")
    newest = migrations()[-1][0]
    if not 1 <= number <= newest:
        raise StoreError(f"{file} has schema {number}; this program knows 1 to {newest}")
    return number


def replace_store(store: Path, part: Path, aside: Path) -> None:
    """Put the file ``part`` in the place of ``store``, which is ``aside`` then, whole in one file.

    One that is damaged is kept as it is. At every moment there is one or the other at ``store``. Raises ``StoreError``
    while any process uses it.
    """
    if store.exists():
        if not _merge_log(store):
            _require_unused(store)
        os.link(store, aside)
    part.replace(store)
    _sync(store.absolute().parent)


def _merge_log(store: Path) -> bool:
    """Move what stands in the log into the file itself, which takes that nobody else has it open.

    Returns whether it could be done: not with a file that is damaged.
    """
    try:
        with _opened(store, busy_seconds=0) as connection:
            mode = connection.execute("PRAGMA journal_mode = DELETE").get
    except apsw.BusyError as error:
        raise _in_use(store) from error
    except (apsw.NotADBError, apsw.CorruptError):
        return False
    except apsw.Error as error:
        raise StoreError(f"the store {store} cannot be replaced: {error}") from error
    if mode != "delete":
        raise _in_use(store)
    return True


def _require_unused(store: Path) -> None:
    """Raise ``StoreError`` if another process has the file open as SQLite does, whatever stands in it."""
    number = os.open(store, os.O_RDWR)
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, *_SHARED_LOCK)
    except BlockingIOError as error:
        raise _in_use(store) from error
    finally:
        os.close(number)


def _in_use(store: Path) -> StoreError:
    return StoreError(f"the store {store} is in use: stop `moderation-ai serve` and whatever else has it")


@contextmanager
def _opened(file: Path, busy_seconds: float = BUSY_SECONDS) -> Iterator[apsw.Connection]:
    check_library()
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(int(busy_seconds * 1000))
        yield connection
    finally:
        connection.close(force=True)


def _files(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in ("-journal", "-wal", "-shm"))]


def _sync(place: Path) -> None:
    """See that a file, or the names in a folder, are on disk."""
    with suppress(PermissionError):  # a folder that others own may not be opened; its names are theirs to keep
        number = os.open(place, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
