"""Events that a caller made by hand, or read from a file: given what they lack, and a key over their content."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from msgspec import to_builtins
from msgspec.json import encode

from moderation_ai.core.content import in_whole_characters
from moderation_ai.core.events import KeyedEvent, WebhookEvent, event_id_of, key_of, lane_of, object_id_of
from moderation_ai.core.subjects import Data


def keyed_event(event: WebhookEvent, now: datetime) -> KeyedEvent:
    """Return ``event`` with its key: the one that parsing gave it, else one over its content.

    An event that was made by hand is given what it lacks: id, lane, times (``now`` is when it was received).
    """
    key = event.__dict__.get("key")
    if key is not None:
        return KeyedEvent(event, key)
    event.timestamp = aware(event.timestamp)
    event.received_at = aware(event.received_at)
    when = None if event.timestamp_inferred else event.timestamp
    try:
        encode(event.data)
    except UnicodeEncodeError:
        # Python's own reader hands halves of characters on, as a stranger wrote them into a comment.
        event.data = Data.of(in_whole_characters(to_builtins(event.data)))
    content = sha256(encode([event.event_type, event.account, when, event.data])).hexdigest()
    object_id = object_id_of(event) or content
    event.event_id = event.event_id or event_id_of(event.platform, "", event.event_type, object_id, content)
    event.lane = event.lane or lane_of(event.platform, object_id)
    event.received_at = event.received_at or now
    if event.timestamp is None:
        event.timestamp, event.timestamp_inferred = event.received_at, True
    return KeyedEvent(event, key_of(event.event_id, event.platform, "by hand", content))


def aware(when: datetime | None) -> datetime | None:
    """Return a time with its zone: one that a caller left without is taken for UTC."""
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when
