"""Which store a URL names."""

from __future__ import annotations

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MEMORY_URL, MemoryStore
from moderation_ai.stores.sqlite import SqliteStore

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Return the store that ``url`` names, not yet opened.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``memory://``. Raises ``ConfigurationError`` for others.
    """
    if url == MEMORY_URL:
        return MemoryStore()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE))
    raise ConfigurationError(
        f"the store URL {url!r} is not understood: write sqlite:///moderation.db (an absolute path gives four "
        f"slashes) or {MEMORY_URL}"
    )
