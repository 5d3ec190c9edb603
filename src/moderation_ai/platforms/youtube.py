"""YouTube: the brief's comment shape, which a bridge posts, signed by a generic scheme."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, first_id, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, sign_brief
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.core.subjects import Comment, Data


class YouTube(Platform):
    """Know YouTube, so far as ``{"comment": …}`` goes: a comment as its Data API writes it.

    Source: https://developers.google.com/youtube/v3/docs/comments.
    """

    name = "youtube"
    signature = "the generic schemes: X-Signature, or Standard Webhooks"
    security_headers = SECURITY_HEADERS
    kinds: ClassVar[Mapping[str, str]] = {
        "comment.insert": "comment.created",
        "comment.update": "comment.updated",
        "comment.delete": "comment.deleted",
    }
    hosts = ("www.googleapis.com", "youtube.googleapis.com")
    actions = ("approve", "hide", "unhide", "remove", "reply", "ban")
    own_scheme = False

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the fact of a comment; where nothing names the kind it is a new one."""
        body = as_dict(value)
        comment = as_dict(body.get("comment"))
        if not comment:
            raise MalformedPayload("the body has no object named comment")
        kind = as_text(body.get("type")) or as_text(body.get("event_type")) or "comment.insert"
        if kind in self.kinds:
            fact = _read_comment(comment, self.kinds[kind])
        else:
            fact = unknown_element(value, kind, "this type is none that we know of YouTube")
        return Parsed(facts=[fact], delivery_id=delivery_id(request))

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the brief's header fields."""
        return sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every kind of the brief's."""
        return _samples(now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), serial)


def _read_comment(fields: dict[str, Any], event_type: str) -> Fact:
    snippet = as_dict(fields.get("snippet"))
    comment_id = require_id(fields.get("id"), of="a comment")
    comment = Comment(
        id=comment_id,
        post_id=as_id(snippet.get("videoId")),
        parent_id=as_id(snippet.get("parentId")),
        author_id=first_id(as_dict(snippet.get("authorChannelId")).get("value")),
        author_username=as_text(snippet.get("authorDisplayName")),
        # textOriginal is shown to the author alone.
        text=as_text(snippet.get("textOriginal")) or as_text(snippet.get("textDisplay")),
        created_at=as_time(snippet.get("publishedAt")),
        updated_at=as_time(snippet.get("updatedAt")),
    )
    is_gone = event_type == "comment.deleted"
    is_edit = event_type == "comment.updated"
    when = comment.updated_at if is_edit else comment.created_at
    return Fact(
        event_type=event_type,
        object_id=comment_id,
        data=Data(deleted_comment=comment_id, deleted_post=comment.post_id) if is_gone else Data(comment=comment),
        timestamp=None if is_gone else when,
        version=when.isoformat() if is_edit and when else None,
        author_id=comment.author_id,
    )


def _samples(time: str, serial: int) -> list[Sample]:
    comment_id, video_id = f"Ugx{serial:020d}AaABAg", f"vid{serial:08d}"
    snippet = {
        "textDisplay": "Finally a recipe that works.",
        "authorDisplayName": "@ryefan",
        "authorChannelId": {"value": "UCryefan"},
        "videoId": video_id,
        "publishedAt": time,
        "updatedAt": time,
    }
    comment = {
        "id": comment_id,
        "post_id": video_id,
        "author_id": "UCryefan",
        "author_username": "@ryefan",
        "text": "Finally a recipe that works.",
    }
    gone = {"comment_id": comment_id, "post_id": video_id}
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("comment.insert", "comment.created", {"comment": comment}),
        ("comment.update", "comment.updated", {"comment": {**comment, "updated_at": time}}),
        ("comment.delete", "comment.deleted", gone),
    ]
    return [
        Sample(
            name=kind,
            body=msgspec.json.encode({"type": kind, "comment": {"id": comment_id, "snippet": snippet}}),
            events=[{"event_type": event_type, "data": data}],
        )
        for kind, event_type, data in bodies
    ]


PLATFORM = YouTube()
