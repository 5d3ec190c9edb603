"""What a handler uses where its maker did not say: the store and the address."""

from __future__ import annotations

import logging
import os

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MEMORY_URL
from moderation_ai.stores.opening import open_store

logger = logging.getLogger(__name__)

DEFAULT_URL = "sqlite:///moderation.db"
"""The store of what serves: ``start()``, ``serve`` and ``demo``."""
_warned: set[int] = set()


def choose_store(given: str | Store | None, *, fallback: str | None) -> Store:
    """Return the store that was given (a store or a URL), else ``MODERATION_AI_STORE__URL``, else the fallback.

    Without a fallback it is memory, with one warning in each process: such events are gone with it.
    """
    if given is not None and not isinstance(given, str):
        return given
    url = given or os.environ.get("MODERATION_AI_STORE__URL") or fallback
    if url is None:
        url = MEMORY_URL
        if os.getpid() not in _warned:
            _warned.add(os.getpid())
            logger.warning(
                "events are kept in memory alone and are gone with this process; set MODERATION_AI_STORE__URL=%s, or "
                "pass store=",
                DEFAULT_URL,
            )
    return open_store(url)


def served_host(given: str | None) -> str:
    """Return the address to listen on: given, else ``MODERATION_AI_SERVER__HOST``, else loopback."""
    return given or os.environ.get("MODERATION_AI_SERVER__HOST") or "127.0.0.1"


def served_port(given: int | None) -> int:
    """Return the port to listen on: given, else ``MODERATION_AI_SERVER__PORT``, else 8080."""
    if given is not None:
        return given
    text = os.environ.get("MODERATION_AI_SERVER__PORT") or "8080"
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise ConfigurationError(f"MODERATION_AI_SERVER__PORT is {text!r}; it must be a port number")
    return int(text)
