"""Reparsing: what was kept as ``unknown`` is read again, and becomes the events that a parser now sees in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
from msgspec import structs

from moderation_ai.core.events import KeyedEvent, WebhookEvent
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.keeping import read_kept
from moderation_ai.pipeline.receiving.reading import as_pushed, finish_all, parse_or_keep
from moderation_ai.stores.base import SUPERSEDED, Delivery, EventFilter, Store
from moderation_ai.stores.paging import pages

UNKNOWN, LEARNED, NO_USE, BODY_GONE, NO_PLATFORM = "unknown", "learned", "no use", "body gone", "no platform"
"""What may come of reading one again: still not understood, understood, understood and of no use to us, or not read,
because its body is not kept any more or nothing is known of its platform."""
_PAGE = 200


class Reread(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading one ``unknown`` event again: its fate, what its body tells of, how many events are new."""

    event: WebhookEvent
    fate: str
    events: list[WebhookEvent] = []
    new: int = 0


class Reparser:
    """Read ``unknown`` events again, by the platforms as they are now.

    ``sources`` are the configured addresses, which tell own accounts and names; an address that is not configured any
    more is read by its platform all the same. With ``dry_run`` nothing is written.
    """

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        platforms: Mapping[str, Platform],
        aliases: Mapping[str, str],
        *,
        dry_run: bool = False,
    ) -> None:
        """Keep the parts; see the class."""
        self._store = store
        self._sources = sources
        self._platforms = platforms
        self._aliases = aliases
        self._dry_run = dry_run

    async def reread(self, event: WebhookEvent) -> Reread:
        """Read one ``unknown`` event again, and put what was learned in its place, in one durable step.

        Twice is once: an event that was replaced is ``superseded`` and left alone. Raises ``StoreError``.
        """
        body, received_at = await self._store.raw_body(event.seq), event.received_at
        if body is None or received_at is None:
            return Reread(event=event, fate=BODY_GONE)
        text = await self._store.headers(event.seq)
        kept = read_kept(text, event.platform)
        source = self._source(kept.address)
        if source is None:
            return Reread(event=event, fate=NO_PLATFORM)
        request = Request(headers=kept.to_headers(), body=body, received_at=received_at)
        keyed = self._read(request, source, event)
        if _nothing_is_learned(event, keyed):
            return Reread(event=event, fate=UNKNOWN)
        return await self._put(
            event,
            Delivery(platform=source.platform.name, received_at=received_at, body=body, headers=text, events=keyed),
        )

    def _read(self, request: Request, source: Source, event: WebhookEvent) -> list[KeyedEvent]:
        """Return what is read in a body by the road that it came: pushed, or as a page of a poll."""
        is_polled = event.source == "poll"
        parsed = parse_or_keep(request, source.platform, is_page=is_polled)
        keyed = finish_all(parsed, request, source, self._aliases)
        if not is_polled:
            return as_pushed(keyed)
        for one in keyed:
            one.event.account = one.event.account or event.account
        return keyed

    async def _put(self, event: WebhookEvent, delivery: Delivery) -> Reread:
        for keyed in delivery.events:
            keyed.event.source = event.source
        learned = Reread(
            event=event,
            fate=LEARNED if delivery.events else NO_USE,
            events=[keyed.event for keyed in delivery.events],
        )
        if self._dry_run:
            return learned
        added = await self._store.replace([event.seq], delivery)
        return structs.replace(learned, new=added.new)

    def _source(self, address: str) -> Source | None:
        found = self._sources.get(address)
        if found is not None:
            return found
        name, _, account = address.partition("/")
        platform = self._platforms.get(name)
        return None if platform is None else Source(platform=platform, credential=Credential(name=account))


async def each_unknown(store: Store, which: EventFilter) -> AsyncIterator[WebhookEvent]:
    """Yield the events that were not understood and that nothing has replaced yet, oldest first, of those meant."""
    async for page in pages(store, structs.replace(which, event_type="unknown"), _PAGE):
        for event in page:
            if event.status != SUPERSEDED:
                yield event


def _nothing_is_learned(event: WebhookEvent, read: Sequence[KeyedEvent]) -> bool:
    """Say whether an event is as unknown as before: its own part of the body, or everything in it."""
    same = any(one.event.lane == event.lane for one in read)
    return same or (bool(read) and all(one.event.event_type == "unknown" for one in read))
