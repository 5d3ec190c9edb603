"""Which store a URL names."""

from __future__ import annotations

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MEMORY_URL, MemoryStore
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.stores.urls import is_postgres, without_password

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Return the store that ``url`` names, not yet opened.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``postgresql://user@host/database`` or ``memory://``. Raises
    ``ConfigurationError`` for others, and where PostgreSQL's driver is not installed.
    """
    if url == MEMORY_URL:
        return MemoryStore()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE))
    if is_postgres(url):
        return _open_postgres(url)
    raise ConfigurationError(
        f"the store URL {without_password(url)!r} is not understood: write sqlite:///moderation.db (an absolute path "
        f"gives four slashes), postgresql://user@host/database or {MEMORY_URL}"
    )


def _open_postgres(url: str) -> Store:
    try:
        from moderation_ai.stores.postgres import PostgresStore
    except ImportError as error:
        raise ConfigurationError(
            "a store on PostgreSQL needs its driver: pip install 'moderation-ai[postgres]'"
        ) from error
    return PostgresStore(url)
