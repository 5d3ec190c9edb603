"""X's handshake and signatures, against vectors that others published."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from hmac import digest
from urllib.parse import quote

import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms.twitter import PLATFORM
from tests.platforms.fixtures import NOW

NEW, OLD = "X-Twitter-Webhooks-Signature-OAuth2", "X-Twitter-Webhooks-Signature"

CHECKS = [
    # machinat/sociably, packages/twitter/src/__tests__/Receiver.spec.ts
    ("__APP_SECRET__", "__TOKEN_FROM_TWITTER__", "sha256=rPq0FJoFEukzQI8G52D6xjiQ4BGXK4EuZWYZCWMMlsQ="),
    # brettdavies/xurl-rs: an OAuth 2.0 client secret, then a consumer secret
    ("SECRET-VALUE", "challenge_string", "sha256=xT/YyTRZde5T1HbCK7K2bpcELYOIMkZVbgYjsESw+AM="),
    ("CONSUMER-SECRET", "challenge_string", "sha256=9CnCWcBcOApA1LHdqkjWbF2DBNdBrnAJPmL5qTUUANQ="),
    # the inputs of gist jcipriano/46c4b3f379d214d57a9ddfa70dba49fe
    (
        "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu",
        "9b4507b3-9040-4669-9ca3-6b94edb50553",
        "sha256=Cytd4Sq+NvEcV3MMrXxWJGJx5A+y/lXzzU2Maartkx8=",
    ),
]


def asks(query: str, method: str = "GET") -> Request:
    return Request(method=method, query=query, received_at=NOW)


def posted(body: bytes, **headers: str) -> Request:
    named = {"new": NEW, "old": OLD}
    fields = Headers.of({named[name]: value for name, value in headers.items()})
    return Request(body=body, headers=fields, received_at=NOW)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + b64encode(digest(secret.encode(), body, sha256)).decode()


@pytest.mark.parametrize(("secret", "token", "answer"), CHECKS)
def test_answers_the_check_as_published(secret: str, token: str, answer: str) -> None:
    response = PLATFORM.challenge(asks(f"crc_token={token}"), Credential(secrets=(secret,)))
    assert response is not None
    assert (response.status, response.content_type) == (200, "application/json")
    assert json.loads(response.body) == {"response_token": answer}


def test_answers_the_check_with_the_first_of_several_secrets() -> None:
    response = PLATFORM.challenge(asks("crc_token=foo&nonce=bar"), Credential(secrets=("first", "second")))
    assert response is not None
    assert json.loads(response.body) == {"response_token": signature("first", b"foo")}


@pytest.mark.parametrize("token", ['{"for_user_id":"1"}', "[]", '"', "", "a b", "a\nb", "x" * 257, "é", "１"])
def test_signs_nothing_that_could_be_posted_as_an_event(token: str) -> None:
    # The answer to the check is a valid signature of the token: for a body it would be a forgery on order.
    with pytest.raises(MalformedPayload):
        PLATFORM.challenge(asks(f"crc_token={quote(token)}"), Credential(secrets=("secret",)))


@pytest.mark.parametrize(("method", "query"), [("GET", ""), ("GET", "crc=1"), ("POST", "crc_token=foo")])
def test_takes_nothing_else_for_a_check(method: str, query: str) -> None:
    assert PLATFORM.challenge(asks(query, method), Credential(secrets=("secret",))) is None


def test_refuses_a_check_where_no_secret_is_configured() -> None:
    with pytest.raises(RequestRejected):
        PLATFORM.challenge(asks("crc_token=foo"), Credential())


def test_verifies_a_published_signature() -> None:
    # machinat/sociably, Receiver.spec.ts: what X signed there is the query of its own check.
    request = posted(
        b"crc_token=__TOKEN_FROM_TWITTER__&nonce=__NONCE__", old="sha256=bsQqpx1cyheVTwyNGGPmTeY+SLC8YZIwOfr5Kcb2fQE="
    )
    assert PLATFORM.verify(request, Credential(secrets=("another", "__APP_SECRET__"))) == 1


@pytest.mark.parametrize("header", ["new", "old"])
@pytest.mark.parametrize("secret", ["client-secret", "consumer-secret"])
def test_lets_any_configured_secret_verify_either_header(header: str, secret: str) -> None:
    live = Credential(secrets=("client-secret", "consumer-secret"))
    request = posted(b"{}", **{header: signature(secret, b"{}")})
    assert live.secrets[PLATFORM.verify(request, live)] == secret


@pytest.mark.parametrize("other", ["sha256=AAAA", "nonsense", "", signature("a secret that we do not know", b"{}")])
def test_takes_one_good_header_of_two_for_proof(other: str) -> None:
    # An app that has configured the consumer secret alone gets both headers, and must lose nothing.
    live, good = Credential(secrets=("secret",)), signature("secret", b"{}")
    assert PLATFORM.verify(posted(b"{}", new=other, old=good), live) == 0
    assert PLATFORM.verify(posted(b"{}", new=good, old=other), live) == 0
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(posted(b"{}", new=other, old=other), live)


def test_refuses_hexadecimal_where_x_sends_base64() -> None:
    request = posted(b"{}", new="sha256=" + digest(b"secret", b"{}", sha256).hex())
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(request, Credential(secrets=("secret",)))
