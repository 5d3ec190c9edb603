"""YouTube: videos pushed by its WebSub hub, and comments as a bridge or Google Cloud Pub/Sub brings them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from msgspec import structs

from moderation_ai.core import websub
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, is_signed_generically, sign_brief, verify_generic
from moderation_ai.core.http import Request, Response
from moderation_ai.core.hubs import SubscribesAtHub
from moderation_ai.core.platform import PUSH_TOKEN, Credential, Platform, Sample
from moderation_ai.core.pubsub import (
    AUTHORIZATION,
    PushKey,
    has_push_token,
    is_pushed,
    message_id,
    sign_push,
    unwrap,
    verify_push,
)
from moderation_ai.core.xml import is_xml
from moderation_ai.platforms.youtube.acting import YouTubeActs
from moderation_ai.platforms.youtube.comments import COMMENTS, read_comments
from moderation_ai.platforms.youtube.fetching import YouTubePolls
from moderation_ai.platforms.youtube.samples import samples_of
from moderation_ai.platforms.youtube.videos import VIDEOS, read_videos

_SPELLINGS = re.compile(r"https?://www\.youtube\.com/(?:xml/)?feeds/videos\.xml\?")
_SPELLING = "https://www.youtube.com/xml/feeds/videos.xml?"


class YouTube(YouTubeActs, SubscribesAtHub, YouTubePolls, Platform):
    """Know YouTube.

    Sources: https://developers.google.com/youtube/v3/guides/push_notifications (videos, by WebSub),
    https://developers.google.com/youtube/v3/docs/comments (the shape of a comment). Comments are not pushed by YouTube.
    """

    name = "youtube"
    signature = (
        "X-Hub-Signature: sha1=hex(HMAC-SHA1(body)) for feeds (WebSub), the generic schemes for JSON, "
        "and an OIDC token for what Google Cloud Pub/Sub pushes"
    )
    handshake = websub.HANDSHAKE
    security_headers = (websub.SIGNATURE, AUTHORIZATION, *SECURITY_HEADERS)
    kinds: ClassVar[Mapping[str, str]] = {**VIDEOS, **COMMENTS}
    hosts = ("www.googleapis.com", "youtube.googleapis.com", "oauth2.googleapis.com", "pubsubhubbub.appspot.com")
    pubsub = True

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed ``request``, or ``PUSH_TOKEN``.

        A feed is opened by the hub's signature, JSON by the hub's or a generic one, and both by a token of Pub/Sub
        where that is configured.
        """
        if credential.pubsub is not None and has_push_token(request):
            verify_push(request, credential.pubsub)
            return PUSH_TOKEN
        is_signed_by_hub = request.headers.get(websub.SIGNATURE) is not None and not is_signed_generically(request)
        if is_signed_by_hub or is_xml(request.body):
            return websub.verify_websub(request, credential.secrets)
        return verify_generic(request, credential.secrets, timestamp_signed=credential.timestamp_signed)

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        """Return the answer to the hub's question about a subscription, or None; see ``answer_websub``."""
        return websub.answer_websub(request, credential.topics, self.spell_topic, leaving=credential.leaving)

    def spell_topic(self, topic: str) -> str:
        """Return a feed's address as the hub spells it: the guide's translations leave ``/xml`` out."""
        return _SPELLINGS.sub(_SPELLING, topic, count=1)

    def parse(self, request: Request) -> Parsed:
        """Return the facts of a feed, of the brief's comment or envelope, or of what Pub/Sub wrapped around these."""
        if is_xml(request.body):
            return Parsed(facts=read_videos(request.body), delivery_id=message_id(request))
        return super().parse(request)

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the facts of a comment, or of what is inside a wrapper of Pub/Sub's."""
        if not is_pushed(value):
            return Parsed(facts=read_comments(value), delivery_id=delivery_id(request) or message_id(request))
        pushed = unwrap(value)
        parsed = _INSIDE.parse(structs.replace(request, body=pushed.body))
        return structs.replace(parsed, delivery_id=pushed.message_id)

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the hub's header field for a feed, a token for a ``PushKey``, else the brief's fields."""
        key = PushKey.of(secret)
        if key is not None:
            return sign_push(key, now)
        return websub.sign_websub(body, secret) if is_xml(body) else sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a feed for everything that happens to a video, the brief's comments, and two pushes of Pub/Sub."""
        return samples_of(now, serial)


class _Inside(YouTube):
    """What may stand inside a wrapper: everything but another one."""

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the facts of a comment."""
        if is_pushed(value):
            raise MalformedPayload("a message of Pub/Sub is wrapped twice")
        return super().read(value, request)


_INSIDE = _Inside()
PLATFORM = YouTube()
