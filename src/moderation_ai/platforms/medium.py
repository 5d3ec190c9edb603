"""Medium: pushes nothing about comments; what a bridge of one's own posts comes in the brief's envelope."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, sign_brief
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform, Sample


class Medium(Platform):
    """Know Medium: posts by feed (https://help.medium.com/hc/en-us/articles/214874118), responses by none."""

    name = "medium"
    signature = "the generic schemes: X-Signature, or Standard Webhooks"
    security_headers = SECURITY_HEADERS
    kinds: ClassVar[Mapping[str, str]] = {"post.created": "post.created"}
    hosts = ("medium.com",)
    own_scheme = False

    def read(self, value: Any, request: Request) -> Parsed:
        """Raise ``MalformedPayload``: Medium has no JSON of its own to push."""
        raise MalformedPayload("the body is no envelope, and Medium pushes no JSON of its own")

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the brief's header fields."""
        return sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a new post in the brief's envelope."""
        time = now.astimezone(UTC).replace(microsecond=0).isoformat()
        post_id = f"{serial & 0xFFFFFFFFFFFF:012x}"
        post = {
            "id": post_id,
            "author_username": "rye_fan",
            "title": "Why crust matters",
            "created_at": time,
            "permalink": f"https://medium.com/p/{post_id}",
        }
        body = {"event_type": "post.created", "timestamp": time, "platform": "medium", "data": {"post": post}}
        event = {"event_type": "post.created", "data": {"post": post}}
        return [Sample(name="post.created", body=msgspec.json.encode(body), events=[event])]


PLATFORM = Medium()
