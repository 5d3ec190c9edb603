"""What a handler uses where its maker did not say: the store, the address, and the policy."""

from __future__ import annotations

import logging
import os

from moderation_ai.config import DEFAULT_STORE_URL, PolicySettings, ServerSettings, load_variable
from moderation_ai.pipeline.handling.standards import StandardsEngine, standards_engine
from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MEMORY_URL
from moderation_ai.stores.opening import open_store

logger = logging.getLogger(__name__)

_warned: set[int] = set()


def choose_store(given: str | Store | None, *, fallback: str | None) -> Store:
    """Return the store that was given (a store or a URL), else ``MODERATION_AI_STORE__URL``, else the fallback.

    Without a fallback it is memory, with one warning in each process: such events are gone with it.
    """
    if given is not None and not isinstance(given, str):
        return given
    url = given or load_variable("store.url") or fallback
    if url is None:
        url = MEMORY_URL
        if os.getpid() not in _warned:
            _warned.add(os.getpid())
            logger.warning(
                "events are kept in memory alone and are gone with this process; set MODERATION_AI_STORE__URL=%s, or "
                "pass store=",
                DEFAULT_STORE_URL,
            )
    return open_store(url)


def served_host(given: str | None) -> str:
    """Return the address to listen on: given, else ``MODERATION_AI_SERVER__HOST``, else loopback."""
    host: str = given or load_variable("server.host") or ServerSettings().host
    return host


def served_port(given: int | None) -> int:
    """Return the port to listen on: given, else ``MODERATION_AI_SERVER__PORT``, else 8080."""
    port: int | None = load_variable("server.port") if given is None else given
    return ServerSettings().port if port is None else port


def policy_settings() -> PolicySettings:
    """Return what the environment says of the policy."""
    named = {name: load_variable(f"policy.{name}") for name in PolicySettings.__struct_fields__}
    return PolicySettings(**{name: value for name, value in named.items() if value is not None})


def standards_of(settings: PolicySettings) -> StandardsEngine | None:
    """Return what judges all that arrives, or None where nothing does.

    Raises ``ConfigurationError`` for a policy file that cannot be read.
    """
    if not (settings.file is not None if settings.automatic is None else settings.automatic):
        return None
    standards = standards_engine if settings.file is None else StandardsEngine.from_file(settings.file)
    _ = standards.engine  # made now, not while the first comment waits
    return standards
