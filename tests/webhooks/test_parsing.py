"""``parse_event``: raw bytes become an event, or one of our own errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import MalformedPayload, UnknownPlatform
from moderation_ai.platforms import all_platforms
from moderation_ai.utils import WebhookEvent, WebhookHandler
from tests.webhooks.events import envelope

handler = WebhookHandler(accounts={"instagram": {"shop": "178"}})


@pytest.mark.parametrize("spell", [bytes, bytearray, memoryview, bytes.decode])
def test_a_payload_may_be_bytes_of_any_kind_or_text(spell: Any) -> None:
    event = handler.parse_event(spell(envelope()), "reddit")
    assert (event.event_id, event.platform, event.data.comment.id) == ("evt_c1_comment.created", "reddit", "c1")
    assert event.received_at is not None
    assert event.rest == ()


@pytest.mark.parametrize("payload", [None, {}, json.loads(envelope()), 5, [], object()], ids=str)
def test_what_was_parsed_already_is_refused(payload: Any) -> None:
    with pytest.raises(MalformedPayload, match="raw bytes") as caught:
        handler.parse_event(payload, "reddit")
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"NaN", b'{"a":1,"a":2}', b"[" * 100_000, b"[]", b"null", b"{}"])
@pytest.mark.parametrize("name", sorted(all_platforms()))
def test_what_cannot_be_understood_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        handler.parse_event(body, name)


@pytest.mark.parametrize("name", ["nowhere", "", None, 5])
def test_a_platform_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(UnknownPlatform):
        handler.parse_event(envelope(), name)


def test_an_alias_stands_for_its_platform() -> None:
    assert handler.parse_event(envelope(), "X").platform == "twitter"


def test_the_account_is_told_by_its_name() -> None:
    value = {"id": "1", "text": "hm"}
    body = {"object": "instagram", "entry": [{"id": "178", "changes": [{"field": "comments", "value": value}]}]}
    assert handler.parse_event(json.dumps(body), "instagram").account == "shop"


def test_headers_are_read_where_they_matter() -> None:
    event = handler.parse_event(envelope(), "generic", {"Webhook-Id": "msg_1", "Webhook-Signature": "v1,"})
    assert event.delivery_id == "msg_1"


def test_the_same_fact_has_the_same_id_and_its_senders_id_is_shown() -> None:
    body = json.dumps({"event_type": "comment.created", "data": {"comment": {"id": "c1"}}})
    one, two = handler.parse_event(body, "reddit"), handler.parse_event(body, "reddit")
    assert one.event_id == two.event_id
    assert one.event_id.startswith("evt_")
    assert len(one.event_id) == 30
    assert handler.parse_event(body, "youtube").event_id != one.event_id


@pytest.mark.fuzz
@given(st.binary(max_size=300) | st.text(max_size=300), st.sampled_from(sorted(all_platforms())))
def test_any_body_gives_an_event_or_our_own_error(body: bytes | str, name: str) -> None:
    try:
        event = handler.parse_event(body, name)
    except MalformedPayload:
        return
    assert isinstance(event, WebhookEvent)
