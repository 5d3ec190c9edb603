"""Medium's address: which scheme opens what, and which topics its hub may ask about."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from moderation_ai.core.errors import InvalidSignature, RequestRejected
from moderation_ai.core.generic import sign_brief
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.websub import sign_websub
from moderation_ai.platforms.medium import PLATFORM
from tests.platforms.fixtures import NOW

LIVE = Credential(secrets=("s3cret",), topics=("https://medium.com/feed/@abaker",))
FEED, JSON = b"<rss/>", b'{"event_type":"post.created","data":{"post":{"id":"1"}}}'


def posted(body: bytes, headers: dict[str, str]) -> Request:
    return Request(body=body, headers=Headers.of(headers), received_at=NOW)


@pytest.mark.parametrize("body", [FEED, JSON, b""])
def test_the_hub_and_the_generic_schemes_open_everything(body: bytes) -> None:
    assert PLATFORM.verify(posted(body, sign_websub(body, "s3cret")), LIVE) == 0
    assert PLATFORM.verify(posted(body, sign_brief(body, "s3cret", NOW)), LIVE) == 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (FEED, sign_websub(FEED, "wrong"), 200),
        (FEED, {}, 200),
        (JSON, sign_websub(JSON, "wrong"), 200),
        (JSON, {}, 401),
        (FEED, sign_brief(FEED, "wrong", NOW), 401),
    ],
)
def test_each_scheme_refuses_in_its_own_way(body: bytes, headers: dict[str, str], status: int) -> None:
    with pytest.raises(InvalidSignature) as caught:
        PLATFORM.verify(posted(body, headers), LIVE)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("topic", "is_ours"), [("https://medium.com/feed/@abaker", True), ("https://medium.com/", False)]
)
def test_the_challenge_is_given_for_a_topic_of_ours(topic: str, is_ours: bool) -> None:
    query = urlencode({"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": "a1"})
    asked = Request(method="GET", query=query, received_at=NOW)
    if is_ours:
        answer = PLATFORM.challenge(asked, LIVE)
        assert answer is not None
        assert answer.body == b"a1"
    else:
        with pytest.raises(RequestRejected):
            PLATFORM.challenge(asked, LIVE)
