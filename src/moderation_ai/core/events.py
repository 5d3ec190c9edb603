"""The event: what happened to a comment or post on a platform, in one form for all platforms."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from moderation_ai.core.content import as_time, require_id
from moderation_ai.core.subjects import Comment, Data

EVENT_TYPES = (
    "comment.created",
    "comment.updated",
    "comment.deleted",
    "comment.held",
    "post.created",
    "post.updated",
    "post.deleted",
    "reaction.created",
    "reaction.deleted",
    "mention.created",
    "report.created",
    "moderation.action",
    "account.revoked",
    "unknown",
)
"""The kinds of events; platforms may add theirs, so this is a list and no enum."""

STATUSES = ("pending", "done", "dead", "superseded", "unhandled")
"""What may have become of an event. Stores keep a status by its place here: add at the end, and move none."""
SOURCES = ("webhook", "poll", "replay")

MEMORY = timedelta(days=30)
"""For how long a repeat of what was received is known for sure. Stores may know more, none knows less."""

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]


class WebhookEvent(msgspec.Struct, kw_only=True, omit_defaults=True, dict=True):
    """One fact that a platform told us.

    ``event_id`` names the fact, by whatever road it came; ``timestamp`` is the platform's time of it and
    ``received_at`` ours, both aware UTC; ``lane`` is ``platform:object id``, the key of its order; ``seq`` grows with
    arrival; ``data`` holds the subject. A ``sighting`` shows how an object is, not what happened to it: it is taken for
    a creation until the worker has compared it with what is known. A ``stale`` one was pushed when it was older than
    repeats are remembered, and is not handled. Of a ``carried`` one nobody but its sender says on which platform it
    happened: it came to the generic address. ``text_removed`` says why its texts are not kept any
    more: ``age``, ``deleted`` or ``erased``. ``WebhookEvent(data={...})`` takes a plain dict, and text for the times.
    """

    event_id: str = ""
    event_type: str = "unknown"
    timestamp: datetime | None = None
    timestamp_inferred: bool = False
    received_at: datetime | None = None
    platform: str = "generic"
    account: str | None = None
    source: str = "webhook"
    delivery_id: str | None = None
    lane: str = ""
    seq: int = 0
    status: str = "pending"
    own: bool = False
    text_removed: str | None = None
    sighting: bool = False
    stale: bool = False
    carried: bool = False
    data: Data = msgspec.field(default_factory=Data)

    def __post_init__(self) -> None:
        """Turn what a caller gives as dict or text into our types."""
        if not isinstance(self.data, Data):
            self.data = Data.of(self.data)
        if self.timestamp is not None and not isinstance(self.timestamp, datetime):
            self.timestamp = as_time(self.timestamp)
        if self.received_at is not None and not isinstance(self.received_at, datetime):
            self.received_at = as_time(self.received_at)

    @property
    def rest(self) -> tuple[WebhookEvent, ...]:
        """Return the other events of the same delivery; ``handle`` walks them too."""
        others: tuple[WebhookEvent, ...] = self.__dict__.get("rest", ())
        return others

    @property
    def text(self) -> str | None:
        """Return the text of the comment or post, or None where there is none."""
        text = getattr(self.data.subject, "text", None)
        return text if isinstance(text, str) else None  # a sender may have put anything into what is no field of ours


class Fact(msgspec.Struct, kw_only=True):
    """What a platform's parser reads out of a body: an event before it has ids.

    ``object_id`` is the comment, post, … that it is about. ``version`` tells changes of one object apart: the
    platform's own event id or time of the change; None for creations and deletions, which happen once.
    ``event_id`` is set where the sender's envelope carries one. ``account_id`` is the platform's id of the account
    whose subscription told us, and ``author_id`` that of who acted. ``platform`` is what the brief's envelope names:
    it counts where the address itself names none. ``sighting`` is set where the platform shows a state: what was not
    known before is a creation then, and all else a change.
    """

    event_type: str
    object_id: str
    data: Data
    timestamp: datetime | None = None
    version: str | None = None
    event_id: str | None = None
    account_id: str | None = None
    author_id: str | None = None
    platform: str | None = None
    sighting: bool = False


def comment_fact(event_type: str, comment: Comment, when: datetime | None, account_id: str | None = None) -> Fact:
    """Return what happened to ``comment`` at ``when``; raise ``MalformedPayload`` for a comment without an id."""
    return Fact(
        event_type=event_type,
        object_id=require_id(comment.id, of="a comment"),
        data=Data(comment=comment),
        timestamp=when,
        account_id=account_id,
        author_id=comment.author_id,
    )


class Parsed(msgspec.Struct, kw_only=True):
    """What a parser made of one body: its facts, and the kinds that it knows and has no use for."""

    facts: list[Fact] = []
    ignored: list[str] = []
    delivery_id: str | None = None


class KeyedEvent(msgspec.Struct):
    """An event with the 16 bytes that the store de-duplicates by."""

    event: WebhookEvent
    key: bytes


def event_id_of(platform: str, instance: str, event_type: str, object_id: str, version: str | None) -> str:
    """Return ``evt_`` and 26 base32 characters: the name of a fact, the same by every road."""
    digest = sha256(_joined(platform, instance, event_type, object_id, version)).digest()
    bits = int.from_bytes(digest[:17]) >> 6
    return "evt_" + "".join([_PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])


def key_of(event_id: str, *parts: str | None) -> bytes:
    """Return the unique key of an event: 4 bytes of its id, by which it is looked up, and 12 over all ``parts``.

    The parts are platform, credential, event type, object id and the version or carried id, so that senders with
    different credentials cannot suppress each other's events.
    """
    return id_prefix(event_id) + sha256(_joined(*parts)).digest()[:12]


def id_prefix(event_id: str) -> bytes:
    """Return the first 4 bytes of the keys of all events that show this id."""
    return sha256(event_id.encode("utf-8", "surrogatepass")).digest()[:4]


def _joined(*parts: str | None) -> bytes:
    # Lengths stand before the parts, so that ("ab", "c") and ("a", "bc") differ; None differs from "".
    texts = ["-" if part is None else f"{len(part)}:{part}" for part in parts]
    return "|".join(texts).encode("utf-8", "surrogatepass")


def lane_of(platform: str, object_id: str) -> str:
    """Return the key of order of an object's events."""
    return f"{platform}:{object_id}"


def finish(
    fact: Fact,
    *,
    platform: str,
    received_at: datetime,
    credential: str = "",
    instance: str = "",
    account: str | None = None,
    own_ids: Container[str] = (),
    source: str = "webhook",
    delivery_id: str | None = None,
    carried: bool = False,
) -> KeyedEvent:
    """Return the event of ``fact`` with its id, lane and key.

    A fact without a time of the platform's gets ``received_at``, marked ``timestamp_inferred``. It is ``own`` where
    its author is one of ``own_ids``, the ids of the accounts that are configured.
    """
    shown = fact.event_id or event_id_of(platform, instance, fact.event_type, fact.object_id, fact.version)
    author = fact.author_id
    event = WebhookEvent(
        event_id=shown,
        event_type=fact.event_type,
        timestamp=fact.timestamp or received_at,
        timestamp_inferred=fact.timestamp is None,
        received_at=received_at,
        platform=platform,
        account=account,
        source=source,
        delivery_id=delivery_id,
        lane=lane_of(platform, fact.object_id),
        own=author is not None and author in own_ids,
        sighting=fact.sighting,
        carried=carried,
        data=fact.data,
    )
    last = fact.event_id if fact.event_id is not None else fact.version
    return KeyedEvent(event, key_of(shown, platform, credential, fact.event_type, fact.object_id, last))


def is_beyond_memory(event: WebhookEvent) -> bool:
    """Say whether a platform dates what it pushed back further than repeats are remembered for sure.

    It may have been handled, and forgotten since. A change that is dated like its object's creation carries no time of
    its own, and is not judged by that.
    """
    when, received = event.timestamp, event.received_at
    if event.timestamp_inferred or when is None or received is None or received - when <= MEMORY:
        return False
    is_creation = event.event_type.endswith((".created", ".held"))
    return is_creation or when != getattr(event.data.subject, "created_at", None)


def unknown_fact(body: bytes, reason: str, kind: str | None = None) -> Fact:
    """Return the fact of a body that is authentic and not understood; its id is the hash of its bytes."""
    name = sha256(body).hexdigest()
    return Fact(event_type="unknown", object_id=name, data=Data(unknown_kind=kind, unknown_reason=reason))


def object_id_of(event: WebhookEvent) -> str:
    """Return the id of what ``event`` is about, from its lane or else from its data."""
    if event.lane:
        return event.lane.partition(":")[2]
    if event.event_type.startswith("post.") and event.data.deleted_post:
        return event.data.deleted_post
    return event.data.deleted_comment or event.data.deleted_post or getattr(event.data.subject, "id", None) or ""


def to_json(event: WebhookEvent) -> bytes:
    """Return the event JSON of the public contract, one line, with nulls for what is not known."""
    return _encode(to_dict(event))


def to_dict(event: WebhookEvent) -> dict[str, Any]:
    """Return the event JSON as a plain dict."""
    fields: dict[str, Any] = {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "timestamp": event.timestamp,
        "received_at": event.received_at,
        "platform": event.platform,
        "account": event.account,
        "source": event.source,
        "delivery_id": event.delivery_id,
        "lane": event.lane,
        "seq": event.seq,
        "status": event.status,
        "own": event.own,
        "data": msgspec.to_builtins(event.data),
    }
    if event.timestamp_inferred:
        fields["timestamp_inferred"] = True
    if event.text_removed:
        fields["text_removed"] = event.text_removed
    plain: dict[str, Any] = msgspec.to_builtins(fields)
    return plain


def from_dict(fields: Mapping[str, Any]) -> WebhookEvent:
    """Return the event of a plain dict in the event JSON's shape; members that are not ours are left out."""
    known = {name: value for name, value in fields.items() if name in WebhookEvent.__struct_fields__}
    return WebhookEvent(**known)


_encode = msgspec.json.Encoder().encode
