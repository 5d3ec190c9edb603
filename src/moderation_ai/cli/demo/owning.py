"""Whose store it is: a demo kills its gateway and handles what is left, so it touches no events but a demo's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation_ai.cli.terminal.printing import plural
from moderation_ai.config import DEFAULT_STORE_URL
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.handling.handlers import MODERATION
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.memory import MEMORY_URL
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import without_password

HANDLERS = ("demo.judge", "demo.count")
"""The names of the demo's handlers, now and before: who else handled an event has a store of their own."""
_LOOKED_AT = 25


@contextmanager
def own_store(given: str | None, found: str | None) -> Iterator[str]:
    """Yield the URL of a store that a demo may use: as ``given``, or the default one.

    ``found`` is what ``foreign`` said of it. Where somebody's events are in the default store, a temporary one takes
    its place and goes at the end; raises ``ConfigurationError`` where they are in the store that was given.
    """
    if found is None:
        yield given or DEFAULT_STORE_URL
        return
    if given is not None:
        raise ConfigurationError(f"{found}; name a store that the demo may fill, such as --store sqlite:///demo.db")
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'demo.db'}"


async def foreign(url: str) -> str | None:
    """Say why the store is not a demo's, or return None if it is new, empty or filled by demos alone."""
    if url == MEMORY_URL:
        return "a store in memory is gone with the gateway that is killed"
    store = open_store(url)
    await store.open()
    try:
        count = (await store.counts()).total
        if not count or await _is_a_demos(store):
            return None
        return f"{without_password(url)} holds {plural(count, 'event')} that no demo made"
    finally:
        await store.close()


async def _is_a_demos(store: Store) -> bool:
    """Say whether the oldest and the newest events were handled by a demo's handlers, and by no others."""
    ends = [await store.events(EventFilter(), limit=_LOOKED_AT, newest_first=newest) for newest in (False, True)]
    for events in ends:
        names = {attempt.handler for event in events for attempt in await store.attempts(event.seq)} - {MODERATION}
        if not names or not names <= set(HANDLERS):
            return False
    return True
