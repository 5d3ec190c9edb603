"""Paging: the events of a store a page at a time, for a store may be larger than the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import structs

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import EventFilter, Inbox

PAGE = 1000
"""Events of a page, where what is done with each is little."""


async def pages(store: Inbox, which: EventFilter, size: int = PAGE) -> AsyncIterator[list[WebhookEvent]]:
    """Yield the events that ``which`` means, oldest first, ``size`` at a time; what arrives meanwhile comes too."""
    seq = which.after_seq
    while page := await store.events(structs.replace(which, after_seq=seq), limit=size, newest_first=False):
        seq = page[-1].seq
        yield page


async def pages_back(store: Inbox, which: EventFilter, limit: int | None) -> AsyncIterator[list[WebhookEvent]]:
    """Yield the events that ``which`` means, newest first, ``PAGE`` at a time, ``limit`` at most."""
    left = limit
    while left is None or left > 0:
        page = await store.events(which, limit=PAGE if left is None else min(left, PAGE))
        if not page:
            return
        yield page
        left = None if left is None else left - len(page)
        which = structs.replace(which, before_seq=page[-1].seq)
