"""Checks of the store: whether it is there, whole, writable, of the right schema, with room to grow."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw

from moderation_ai.cli.doctor.database import check_database, check_schema
from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.stores import schemas, store_file
from moderation_ai.core.errors import StoreError
from moderation_ai.stores.sqlite.connection import connect_reader
from moderation_ai.stores.urls import is_postgres

LITTLE, TOO_LITTLE = 1 << 30, 100 << 20
"""Bytes of free disk below which there is a warning, and a failure."""
_PATIENCE = 1000
"""Milliseconds to wait for the right to write: who has it gives it back sooner."""


def check_store(url: str) -> Iterator[Finding]:
    """Yield what there is to say of the store; nothing is made or changed."""
    if is_postgres(url):
        yield from check_database(url)
        return
    file = store_file(url)
    if file is None:
        yield warning("store", f"{url} forgets everything with its process", "set store.url to sqlite:///moderation.db")
        return
    if file.exists():
        yield from check_file(file)
    else:
        yield _check_folder(file)
    yield check_room(file)


def _check_folder(file: Path) -> Finding:
    if os.access(file.parent, os.W_OK):
        return warning("store", f"there is no store at {file} yet", "`moderation-ai serve` makes it")
    return failure("store", f"there is no store at {file}, and none can be made", f"make {file.parent} writable")


def check_file(file: Path) -> Iterator[Finding]:
    """Yield whether the store can be read, is whole and can be written to."""
    try:
        found, newest = schemas(file)
        connection = connect_reader(str(file))
    except (StoreError, apsw.Error) as error:
        advice = "see that it is a store of moderation-ai and that this user may read and write it and its folder"
        yield failure("store", f"{file} cannot be opened: {error}", advice)
        return
    yield ok("store", f"{file}, SQLite {apsw.sqlite_lib_version()}")
    yield check_schema(found, newest)
    try:
        yield check_integrity(connection)
        yield check_writing(connection)
    finally:
        connection.close()


def check_integrity(connection: apsw.Connection) -> Finding:
    """Return whether SQLite finds the file whole."""
    try:
        said = str(connection.execute("PRAGMA quick_check(1)").get)
    except apsw.Error as error:
        said = str(error)
    if said == "ok":
        return ok("integrity", "the file is whole")
    return failure("integrity", f"the file is damaged: {said}", "stop `serve`, keep a copy, and restore a backup")


def check_writing(connection: apsw.Connection) -> Finding:
    """Return whether a transaction can begin; it is given up at once."""
    try:
        connection.set_busy_timeout(_PATIENCE)
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except apsw.BusyError:
        return failure(
            "writing", "another process holds the right to write", "find it by `lsof`; `serve` answers 503 meanwhile"
        )
    except apsw.Error as error:
        return failure("writing", f"the store cannot be written to: {error}", "make the file and its folder writable")
    return ok("writing", "the store can be written to")


def check_room(file: Path) -> Finding:
    """Return whether the disk has room."""
    folder = next(place for place in file.absolute().parents if place.exists())
    return judge_room(shutil.disk_usage(folder).free, folder)


def judge_room(free: int, folder: Path) -> Finding:
    """Return whether ``free`` bytes are enough."""
    message = f"{free / (1 << 30):.1f} GiB are free at {folder}"
    if free < TOO_LITTLE:
        return failure("disk", message, "make room at once: a full disk answers every request 503")
    if free < LITTLE:
        return warning("disk", message, "make room soon")
    return ok("disk", message)
