"""X, formerly Twitter: its Activity API, the older Account Activity API, and filtered-stream webhooks."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.content import as_dict
from moderation_ai.core.errors import InvalidSignature, MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import secret_bytes
from moderation_ai.core.http import Request, Response
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.signatures import hmac_digest, matching_secret, read_base64
from moderation_ai.platforms.twitter import account_activity, activity, samples
from moderation_ai.platforms.twitter.acting import TwitterActs
from moderation_ai.platforms.twitter.fetching import TwitterPolls
from moderation_ai.platforms.twitter.subscribing import TwitterSubscribes

_SIGNATURES = ("x-twitter-webhooks-signature-oauth2", "x-twitter-webhooks-signature")
_PREFIX = "sha256="
# What signs the token signs bodies too, so nothing is signed for a stranger that could be read as an event or as any
# JSON; nor what other schemes put before a body, which is why there is no dot among these characters.
_CRC_TOKEN = re.compile(rb"(?!(?:-?[0-9]+|null|true|false|NaN|-?Infinity)\Z)[A-Za-z0-9_:=+/~-]{1,256}")


class Twitter(TwitterActs, TwitterPolls, TwitterSubscribes, Platform):
    """Know X.

    Sources: https://docs.x.com/x-api/webhooks/introduction, https://docs.x.com/x-api/webhooks/quickstart.
    """

    name = "twitter"
    aliases = ("x",)
    signature = "X-Twitter-Webhooks-Signature-OAuth2 or X-Twitter-Webhooks-Signature: sha256=base64(HMAC-SHA256(body))"
    handshake = "GET ?crc_token=…, answered with the token's HMAC under the first secret; repeated for ever"
    security_headers = _SIGNATURES
    kinds: ClassVar[Mapping[str, str]] = {
        "tweet.create": "post.created",
        "tweet.delete": "post.deleted",
        "favorite.create": "reaction.created",
        **activity.KINDS,
        activity.FILTERED_STREAM: "post.created",
        **account_activity.KINDS,
    }
    hosts = ("api.x.com",)
    signed_tokens = _CRC_TOKEN

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed the raw body; raise ``InvalidSignature`` if none did.

        X signs with the OAuth 2.0 client secret, with the consumer secret, or with both in two headers. One good
        digest is proof, whichever header holds it: both cover the same bytes and every secret is ours. To insist on
        the newer header would refuse all events of an app that has configured one secret while X sends two headers.
        """
        texts = [request.headers.one(name) or "" for name in _SIGNATURES]
        digests = [read_base64(text[len(_PREFIX) :]) if text.startswith(_PREFIX) else None for text in texts]
        if not any(digests):
            raise InvalidSignature("X's signature header is missing or malformed")
        index = matching_secret([secret_bytes(secret) for secret in credential.secrets], request.body, digests)
        if index is None:
            raise InvalidSignature("no live secret matches X's signature")
        return index

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        """Return the answer to a Challenge-Response Check, or None if ``request`` is none.

        Raises ``MalformedPayload`` for a token that is no plain one, and ``InvalidSignature`` without a secret.
        """
        if request.method not in ("GET", "HEAD"):
            return None
        token = request.parameters().get("crc_token")
        if token is None:
            return None
        if not _CRC_TOKEN.fullmatch(token.encode("utf-8", "surrogatepass")):
            raise MalformedPayload("the crc_token is no plain token")
        if not credential.secrets:
            raise InvalidSignature("no secret is configured to answer X's check with")
        answer = {"response_token": _signature(credential.secrets[0], token.encode("ascii"))}
        return Response(200, msgspec.json.encode(answer), "application/json")

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the facts of a body of any of X's three products."""
        if not isinstance(value, dict):
            raise MalformedPayload("X posts objects")
        if isinstance(as_dict(value.get("data")).get("event_type"), str):
            return activity.read_activity(value["data"])
        if activity.FILTERED_STREAM in value:
            return activity.read_filtered_stream(value)
        return account_activity.read_account_activity(value)

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the newer of X's two header fields; nothing in it depends on the time."""
        return {"X-Twitter-Webhooks-Signature-OAuth2": _signature(secret, body)}

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return one body for every kind that X sends."""
        return samples.samples(now, serial)


def _signature(secret: str, content: bytes) -> str:
    return _PREFIX + b64encode(hmac_digest(secret_bytes(secret), content)).decode("ascii")


PLATFORM = Twitter()
