"""Meta's handshake and signature, as Instagram uses them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms.instagram import PLATFORM
from tests.platforms.fixtures import NOW

LIVE = Credential(secrets=("app-secret",), verify_token="our token")


def asks(query: str, method: str = "GET") -> Request:
    return Request(method=method, query=query, received_at=NOW)


@pytest.mark.parametrize("dot", [".", "_", "%2E"])
def test_echoes_the_challenge_as_plain_text(dot: str) -> None:
    query = f"hub{dot}mode=subscribe&hub{dot}challenge=1158201444&hub{dot}verify_token=our+token"
    response = PLATFORM.challenge(asks(query), LIVE)
    assert response is not None
    assert (response.status, response.body) == (200, b"1158201444")
    assert response.content_type.startswith("text/plain")
    assert dict(response.headers)["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "token", ["hub.verify_token=wrong", "hub.verify_token=", "x=1", "hub.verify_token=our+toke%C3%A9"]
)
@pytest.mark.parametrize("configured", ["our token", "", None])
def test_refuses_another_token(token: str, configured: str | None) -> None:
    live = Credential(secrets=("app-secret",), verify_token=configured)
    with pytest.raises(RequestRejected) as caught:
        PLATFORM.challenge(asks(f"hub.mode=subscribe&hub.challenge=1&{token}"), live)
    assert caught.value.status == 403


def test_refuses_another_mode() -> None:
    with pytest.raises(RequestRejected) as caught:
        PLATFORM.challenge(asks("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=our+token"), LIVE)
    assert caught.value.status == 403


@pytest.mark.parametrize("challenge", ["<script>alert(1)</script>", "", "a b", "x" * 257, "é", "1\r\nSet-Cookie: a=b"])
def test_echoes_nothing_but_a_plain_token(challenge: str) -> None:
    query = f"hub.mode=subscribe&hub.challenge={quote(challenge)}&hub.verify_token=our+token"
    with pytest.raises(MalformedPayload):
        PLATFORM.challenge(asks(query), LIVE)


@pytest.mark.parametrize(("method", "query"), [("GET", ""), ("GET", "a=b"), ("POST", "hub.mode=subscribe")])
def test_takes_nothing_else_for_a_handshake(method: str, query: str) -> None:
    assert PLATFORM.challenge(asks(query, method), LIVE) is None


def test_verifies_a_published_signature_of_the_same_scheme() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = Request(body=b"Hello, World!", headers=Headers.of({"X-Hub-Signature-256": header}), received_at=NOW)
    assert PLATFORM.verify(request, Credential(secrets=("It's a Secret to Everybody",))) == 0


def test_does_not_look_at_the_older_sha1_header() -> None:
    # HMAC-SHA1 of the body under the very secret.
    header = "sha1=18fe6cec23771c3dff7822497dccc1873528d436"
    request = Request(body=b"{}", headers=Headers.of({"X-Hub-Signature": header}), received_at=NOW)
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(request, LIVE)


def test_signs_the_bytes_as_they_arrive_escaped_or_not() -> None:
    escaped, plain = b'{"text":"\\u00e4"}', '{"text":"ä"}'.encode()
    assert PLATFORM.sign(escaped, "app-secret", NOW) != PLATFORM.sign(plain, "app-secret", NOW)
    for body in (escaped, plain):
        request = Request(body=body, headers=Headers.of(PLATFORM.sign(body, "app-secret", NOW)), received_at=NOW)
        assert PLATFORM.verify(request, LIVE) == 0
