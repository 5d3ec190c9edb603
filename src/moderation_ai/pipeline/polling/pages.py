"""Pages: what a poll brought is kept as if it had been pushed, with the same keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from moderation_ai.core.access import Watch
from moderation_ai.core.batches import MAX_FACTS
from moderation_ai.core.events import KeyedEvent, Parsed, unknown_fact
from moderation_ai.core.http import Request
from moderation_ai.core.polling import Page
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.keeping import KeptRequest, address_of
from moderation_ai.pipeline.receiving.reading import finish_all
from moderation_ai.stores.base import Added, Delivery, Store


class Stored(NamedTuple):
    """The events of a page, in order, and what became of them."""

    events: Sequence[KeyedEvent]
    added: Added


async def keep_page(
    store: Store, watch: Watch, page: Page, now: datetime, aliases: Mapping[str, str] | None = None
) -> Stored:
    """Store the events of ``page``, each once by whatever road it came; return when they are on disk.

    The raw page is kept beside those that are new. Raises ``StoreError``.
    """
    events = polled_events(page, watch, now, aliases)
    if not events:
        return Stored(events, Added(0, 0))
    name = watch.access.platform.name
    delivery = Delivery(
        platform=name,
        received_at=now,
        body=page.body,
        events=events,
        headers=KeptRequest(address_of(name, watch.credential)).to_text(),
    )
    return Stored(events, await store.add(delivery))


def polled_events(
    page: Page, watch: Watch, now: datetime, aliases: Mapping[str, str] | None = None
) -> list[KeyedEvent]:
    """Return the events of a page: with the ids and keys that a push to the account's address would give them."""
    facts = list(page.facts)
    if len(facts) > MAX_FACTS:
        facts = [unknown_fact(page.body, f"the page tells of more than {MAX_FACTS} things")]
    source = Source(platform=watch.access.platform, credential=watch.credential)
    request = Request(body=page.body, received_at=now)
    events = finish_all(Parsed(facts=facts), request, source, aliases)
    for keyed in events:
        keyed.event.source = "poll"
        keyed.event.account = keyed.event.account or watch.access.account or None
    return events


def unread_page(body: bytes, reason: str) -> Page:
    """Return the page that is kept of an answer that could not be read."""
    return Page(facts=(unknown_fact(body, reason),), body=body)
