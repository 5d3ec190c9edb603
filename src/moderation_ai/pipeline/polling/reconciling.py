"""Reconciling: what polling sees is compared with what was pushed, so that a push that fails is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from moderation_ai.core.coverage import Coverage, is_judged
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.polling.pages import Stored
from moderation_ai.stores.base import EventFilter, Store

_REMEMBERED = 5000
"""Comments of one feed that are known to be judged already: more than any feed shows again and again."""


class _Seen(NamedTuple):
    """A comment that waits to be judged: when it was written, where its event stands, whether push told it first."""

    written_at: datetime
    seq: int
    pushed: bool


class Reconciling:
    """Compare one feed with what was pushed, comment by comment, each once, in the order in which they were written.

    Each is judged when push has had its time to tell of it, whichever of the two was quicker.
    """

    def __init__(self, coverage: Coverage | None, now: datetime) -> None:
        """Go on with ``coverage``, or begin: what was written before is not push's to tell."""
        self.coverage = coverage or Coverage(since=now)
        self._before = self.coverage.judged_until
        self._waiting: dict[str, _Seen] = {}
        self._judged: dict[str, None] = {}

    async def compare(self, store: Store, stored: Stored, now: datetime) -> None:
        """Take in what a page shows, and count what push has told of by now or should have."""
        shown = {
            keyed.event.event_id: (keyed.event, seq)
            for keyed, seq in zip(stored.events, stored.added.seqs, strict=True)
            if self._counts(keyed.event)
        }
        fresh = set(stored.added.fresh)
        pushed = await _pushed_first(store, [event for event, seq in shown.values() if seq not in fresh])
        for event_id, (event, seq) in shown.items():
            self._waiting[event_id] = _Seen(event.timestamp or now, seq, event_id in pushed)
        await self._judge(store, now)

    async def _judge(self, store: Store, now: datetime) -> None:
        ripe = {event_id: seen for event_id, seen in self._waiting.items() if is_judged(seen.written_at, now)}
        again = await store.repeats([seen.seq for seen in ripe.values() if not seen.pushed]) if ripe else set()
        for event_id, seen in sorted(ripe.items(), key=lambda each: each[1].written_at):
            is_pushed = seen.pushed or seen.seq in again
            self.coverage = self.coverage.counted(seen.written_at, now, pushed=is_pushed)
            del self._waiting[event_id]
            self._judged[event_id] = None
            if len(self._judged) > _REMEMBERED:
                del self._judged[next(iter(self._judged))]

    def _counts(self, event: WebhookEvent) -> bool:
        """Say whether an event is one that push tells of, and that was not taken in before."""
        when = event.timestamp
        is_known = event.event_id in self._judged or event.event_id in self._waiting
        if when is None or event.timestamp_inferred or event.own or is_known:
            return False
        is_new = event.event_type.endswith((".created", ".held"))
        return is_new and when > self.coverage.since and (self._before is None or when > self._before)


async def _pushed_first(store: Store, events: Sequence[WebhookEvent]) -> set[str]:
    """Return the ids of events that were stored when push told of them."""
    if not events:
        return set()
    which = EventFilter(platform=events[0].platform, event_ids=tuple(event.event_id for event in events))
    return {event.event_id for event in await store.events(which) if event.source != "poll"}
