"""Parsing for library users: a payload becomes events, each with the key that it is de-duplicated by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.sources import Source
from moderation_ai.core.subjects import Data
from moderation_ai.pipeline.receiving.reading import finish_all, headers_of_unknown
from moderation_ai.platforms import aliases, find_platform


def parse(
    payload: bytes | str,
    platform: str,
    headers: Mapping[str, str] | None,
    sources: Mapping[str, Source],
    now: datetime,
) -> WebhookEvent:
    """Return the first event in ``payload``, with the others in its ``rest``; see ``WebhookHandler.parse_event``."""
    source = sources[find_platform(platform).name]
    request = Request(headers=Headers.of(headers), body=_as_bytes(payload), received_at=now)
    parsed = source.platform.parse(request)
    if not parsed.facts:
        return _without_use(parsed.ignored, source.platform.name, now)
    events = []
    found = finish_all(parsed, request, source, aliases())
    kept = headers_of_unknown(found, request, source)
    for keyed in found:
        keyed.event.__dict__.update(key=keyed.key, body=request.body, headers=kept)
        events.append(keyed.event)
    events[0].__dict__["rest"] = tuple(events[1:])
    return events[0]


def _as_bytes(payload: object) -> bytes:
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass")
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    raise MalformedPayload(
        f"a payload is the request's raw bytes, not {type(payload).__name__}: a body that was parsed and written again "
        "is not what was signed"
    )


def _without_use(kinds: list[str], platform: str, now: datetime) -> WebhookEvent:
    """Return the event of a payload that tells of nothing we have a use for; ``handle`` leaves it alone."""
    if not kinds:
        raise MalformedPayload("the body tells of nothing")
    event = WebhookEvent(
        platform=platform,
        received_at=now,
        timestamp=now,
        timestamp_inferred=True,
        data=Data(unknown_kind=kinds[0], unknown_reason="a kind that we have no use for"),
    )
    event.__dict__["ignored"] = True
    return event
