"""Between our values and what stores keep of them: states as numbers, events as JSON."""

from __future__ import annotations

import msgspec

from moderation_ai.core.events import STATUSES as STATUSES
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.things import Thing
from moderation_ai.stores.base import EventFilter

READY, LEASED, BEHIND = 0, 1, 2
"""Where an event stands in the queue."""
MADE_BY_HAND, REPLAYED = 1, 2
"""Why an event is handled whatever is known of its object; 0 is none of these."""
ATTEMPT_STATES = ("retry", "done", "dead", "superseded", "dropped")
TO_RETRY, DONE, DEAD, SUPERSEDED, DROPPED = range(len(ATTEMPT_STATES))

encode = msgspec.json.Encoder().encode
_decode_event = msgspec.json.Decoder(WebhookEvent).decode
decode_thing = msgspec.json.Decoder(Thing).decode


def read_event(body: bytes, seq: int, status: str, *, forced: int = 0) -> WebhookEvent:
    """Return the event of a row, with its place in the order of arrival and its status."""
    event = _decode_event(body)
    event.seq = seq
    event.status = status
    if forced == REPLAYED:
        event.source = "replay"
    return event


def is_meant(event: WebhookEvent, which: EventFilter) -> bool:
    """Say whether a filter means an event that a store's own condition let pass."""
    if which.event_ids and event.event_id not in which.event_ids:
        return False
    return which.text is None or which.text.casefold() in (event.text or "").casefold()
