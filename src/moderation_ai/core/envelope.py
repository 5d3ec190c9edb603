"""The brief's envelope: an event in our own JSON, which every platform's parser understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_id, as_text, as_time
from moderation_ai.core.events import EVENT_TYPES, Fact
from moderation_ai.core.subjects import Data, Id, Subject, Time

_SUBJECT_OF = {"mention": ("comment", "post"), "moderation": ("action",), "account": ("account",)}


def is_envelope(value: Any) -> bool:
    """Say whether ``value`` is the brief's envelope: an object with ``event_type`` and an object ``data``."""
    return isinstance(value, dict) and isinstance(value.get("event_type"), str) and isinstance(value.get("data"), dict)


class _Usual(msgspec.Struct, omit_defaults=True):
    event_type: str
    data: Data
    event_id: Id | None = None
    timestamp: Time | None = None
    platform: str | None = None


_USUAL = "comment.created"
_USUAL_KIND = b'"comment.created"'
# Of a time with more digits than a microsecond has, one of the two readers rounds the rest and the other drops it.
_has_fine_digits = re.compile(rb"\.\d{7}").search
_decode_usual = msgspec.json.Decoder(_Usual).decode
_encode = msgspec.json.Encoder().encode


def read_usual_envelope(body: bytes) -> Fact | None:
    """Return the fact of an envelope in its usual shape, or None for everything else.

    A short cut to what ``read_envelope`` returns: the types are checked while the JSON is read. It is taken only if
    no member was unknown, null or named twice: a text without escapes has two quotation marks for every string, so
    writing the value again gives as many as the text has, unless a member was left out.
    """
    # Only behind a backslash, or as DEL, can an id hold a control character.
    if _USUAL_KIND not in body or b"\\" in body or b"\x7f" in body or _has_fine_digits(body):
        return None
    try:
        usual = _decode_usual(body)
        again = _encode(usual)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return None
    subject = usual.data.comment
    if usual.event_type != _USUAL or subject is None or subject.id is None or subject.extra:
        return None
    if again.count(b'"') != body.count(b'"') or usual.data != Data(comment=subject):
        return None
    if not (_is_utc(usual.timestamp) and _is_utc(subject.created_at) and _is_utc(subject.updated_at)):
        return None
    return Fact(
        event_type=usual.event_type,
        object_id=subject.id,
        data=usual.data,
        timestamp=usual.timestamp or subject.updated_at or subject.created_at,
        event_id=usual.event_id,
        author_id=subject.author_id,
        platform=usual.platform,
    )


def _is_utc(when: datetime | None) -> bool:
    return when is None or when.tzinfo is UTC


def named_platform(value: Any) -> str | None:
    """Return the platform that an envelope names, or None."""
    return as_text(value.get("platform")) if is_envelope(value) else None


def read_envelope(value: Mapping[str, Any], kinds: Mapping[str, str]) -> Fact:
    """Return the fact in an envelope.

    ``kinds`` maps a platform's native names to ours: the brief writes ``tweet.create`` where the envelope's own
    word is ``post.created``. A kind that is neither becomes ``unknown`` and keeps its name.
    """
    native = value["event_type"]
    event_type = native if native in EVENT_TYPES else kinds.get(native) or "unknown"
    if event_type == "unknown":
        return _unknown(value, native)
    data = _read_data(value["data"], event_type)
    when = as_time(value.get("timestamp"))
    subject = data.subject
    object_id = _object_id(data, event_type)
    if object_id is None:
        return _unknown(value, native, reason="the envelope's data names no id")
    return Fact(
        event_type=event_type,
        object_id=object_id,
        data=data,
        timestamp=when or _field(subject, "updated_at") or _field(subject, "created_at"),
        version=_version(event_type, data, value.get("timestamp")),
        event_id=as_id(value.get("event_id")),
        author_id=_field(subject, "author_id"),
        platform=as_text(value.get("platform")),
    )


def _read_data(fields: Mapping[str, Any], event_type: str) -> Data:
    """Read ``data``; where it is the subject itself, without the member that names it, put that around it."""
    family = event_type.partition(".")[0]
    names = _SUBJECT_OF.get(family, (family,))
    if event_type.endswith(".deleted") or any(isinstance(fields.get(name), dict) for name in names):
        return Data.of(fields)
    return Data.of({names[0]: fields}) if as_id(fields.get("id")) else Data.of(fields)


def _object_id(data: Data, event_type: str) -> str | None:
    if event_type == "post.deleted":
        return data.deleted_post or _id(data.post)
    if event_type == "comment.deleted":
        return data.deleted_comment or _id(data.comment)
    if data.action is not None:
        return data.action.target_id or data.action.target_author_id or data.action.id
    return _id(data.subject)


def _field(subject: Subject | None, name: str) -> Any:
    """Return a declared field; what a sender put beside those has no type that could be relied on."""
    return getattr(subject, name) if name in getattr(type(subject), "__struct_fields__", ()) else None


def _id(subject: Subject | None) -> str | None:
    return subject.id if subject else None


def _version(event_type: str, data: Data, timestamp: Any) -> str | None:
    """Return what tells two changes of one object apart: the edit's time, else the envelope's."""
    if event_type.endswith((".created", ".deleted", ".held")) and event_type != "reaction.created":
        return None
    updated = _field(data.subject, "updated_at")
    when = updated or as_time(timestamp)
    return None if when is None else when.isoformat()


def _unknown(value: Mapping[str, Any], kind: str, reason: str = "this kind is none that we know") -> Fact:
    fact = unknown_element(value, kind, reason)
    fact.event_id = as_id(value.get("event_id"))
    fact.platform = as_text(value.get("platform"))
    return fact
