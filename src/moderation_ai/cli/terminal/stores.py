"""The store of a command: one that is there already, with the schema that this program knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw

from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError
from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MEMORY_URL
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.sqlite.connection import connect_reader, migrations, schema_version
from moderation_ai.stores.urls import is_postgres, without_password

_SQLITE = "sqlite:///"


def store_file(url: str) -> Path | None:
    """Return the file that a store lives in, or None for one that has no file."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def require_file(url: str) -> Path:
    """Return the file of a store that is there.

    Raises ``StoreError`` if it is not (nothing is made), and ``ConfigurationError`` for a store that lives in memory.
    """
    file = store_file(url)
    if file is None:
        raise ConfigurationError(
            f"the store {MEMORY_URL} lives and ends with the process that made it, so that no command can look into "
            "it; name one with a file: --store sqlite:///moderation.db"
        )
    if not file.exists():
        raise StoreError(
            f"there is no store at {file}: start `moderation-ai serve`, which makes it, or name another one by "
            "--store, store.url or MODERATION_AI_STORE__URL"
        )
    return file


def require_folder(file: Path) -> None:
    """Raise ``ModerationError`` if the folder that ``file`` is to be written in is not there."""
    if not file.parent.is_dir():
        raise ModerationError(f"there is no folder {file.parent}")


def schemas(file: Path) -> tuple[int, int]:
    """Return the schema number of a store's file, and the newest that this program knows; nothing is changed.

    Raises ``StoreError`` for a file that is no store, or that may not be read.
    """
    connection = connect_reader(str(file))
    try:
        return schema_version(connection), migrations()[-1][0]
    except apsw.Error as error:
        raise unreadable(file, error) from error
    finally:
        connection.close()


def unreadable(file: Path, error: apsw.Error) -> StoreError:
    """Return why a store's file cannot be read: readers leave marks, so it takes the right to write too."""
    if isinstance(error, apsw.ReadOnlyError):
        return StoreError(
            f"{file} cannot be read: it takes a user who may write it, as that of `moderation-ai serve` may"
        )
    return StoreError(f"{file} cannot be read as a store: {error}")


async def schemas_of(url: str) -> tuple[int, int]:
    """Return the schema number of the store at ``url``, and the newest that this program knows; nothing is changed.

    Raises ``StoreError`` for a store that is not there, and ``ConfigurationError`` for one that lives in memory.
    """
    if not is_postgres(url):
        return await asyncio.to_thread(schemas, require_file(url))
    from moderation_ai.stores.postgres.connection import look

    open_store(url)  # Its driver may be missing, or the URL odd: that is said first.
    found, newest = await look(url)
    if found == 0:
        raise StoreError(
            f"there is no store in {without_password(url)}: run `moderation-ai db upgrade` or start `moderation-ai "
            "serve`, which make it"
        )
    return found, newest


async def require_schema(url: str) -> None:
    """Return if the store has the schema of this program, else raise ``StoreError``."""
    found, newest = await schemas_of(url)
    if found < newest:
        raise StoreError(
            f"the store {without_password(url)} has schema {found}, this program wants {newest}: run "
            "`moderation-ai db upgrade`, or restart `moderation-ai serve`, which does it too"
        )


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """Open the store at ``url`` for a command, and close it after; a store that is not there is not made."""
    await require_schema(url)
    store = open_store(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
