"""YouTube's address: which scheme opens which shape, topics in both spellings, videos that are new or changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from moderation_ai.core.errors import InvalidSignature, RequestRejected
from moderation_ai.core.generic import sign_brief
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.websub import sign_websub
from moderation_ai.platforms.youtube import PLATFORM
from tests.platforms.fixtures import NOW

LIVE = Credential(secrets=("s3cret",))
FEED, JSON = b"<feed/>", b'{"comment":{"id":"1"}}'
CURRENT = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCours"
OLDER = "https://www.youtube.com/feeds/videos.xml?channel_id=UCours"


def posted(body: bytes, headers: dict[str, str]) -> Request:
    return Request(body=body, headers=Headers.of(headers), received_at=NOW)


def signed(body: bytes, *schemes: str, secret: str = "s3cret") -> Request:
    made = {"hub": sign_websub(body, secret), "brief": sign_brief(body, secret, NOW)}
    return posted(body, {name: value for scheme in schemes for name, value in made[scheme].items()})


@pytest.mark.parametrize(
    ("body", "schemes"), [(FEED, ["hub"]), (JSON, ["hub"]), (JSON, ["brief"]), (JSON, ["hub", "brief"])]
)
def test_the_hub_opens_everything_and_the_generic_schemes_json(body: bytes, schemes: list[str]) -> None:
    assert PLATFORM.verify(signed(body, *schemes), LIVE) == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (signed(FEED, "hub", secret="wrong"), 200),
        (posted(FEED, {}), 200),
        (signed(FEED, "brief"), 200),
        (signed(JSON, "hub", secret="wrong"), 200),
        (signed(JSON, "brief", secret="wrong"), 401),
        (posted(JSON, {}), 401),
        (posted(b"", {}), 401),
        (posted(JSON, {"Authorization": "Bearer a.b.c"}), 401),
    ],
)
def test_each_scheme_refuses_in_its_own_way(request_: Request, status: int) -> None:
    with pytest.raises(InvalidSignature) as caught:
        PLATFORM.verify(request_, LIVE)
    assert caught.value.status == status


def test_a_generic_signature_opens_a_feed_only_where_that_is_configured() -> None:
    assert PLATFORM.verify(signed(FEED, "brief"), Credential(secrets=("s3cret",), generic=True)) == 0


def ask(configured: str, topic: str) -> Any:
    query = urlencode({"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": "42"})
    return PLATFORM.challenge(Request(method="GET", query=query, received_at=NOW), Credential(topics=(configured,)))


@pytest.mark.parametrize("configured", [CURRENT, OLDER])
@pytest.mark.parametrize("asked", [CURRENT, OLDER, CURRENT.replace("https:", "http:")])
def test_both_spellings_of_a_feeds_address_are_one_topic(configured: str, asked: str) -> None:
    assert ask(configured, asked).body == b"42"


@pytest.mark.parametrize(
    "other", [CURRENT + "x", CURRENT.replace("UCours", "UCother"), "https://www.youtube.com/feeds/videos.xml", "UCours"]
)
def test_another_channel_is_another_topic(other: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        ask(CURRENT, other)
    assert caught.value.status == 404


def test_the_message_id_of_a_push_is_the_deliverys_id() -> None:
    wrapped = next(sample for sample in PLATFORM.samples(NOW, 7) if sample.scheme == "pubsub")
    assert PLATFORM.parse(posted(wrapped.body, {})).delivery_id == "70"
    bare = posted(JSON, {"x-goog-pubsub-message-id": "71"})
    assert PLATFORM.parse(bare).delivery_id == "71"
