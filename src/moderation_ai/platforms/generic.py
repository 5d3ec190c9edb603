"""Generic: whoever sends the brief's envelope, or Standard Webhooks, from a place that has no platform of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.batches import read_each
from moderation_ai.core.envelope import is_envelope, read_envelope
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import EVENT_TYPES, Fact, Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, message_id_of, sign_brief, sign_standard
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform, Sample


class Generic(Platform):
    """Know the envelope ``{event_id, event_type, timestamp, platform, data}`` and its relatives.

    A Standard Webhooks body ``{type, timestamp, data}`` is the same with another name for the kind
    (https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0), and an array carries several.
    """

    name = "generic"
    signature = "X-Signature: sha256=hex(HMAC-SHA256(body)), or Standard Webhooks (webhook-* or svix-*)"
    security_headers = SECURITY_HEADERS
    kinds: ClassVar[Mapping[str, str]] = {kind: kind for kind in EVENT_TYPES}
    own_scheme = False
    subscribe_instead = "give our address to your own sender"

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the fact of a Standard Webhooks body, or those of an array of bodies."""
        delivery = delivery_id(request)
        if isinstance(value, list):
            return Parsed(facts=read_each(value, "array", _read), delivery_id=delivery)
        if not isinstance(value, dict):
            raise MalformedPayload("the body is neither an object nor an array")
        return Parsed(facts=[_read(value)], delivery_id=delivery)

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields of Standard Webhooks for its secrets (``whsec_…``), else the brief's two.

        A ``webhook-id`` among ``headers`` is kept and asks for Standard Webhooks too.
        """
        asked = any(name.lower() == "webhook-id" for name in headers or ())
        if asked or secret.startswith(("whsec_", "whsk_")):
            return sign_standard(body, secret, now, message_id_of(body, headers))
        return sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return one envelope of every kind, and one whose kind is none of ours."""
        return [_sample(kind, data, now, serial) for kind, data in _examples(now, serial).items()]


def _read(value: dict[str, Any]) -> Fact:
    if not is_envelope(value):
        value = {**value, "event_type": value.get("event_type", value.get("type"))}
    if not is_envelope(value):
        raise MalformedPayload("the body names no kind, or has no object named data")
    return read_envelope(value, Generic.kinds)


def _examples(now: datetime, serial: int) -> dict[str, dict[str, Any]]:
    time = now.astimezone(UTC).replace(microsecond=0).isoformat()
    comment = {
        "id": f"comment-{serial}",
        "post_id": f"post-{serial}",
        "author_id": "author-7",
        "author_username": "rye_fan",
        "text": "The crust is too hard for me.",
        "created_at": time,
    }
    post = {"id": f"post-{serial}", "author_id": "author-1", "caption": "New opening hours", "created_at": time}
    action = {"kind": "hide", "target_id": comment["id"], "target_type": "comment", "actor_username": "mod"}
    report = {"id": f"report-{serial}", "target_id": comment["id"], "target_type": "comment", "reason": "spam"}
    reaction = {"id": f"like-{serial}", "kind": "like", "target_id": post["id"], "author_id": "author-7"}
    edited = {**comment, "text": "The crust is just right.", "updated_at": time}
    return {
        "comment.created": {"comment": comment},
        "comment.updated": {"comment": edited},
        "comment.held": {"comment": {**comment, "id": f"held-{serial}"}},
        "comment.deleted": {"comment_id": comment["id"], "post_id": post["id"]},
        "post.created": {"post": post},
        "post.updated": {"post": {**post, "caption": "New opening hours!", "updated_at": time}},
        "post.deleted": {"post_id": post["id"]},
        "reaction.created": {"reaction": reaction},
        "reaction.deleted": {"reaction": reaction},
        "mention.created": {"post": {**post, "id": f"mention-{serial}"}},
        "report.created": {"report": report},
        "moderation.action": {"action": action},
        "account.revoked": {"account": {"id": f"account-{serial}", "reason": "the owner left"}},
        "unknown": {"id": f"wish-{serial}"},
    }


def _sample(kind: str, data: Mapping[str, Any], now: datetime, serial: int) -> Sample:
    body = {
        "event_id": f"evt_sample_{serial}_{kind}",
        "event_type": kind,
        "timestamp": now.astimezone(UTC).replace(microsecond=0).isoformat(),
        "data": data,
    }
    event = {"event_type": kind, "event_id": body["event_id"], "data": {} if kind == "unknown" else data}
    return Sample(name=kind, body=msgspec.json.encode(body), events=[event])


PLATFORM = Generic()
