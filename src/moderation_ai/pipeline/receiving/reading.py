"""Reading: an authentic request becomes events; what is not understood becomes one that is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from moderation_ai.core.batches import MAX_FACTS
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, KeyedEvent, Parsed, finish, is_beyond_memory, unknown_fact
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform
from moderation_ai.core.routing import is_name, resolve_name
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.keeping import keep

logger = logging.getLogger(__name__)


def parse_or_keep(request: Request, platform: Platform, *, is_page: bool = False) -> Parsed:
    """Return what ``platform`` reads in ``request``; a body that it does not understand is one ``unknown`` fact.

    With ``is_page`` the body is the answer to a poll.
    """
    try:
        parsed = platform.read_page(request.body, request.received_at) if is_page else platform.parse(request)
    except MalformedPayload as error:
        return Parsed(facts=[unknown_fact(request.body, str(error))])
    except Exception:
        # A defect of ours or of a platform's file. Sent again it fails again; kept it can be read once that is mended.
        logger.exception("a body of %s could not be read and is kept as unknown", platform.name)
        return Parsed(facts=[unknown_fact(request.body, "a defect kept this from being read; the log tells more")])
    if len(parsed.facts) > MAX_FACTS:
        return Parsed(facts=[unknown_fact(request.body, f"the body tells of more than {MAX_FACTS} things")])
    if not parsed.facts and not parsed.ignored:
        return Parsed(facts=[unknown_fact(request.body, "the body tells of nothing")])
    return parsed


def finish_all(
    parsed: Parsed, request: Request, source: Source, aliases: Mapping[str, str] | None = None
) -> list[KeyedEvent]:
    """Return the events of what was parsed, with ids, keys and lanes, in order."""
    credential = source.credential
    named = [_platform_of(fact, source, aliases or {}) for fact in parsed.facts]
    return [
        finish(
            _completed(fact, parsed, request),
            platform=platform,
            carried=platform != source.platform.name,
            received_at=request.received_at,
            # The address's platform is part of it: who may speak for another platform must not suppress its events.
            credential=f"{source.platform.name}/{credential.name}",
            account=credential.accounts.get(fact.account_id) if fact.account_id else None,
            own_ids=credential.accounts,
            delivery_id=parsed.delivery_id,
        )
        for fact, platform in zip(parsed.facts, named, strict=True)
    ]


def as_pushed(events: list[KeyedEvent]) -> list[KeyedEvent]:
    """Return events that a platform pushed, those marked ``stale`` that are older than repeats are remembered."""
    for keyed in events:
        keyed.event.stale = is_beyond_memory(keyed.event)
    return events


def headers_of_unknown(events: Sequence[KeyedEvent], request: Request, source: Source) -> str | None:
    """Return what is kept beside a body with something unknown in it, for a parser that learns it; else None."""
    if all(one.event.event_type != "unknown" for one in events):
        return None
    return keep(request, source.platform.name, source.credential)


def _completed(fact: Fact, parsed: Parsed, request: Request) -> Fact:
    """Give a fact what only the whole request can tell."""
    if fact.event_type == "unknown" and not fact.object_id:
        fact.object_id = unknown_fact(request.body, "").object_id
    if fact.version is None and fact.event_type.endswith(".updated") and fact.event_id is None:
        # A change that names no time: the delivery's own id tells it from the next, else the bytes do. The worker
        # compares it with what is known of the thing.
        fact.version = parsed.delivery_id or unknown_fact(request.body, "").object_id
    return fact


def _platform_of(fact: Fact, source: Source, aliases: Mapping[str, str]) -> str:
    """Return the address's platform; only the generic address lets the brief's envelope name another."""
    name = source.platform.name
    if name != "generic" or fact.platform in (None, name) or not is_name(fact.platform):
        return name
    return resolve_name(fact.platform, aliases)
