"""Events that were made by hand get what they lack, and one key for one content."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from moderation_ai.core.events import WebhookEvent, to_json
from moderation_ai.core.handmade import keyed_event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COMMENT = {"comment": {"id": "c1", "text": "hello"}}


def made(**changes: Any) -> WebhookEvent:
    return WebhookEvent(**{"event_type": "comment.created", "platform": "generic", "data": COMMENT, **changes})


def test_what_is_lacking_is_made() -> None:
    event = keyed_event(made(), NOW).event
    assert event.event_id.startswith("evt_")
    assert event.lane == "generic:c1"
    assert (event.received_at, event.timestamp, event.timestamp_inferred) == (NOW, NOW, True)


def test_what_is_there_stays() -> None:
    event = keyed_event(
        made(event_id="evt_1", lane="generic:x", timestamp=NOW, received_at=NOW), datetime.now(UTC)
    ).event
    assert (event.event_id, event.lane, event.timestamp, event.timestamp_inferred) == ("evt_1", "generic:x", NOW, False)


def test_one_content_has_one_key_whenever_it_comes() -> None:
    first = keyed_event(made(), NOW)
    # Its time was inferred, and says nothing of the content.
    again = keyed_event(first.event, NOW + timedelta(days=1))
    assert first.key == again.key == keyed_event(made(), NOW + timedelta(days=2)).key
    assert keyed_event(made(timestamp=NOW), NOW).key != first.key


def test_a_time_without_a_zone_is_utc() -> None:
    event = keyed_event(made(timestamp=datetime(2026, 3, 1, 12, 0)), NOW).event
    assert event.timestamp == NOW


def test_half_a_character_does_no_harm() -> None:
    event = keyed_event(made(data={"comment": {"id": "c1", "text": "half \ud83d"}}), NOW).event
    assert b"half" in to_json(event)
