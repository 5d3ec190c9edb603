"""Reddit: has no webhooks; a Devvit app forwards its triggers, and a bridge may post the Data API's things."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_text
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, message_id_of, sign_standard
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.platforms.reddit import devvit, listings, samples
from moderation_ai.platforms.reddit.acting import RedditActs
from moderation_ai.platforms.reddit.fetching import RedditPolls


class Reddit(RedditActs, RedditPolls, Platform):
    """Know Reddit.

    Sources: https://developers.reddit.com/docs/capabilities/server/triggers for what a Devvit app is told, and
    https://www.reddit.com/dev/api for things and listings.
    """

    name = "reddit"
    signature = (
        "Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) by your Devvit app, or X-Signature"
    )
    security_headers = SECURITY_HEADERS
    kinds: ClassVar[Mapping[str, str]] = {**listings.KINDS, **devvit.KINDS}
    hosts = ("oauth.reddit.com", "www.reddit.com")
    own_scheme = False
    subscribe_instead = (
        "have it polled (access_token and watch), or have a Devvit app forward its triggers (docs/platforms/reddit.md)"
    )

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the facts of a Devvit trigger, of the brief's ``{type, data}``, or of a thing or listing."""
        if not isinstance(value, dict):
            raise MalformedPayload("what Reddit sends is an object")
        delivery = delivery_id(request)
        kind = as_text(value.get("type"))
        if kind is None and "kind" in value:
            parsed = listings.read_thing(value)
        elif kind is None:
            raise MalformedPayload("the body names neither a type nor a kind")
        elif kind in listings.KINDS:
            parsed = listings.read_brief(value, kind)
        elif kind in devvit.KINDS:
            parsed = devvit.read_trigger(value, kind, delivery)
        else:
            parsed = Parsed(facts=[unknown_element(value, kind, "this type is none that we know of Reddit")])
        parsed.delivery_id = delivery
        return parsed

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields of Standard Webhooks, as our sample Devvit app makes them."""
        return sign_standard(body, secret, now, message_id_of(body, headers))

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every trigger, and for every kind of the brief's."""
        return list(samples.samples(now, serial))


PLATFORM = Reddit()
