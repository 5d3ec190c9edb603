"""Erasure: which events are about a person or an object, and what stays of them when it is to be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import structs

from moderation_ai.core.events import WebhookEvent, event_id_of, lane_of
from moderation_ai.core.redaction import ERASED
from moderation_ai.core.subjects import SUBJECTS, Data, Subject

SHORTEST_WORD = 6
"""Characters from which on an id is known by itself wherever it stands. Those of platforms have 8 to 40."""
PEOPLE = ("author_id", "reporter_id", "target_author_id")
"""Fields that say whom an event is about. Who acted as a moderator (``actor_id``) is named beside it."""
_NAME_OF = {"author_id": "author_username", "actor_id": "actor_username"}
_ADDRESSES = ("permalink",)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[A-Za-z0-9]+")
_OUR_ID = re.compile(r"evt_[a-z2-7]{26}\Z")
_ERASED_LANE = "erased-"


class Ids:
    """Ids that are to be forgotten, looked for as whole words: 1234567 does not stand in 91234567."""

    def __init__(self, ids: Iterable[str]) -> None:
        """Keep the ids."""
        self._all = set(ids)
        self._odd = [one for one in self._all if not _TOKEN.fullmatch(one)]
        self._long = {one for one in self._all if len(one) >= SHORTEST_WORD}
        self._short = _values(self._all - self._long)

    def __contains__(self, value: object) -> bool:
        """Say whether a value is one of the ids."""
        return isinstance(value, str) and value in self._all

    def are_part_of(self, name: object) -> bool:
        """Say whether one of the ids is part of a longer id or an address."""
        return isinstance(name, str) and self._are_words_of(name, self._all)

    def stand_in(self, text: str | None) -> bool:
        """Say whether one of the ids stands in a body or in what somebody wrote; short ones only as a value."""
        if not text:
            return False
        is_value = self._short is not None and self._short.search(text) is not None
        return is_value or self._are_words_of(text, self._long)

    def _are_words_of(self, text: str, ids: set[str]) -> bool:
        # With and without hyphens: they belong to some platforms' ids and stand between those of others.
        if not (ids.isdisjoint(_TOKEN.findall(text)) and ids.isdisjoint(_WORD.findall(text))):
            return True
        return any(odd in text or odd.replace("/", "\\/") in text for odd in self._odd)


def _values(ids: set[str]) -> re.Pattern[str] | None:
    """Return what finds ids as whole values of JSON or XML: as a word, 42 may be a number of anything."""
    if not ids:
        return None
    one = "(?:" + "|".join(re.escape(one) for one in sorted(ids)) + ")"
    return re.compile(rf'"{one}\\*"|[:\[,]\s*{one}\s*[,\]}}]|>\s*{one}\s*<')


def is_about(event: WebhookEvent, people: Ids, objects: Ids) -> bool:
    """Say whether an event is about one of these people, or about one of these objects.

    It is about who wrote, who reported, and whom a report or a moderator's action concerns. ``people`` may hold names:
    they count where an author has no id.
    """
    subject = event.data.subject
    if _object_of(event) in people or _object_of(event) in objects:
        return True
    if subject is None:
        return event.data.deleted_comment in objects or event.data.deleted_post in objects
    if any(getattr(subject, name, None) in people for name in PEOPLE if name in subject.__struct_fields__):
        return True
    if _author_of(subject) in people:
        return True
    return subject is (event.data.report or event.data.action) and getattr(subject, "target_id", None) in objects


def _author_of(subject: Subject) -> str | None:
    """Return the id of who wrote, liked or posted, or the name where there is no id."""
    known: str | None = getattr(subject, "author_id", None) or getattr(subject, "author_username", None)
    return known


def objects_by(event: WebhookEvent, people: Ids) -> list[str]:
    """Return the ids of the comment or post that an event shows to be by one of these people."""
    found = [event.data.comment, event.data.post]
    return [one.id for one in found if one is not None and one.id and _author_of(one) in people]


def names_of(event: WebhookEvent, people: Ids) -> list[str]:
    """Return under which name an event shows one of these people."""
    subject = event.data.subject
    name = getattr(subject, "author_username", None)
    return [name] if isinstance(name, str) and name and getattr(subject, "author_id", None) in people else []


def emptied(event: WebhookEvent) -> WebhookEvent:
    """Return what stays of an event that is about what is to be forgotten: its kind, its times and its platform."""
    return structs.replace(
        event,
        event_id=_hidden_id(event),
        lane=_hidden_lane(event),
        delivery_id=None,
        own=False,
        text_removed=ERASED,
        data=Data(),
    )


def without_ids(event: WebhookEvent, ids: Ids) -> WebhookEvent:
    """Return an event that is about others without these ids, and without what they stand in.

    It is the very event where they stand nowhere in it.
    """
    changed: dict[str, Any] = {}
    data = _data_without(event.data, ids)
    if data is not event.data:
        changed["data"] = data
    if ids.are_part_of(event.delivery_id):
        changed["delivery_id"] = None
    if ids.are_part_of(event.event_id):
        changed["event_id"] = _hidden_id(event, always=True)
    if ids.are_part_of(_object_of(event)):
        changed["lane"] = _hidden_lane(event)
    return structs.replace(event, **changed) if changed else event


def _data_without(data: Data, ids: Ids) -> Data:
    changed: dict[str, Any] = {}
    for name in SUBJECTS:
        subject = getattr(data, name)
        if subject is not None and (bare := _subject_without(subject, ids)) is not subject:
            changed[name] = bare
    for name in ("deleted_comment", "deleted_post", "unknown_kind", "unknown_reason"):
        if getattr(data, name) in ids or ids.stand_in(getattr(data, name)):
            changed[name] = None
    if _stand_in_any(data.extra, ids):
        changed["extra"] = {}
    return structs.replace(data, **changed) if changed else data


def _subject_without(subject: Subject, ids: Ids) -> Subject:
    changed: dict[str, Any] = {}
    for name in subject.__struct_fields__:
        value = getattr(subject, name)
        named = ids.are_part_of(value) if name in (*subject.ids, *_ADDRESSES) else _stand_in_any(value, ids)
        if named:
            changed[name] = {} if name == "extra" else None
        if named and name in _NAME_OF and _NAME_OF[name] in subject.__struct_fields__:
            changed[_NAME_OF[name]] = None
    return structs.replace(subject, **changed) if changed else subject


def _stand_in_any(value: Any, ids: Ids) -> bool:
    if not value or isinstance(value, datetime):
        return False
    return ids.stand_in(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _object_of(event: WebhookEvent) -> str:
    return event.lane.partition(":")[2]


def _hidden_lane(event: WebhookEvent) -> str:
    """Return a lane that tells an object's events from those of others, and not which object it was."""
    return lane_of(event.platform, hidden_object(event.platform, _object_of(event)))


def hidden_object(platform: str, object_id: str) -> str:
    """Return what an object is called that was erased."""
    if object_id.startswith(_ERASED_LANE):
        return object_id
    lane = lane_of(platform, object_id)
    return _ERASED_LANE + sha256(lane.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _hidden_id(event: WebhookEvent, *, always: bool = False) -> str:
    """Return an event's id if it is a hash of ours; what a sender carried may tell anything."""
    if _OUR_ID.match(event.event_id) and not always:
        return event.event_id
    return event_id_of(event.platform, ERASED, event.event_type, event.event_id, None)
