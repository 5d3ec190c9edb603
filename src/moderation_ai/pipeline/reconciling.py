"""Reconciling: what polling sees is compared with what was pushed, so that a push that fails is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moderation_ai.core.coverage import Coverage, is_judged
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.pages import Stored
from moderation_ai.stores.base import EventFilter, Store

_REMEMBERED = 5000
"""Comments of one feed that are known to be judged already: more than any feed shows again and again."""


class Reconciling:
    """Compare one feed with what was pushed, comment by comment, each once."""

    def __init__(self, coverage: Coverage | None, now: datetime) -> None:
        """Go on with ``coverage``, or begin: what was written before is not push's to tell."""
        self.coverage = coverage or Coverage(since=now)
        self._before = self.coverage.judged_until
        self._judged: dict[str, None] = {}

    async def compare(self, store: Store, stored: Stored, now: datetime) -> None:
        """Count what of a page push had told of, and what it should have told of and had not."""
        fresh = set(stored.added.fresh)
        known: dict[str, WebhookEvent] = {}
        for keyed, seq in zip(stored.events, stored.added.seqs, strict=True):
            event = keyed.event
            if not self._counts(event):
                continue
            if seq not in fresh:
                known[event.event_id] = event
            elif event.timestamp is not None and is_judged(event.timestamp, now):
                self._count(event, now, pushed=False)
        if known:
            await self._count_pushed(store, known, now)

    async def _count_pushed(self, store: Store, known: Mapping[str, WebhookEvent], now: datetime) -> None:
        platform = next(iter(known.values())).platform
        which = EventFilter(platform=platform, event_ids=tuple(known))
        pushed = {event.event_id for event in await store.events(which) if event.source != "poll"}
        for event_id, event in known.items():
            if event_id in pushed:
                self._count(event, now, pushed=True)
            else:
                self._remember(event_id)

    def _counts(self, event: WebhookEvent) -> bool:
        """Say whether an event is one that push tells of, and that was not counted before."""
        when = event.timestamp
        if when is None or event.timestamp_inferred or event.own or event.event_id in self._judged:
            return False
        is_new = event.event_type.endswith((".created", ".held"))
        return is_new and when >= self.coverage.since and (self._before is None or when > self._before)

    def _count(self, event: WebhookEvent, now: datetime, *, pushed: bool) -> None:
        self.coverage = self.coverage.counted(event.timestamp or now, now, pushed=pushed)
        self._remember(event.event_id)

    def _remember(self, event_id: str) -> None:
        self._judged[event_id] = None
        if len(self._judged) > _REMEMBERED:
            del self._judged[next(iter(self._judged))]
