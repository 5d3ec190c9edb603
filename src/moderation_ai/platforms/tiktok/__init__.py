"""TikTok: comments and mentions of business accounts, with a signed time; the event's content is JSON in a text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from moderation_ai.core.errors import InvalidSignature
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import secret_bytes
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.signatures import check_window, hmac_digest, matching_secret, read_hex, read_seconds
from moderation_ai.platforms.tiktok import receiving, samples
from moderation_ai.platforms.tiktok.acting import TikTokActs
from moderation_ai.platforms.tiktok.fetching import TikTokPolls
from moderation_ai.platforms.tiktok.subscribing import TikTokSubscribes

_HEADER = "tiktok-signature"
# It retries for 72 hours, and nobody says whether a retry is signed anew.
_PAST = 73 * 3600.0


class TikTok(TikTokActs, TikTokPolls, TikTokSubscribes, Platform):
    """Know TikTok.

    Sources: https://developers.tiktok.com/doc/webhooks-verification and the Accounts API's webhooks,
    https://business-api.tiktok.com/portal/docs. Comments cannot be edited there.
    """

    name = "tiktok"
    signature = "Tiktok-Signature: t=<seconds>,s=hex(HMAC-SHA256(t + '.' + body))"
    security_headers = (_HEADER,)
    kinds: ClassVar[Mapping[str, str]] = receiving.KINDS
    hosts = ("business-api.tiktok.com",)

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed time and body.

        Raises ``InvalidSignature``, and ``StaleTimestamp`` for what was signed more than 73 hours ago or 300 seconds
        ahead.
        """
        text = request.headers.one(_HEADER) or ""
        pairs = [part.strip(" \t").partition("=") for part in text.split(",", 16)]
        times = [value for name, _, value in pairs if name == "t"]
        seconds = read_seconds(times[0]) if len(times) == 1 else None
        if seconds is None:
            raise InvalidSignature("the header Tiktok-Signature is missing or malformed")
        content = f"{times[0]}.".encode("ascii") + request.body
        digests = [read_hex(value) for name, _, value in pairs if name == "s"]
        index = matching_secret([secret_bytes(secret) for secret in credential.secrets], content, digests)
        if index is None:
            raise InvalidSignature("no live secret matches Tiktok-Signature")
        check_window(datetime.fromtimestamp(seconds, UTC), request.received_at, past=_PAST)
        return index

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the one fact of a body, or its kind if that is of no use to us."""
        return receiving.read_event(value)

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return TikTok's header field."""
        seconds = int(now.timestamp())
        digest = hmac_digest(secret_bytes(secret), f"{seconds}.".encode("ascii") + body).hex()
        return {"Tiktok-Signature": f"t={seconds},s={digest}"}

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every kind that TikTok sends, and for every action of a comment's."""
        return list(samples.samples(int(now.timestamp()), serial))


PLATFORM = TikTok()
