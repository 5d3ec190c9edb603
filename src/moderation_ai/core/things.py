"""The thing: what we last knew of an object, and what a new event of it means in that light."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import structs

from moderation_ai.core.events import WebhookEvent


class Thing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What we last knew of one object of a platform; one per lane."""

    kind: str = ""
    text_hash: str | None = None
    hidden: bool = False
    deleted_at: datetime | None = None
    seen_at: datetime | None = None
    text_at: datetime | None = None
    """Of when its text is."""


FRESH, SUPERSEDED, REPEAT = "fresh", "superseded", "repeat"


def resolve(thing: Thing | None, event: WebhookEvent) -> WebhookEvent:
    """Return ``event`` with the type that it has in the light of what is known of its object.

    A sighting of what is not known, or was deleted, is its creation; of all else it is a change. Any other event says
    itself what it is.
    """
    if not event.sighting:
        return event
    is_known = thing is not None and thing.seen_at is not None and thing.deleted_at is None
    kind = f"{event.event_type.partition('.')[0]}.{'updated' if is_known else 'created'}"
    return event if kind == event.event_type else structs.replace(event, event_type=kind)


def observe(thing: Thing | None, event: WebhookEvent) -> tuple[Thing, str]:
    """Return what we know of the object after ``event``, and whether the event is news.

    ``SUPERSEDED``: what was marked ``stale`` when it came, and a creation that is not later than the object's deletion.
    A creation whose time the platform does not give is one too: what was deleted had been created before. Every other
    later event revives what was deleted.
    ``REPEAT``: a change that carries no time of its own and shows the very state that we know already: its text, or (of
    what was polled) whether it is hidden.
    """
    before = thing or Thing()
    when = event.timestamp or event.received_at
    if event.stale or (before.deleted_at is not None and not _is_later(event, before.deleted_at)):
        return before, SUPERSEDED
    text = text_hash_of(event)
    if _shows_known_state(before, event, text):
        return before, REPEAT
    is_newest = text is not None and is_newest_text(before, event)
    after = Thing(
        kind=event.event_type.partition(".")[0],
        text_hash=text if is_newest else before.text_hash,
        text_at=when if is_newest else before.text_at,
        hidden=_hidden(before, event),
        deleted_at=when if event.event_type.endswith(".deleted") else None,
        seen_at=when,
    )
    return after, FRESH


def is_newest_text(before: Thing | None, event: WebhookEvent) -> bool:
    """Say whether no newer text of the object is known than the one that ``event`` shows.

    What the platform gives no time for is newer than all that came before it; so is a change that is dated like its
    object's creation.
    """
    when = event.timestamp
    if before is None or before.text_at is None or when is None or event.timestamp_inferred:
        return True
    is_undated = event.event_type.endswith(".updated") and when == getattr(event.data.subject, "created_at", None)
    return is_undated or when >= before.text_at


def _is_later(event: WebhookEvent, deleted_at: datetime) -> bool:
    if event.event_type.endswith(".deleted"):
        return True
    if event.event_type.endswith((".created", ".held")):
        return not event.timestamp_inferred and event.timestamp is not None and event.timestamp > deleted_at
    when = event.timestamp or event.received_at
    return when is None or when > deleted_at


def _shows_known_state(before: Thing, event: WebhookEvent, text: str | None) -> bool:
    kind = event.data.action.kind if event.data.action else None
    if event.source == "poll" and event.timestamp_inferred and kind in ("hide", "unhide"):
        return before.hidden == (kind == "hide")
    is_change = event.event_type.endswith(".updated") and event.timestamp_inferred
    return is_change and text is not None and text == before.text_hash and before.deleted_at is None


def text_hash_of(event: WebhookEvent) -> str | None:
    """Return what tells one text of an object from another, or None where the event shows none."""
    text, post = event.text, event.data.post
    if text is None:
        return None
    if post is not None and post.caption is not None and post.title is not None:
        text = f"{post.title}\0{text}"  # A title is read too, and may be all that was changed.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _hidden(before: Thing, event: WebhookEvent) -> bool:
    kind = event.data.action.kind if event.data.action else None
    if kind in ("hide", "remove", "unhide", "approve"):
        return kind in ("hide", "remove")
    return before.hidden or event.event_type == "comment.held"
