"""WebSub's signatures by every method, and what a hub is answered when it asks about a subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.websub import Subscribed, answer_websub, pushed_topic, said_of, sign_websub, verify_websub

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOPIC = "https://news.example.org/feed"
BODY = b"<feed/>"


def pushed(signature: str) -> Request:
    return Request(body=BODY, headers=Headers.of({"X-Hub-Signature": signature}), received_at=NOW)


def ask(**parameters: str) -> Response | None:
    query = urlencode({f"hub.{name}": value for name, value in parameters.items()})
    return answer_websub(Request(method="GET", query=query, received_at=NOW), (TOPIC,))


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_takes_every_method_of_the_specification(method: str) -> None:
    signature = sign_websub(BODY, "new", method)["X-Hub-Signature"]
    assert signature.startswith(f"{method}=")
    assert verify_websub(pushed(signature), ("old", "new")) == 1
    assert verify_websub(pushed(signature.replace(signature[7:], signature[7:].upper())), ("new",)) == 0


@pytest.mark.parametrize(
    "signature",
    [
        "md5=0cc175b9c0f1b6a831c399e269772661",
        sign_websub(BODY, "new", "sha256")["X-Hub-Signature"].replace("sha256", "sha1"),
        sign_websub(BODY, "new")["X-Hub-Signature"].replace("sha1", "SHA1"),
        sign_websub(BODY, "new")["X-Hub-Signature"].removeprefix("sha1="),
        sign_websub(BODY, "new")["X-Hub-Signature"] + "00",
        sign_websub(BODY, "")["X-Hub-Signature"],
        "sha1=",
        "=",
        "",
    ],
)
def test_a_bad_signature_is_to_be_acknowledged_and_ignored(signature: str) -> None:
    with pytest.raises(InvalidSignature) as caught:
        verify_websub(pushed(signature), ("new", ""))
    assert caught.value.status == 200


def test_confirms_a_subscription_to_a_topic_of_ours() -> None:
    answer = ask(mode="subscribe", topic=TOPIC, challenge="18010081214608488943", lease_seconds="432000")
    assert isinstance(answer, Subscribed)
    assert (answer.status, answer.body, answer.content_type) == (
        200,
        b"18010081214608488943",
        "text/plain; charset=utf-8",
    )
    assert dict(answer.headers)["X-Content-Type-Options"] == "nosniff"
    assert (answer.topic, answer.lease, answer.reason) == (TOPIC, 432_000, None)
    assert said_of(answer) == f"confirmed the subscription to {TOPIC!r} for 432000 s"


@pytest.mark.parametrize("lease", ["", "soon", "1" * 30, "-1", "１"])
def test_an_odd_lease_is_none(lease: str) -> None:
    answer = ask(mode="subscribe", topic=TOPIC, challenge="c", lease_seconds=lease)
    assert isinstance(answer, Subscribed)
    assert answer.lease is None


@pytest.mark.parametrize(
    ("mode", "topic"),
    [
        ("subscribe", "https://news.example.org/other"),
        ("subscribe", ""),
        ("unsubscribe", TOPIC),
        ("unsubscribe", "https://news.example.org/other"),
        ("publish", TOPIC),
        ("", TOPIC),
    ],
)
def test_everything_else_that_a_hub_may_ask_is_not_found(mode: str, topic: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        ask(mode=mode, topic=topic, challenge="c")
    assert caught.value.status == 404


def test_confirms_the_end_of_what_we_asked_the_hub_to_end() -> None:
    query = urlencode({"hub.mode": "unsubscribe", "hub.topic": TOPIC, "hub.challenge": "c1"})
    answer = answer_websub(Request(method="GET", query=query, received_at=NOW), (), leaving=(TOPIC,))
    assert isinstance(answer, Subscribed)
    assert (answer.status, answer.body, answer.mode, answer.topic) == (200, b"c1", "unsubscribe", TOPIC)
    assert said_of(answer) == f"confirmed the end of the subscription to {TOPIC!r}"


def test_what_is_to_end_is_not_subscribed_again() -> None:
    query = urlencode({"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "c1"})
    with pytest.raises(RequestRejected):
        answer_websub(Request(method="GET", query=query, received_at=NOW), (), leaving=(TOPIC,))


@pytest.mark.parametrize("challenge", ["", "<script>", "a b", "a\r\nb", "é", "x" * 513])
def test_a_challenge_that_is_no_plain_token_is_not_echoed(challenge: str) -> None:
    with pytest.raises(MalformedPayload):
        ask(mode="subscribe", topic=TOPIC, challenge=challenge)


def test_a_denial_is_taken_note_of() -> None:
    ours, other = ask(mode="denied", topic=TOPIC, reason="\x1bno\n" + "x" * 500), ask(mode="denied", topic="t\n")
    assert isinstance(ours, Subscribed)
    assert isinstance(other, Subscribed)
    assert (ours.status, ours.body, other.status) == (200, b"", 200)
    assert said_of(ours).startswith(f"the hub denied the subscription to {TOPIC!r}: '\\x1bno\\nxxx")
    assert len(said_of(ours)) < 300
    assert said_of(other) == "the hub denied the subscription to a topic that is not configured: ''"


def test_what_is_no_question_of_a_hub_is_none() -> None:
    assert ask() is None
    assert answer_websub(Request(method="POST", query="hub.mode=denied", received_at=NOW), (TOPIC,)) is None


@pytest.mark.parametrize(
    ("link", "topic"),
    [
        (f'<https://hub.example/>; rel=hub, <{TOPIC}>; rel="self"', TOPIC),
        (f"<{TOPIC}>; rel=self, <https://hub.example/>; rel=hub", TOPIC),
        (f"<{TOPIC}>;type=x;rel=SELF", TOPIC),
        ("<https://hub.example/>; rel=hub", ""),
        ("<>; rel=self", ""),
        ("rel=self", ""),
        ("<" * 5000 + "; rel=self", ""),
        ("<a>;" * 8000 + "rel=self", ""),
    ],
)
def test_a_push_says_of_which_topic_it_is(link: str, topic: str) -> None:
    assert pushed_topic(Request(headers=Headers.of({"Link": link}), received_at=NOW)) == topic
    assert pushed_topic(Request(received_at=NOW)) == ""
