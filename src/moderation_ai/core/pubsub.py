"""Google Cloud Pub/Sub as a road to us: who vouches for a push, and what is inside it.

Sources: https://cloud.google.com/pubsub/docs/push, https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions,
https://cloud.google.com/pubsub/docs/payload-unwrapping. The body is not signed: the token says who sends, TLS keeps it
whole, and de-duplication makes a replay of no use.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.core.content import as_dict, as_id, as_text
from moderation_ai.core.errors import InvalidSignature, KeyNeeded, MalformedPayload
from moderation_ai.core.http import Request
from moderation_ai.core.jwt import (
    Keys,
    check_signature,
    check_times,
    read_private_key,
    read_token,
    sign_token,
    to_seconds,
)

AUTHORIZATION = "authorization"
KEYS_URL = "https://www.googleapis.com/oauth2/v3/certs"
"""Where Google publishes the keys of its tokens."""
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
LIFETIME = 3600
"""Seconds that a token lives."""
_MESSAGE_ID = "x-goog-pubsub-message-id"
_SUBJECT = "100000000000000000001"


class Pubsub(msgspec.Struct, frozen=True, kw_only=True):
    """What a push token must say: for whom it is made, and which service account Pub/Sub pushes as.

    ``keys`` are those that were fetched from ``keys_url``; None where nobody asked yet. An audience alone would not do:
    anyone can have Google sign a token for any audience.
    """

    audience: str
    service_account: str
    keys_url: str = KEYS_URL
    keys: Keys | None = None


def has_push_token(request: Request) -> bool:
    """Say whether ``request`` carries a bearer token."""
    return (request.headers.get(AUTHORIZATION) or "")[:7].lower() == "bearer "


def verify_push(request: Request, trust: Pubsub) -> None:
    """Return if a token of Google's vouches for the sender of ``request``.

    Raises ``InvalidSignature`` (``StaleTimestamp``) if it does not, ``MalformedPayload`` if there are two, and
    ``KeyNeeded`` while the keys are not at hand; a token that says the wrong things never asks for them.
    """
    token = read_token((request.headers.one(AUTHORIZATION) or "")[7:].strip())
    _check_claims(token.claims, trust)
    check_times(token.claims, request.received_at)
    if trust.keys is None:
        raise KeyNeeded(trust.keys_url, token.key_id)
    check_signature(token, trust.keys)


def _check_claims(claims: Mapping[str, Any], trust: Pubsub) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") not in ISSUERS:
        raise InvalidSignature("the token is not issued by Google")
    if trust.audience not in audiences:
        raise InvalidSignature("the token is made for another audience")
    if claims.get("email") != trust.service_account or claims.get("email_verified") is not True:
        raise InvalidSignature("the token is another service account's")


class Pushed(msgspec.Struct, frozen=True):
    """What was published, and the id that Pub/Sub gave it."""

    body: bytes
    message_id: str | None


def is_pushed(value: Any) -> bool:
    """Say whether a JSON value is Pub/Sub's wrapper around a message."""
    return isinstance(value, dict) and isinstance(value.get("message"), dict) and "subscription" in value


def unwrap(value: Any) -> Pushed:
    """Return the message in Pub/Sub's wrapper; raise ``MalformedPayload`` where it has no data."""
    message = as_dict(as_dict(value).get("message"))
    data = as_text(message.get("data"))
    if not data:
        raise MalformedPayload("the message of Pub/Sub has attributes and no data")
    try:
        body = binascii.a2b_base64(data.encode("ascii"), strict_mode=True)
    except ValueError as error:
        raise MalformedPayload("the data of Pub/Sub's message is not base64") from error
    return Pushed(body, as_id(message.get("messageId")) or as_id(message.get("message_id")))


def message_id(request: Request) -> str | None:
    """Return the id of a message that was pushed without its wrapper, where the subscription adds that."""
    return as_id(request.headers.get(_MESSAGE_ID))


class PushKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender of ours signs push tokens with, as one text that can stand where a secret stands."""

    private_key: str
    audience: str
    service_account: str

    def __repr__(self) -> str:
        """Return for whom it signs, and no key."""
        return f"<PushKey of {self.service_account}>"

    def to_text(self) -> str:
        """Return it as text."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, text: str) -> PushKey | None:
        """Return what ``to_text`` made a text of, or None for another text."""
        try:
            return msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None


def sign_push(key: PushKey, now: datetime) -> dict[str, str]:
    """Return the header field that Pub/Sub would send with any body; raise ``ValueError`` for an unusable key."""
    claims = {
        "aud": key.audience,
        "azp": _SUBJECT,
        "email": key.service_account,
        "email_verified": True,
        "exp": to_seconds(now) + LIFETIME,
        "iat": to_seconds(now),
        "iss": ISSUERS[0],
        "sub": _SUBJECT,
    }
    return {"Authorization": f"Bearer {sign_token(claims, read_private_key(key.private_key))}"}
