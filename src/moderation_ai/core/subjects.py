"""What an event is about: a comment, a post, a reaction, a report, an action, an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec

from moderation_ai.core.content import MAX_ID, as_dict, as_id, as_text, as_time, has_control

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Subject(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Hold what all subjects share: an id, and in ``extra`` what a platform adds beyond the common fields."""

    times: ClassVar[tuple[str, ...]] = ()
    ids: ClassVar[tuple[str, ...]] = ("id",)
    lists: ClassVar[tuple[str, ...]] = ()

    id: Id | None = None
    extra: dict[str, Any] = {}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Any:
        """Make a subject of a plain mapping; what is no field of ours is kept in ``extra``.

        A field of a wrong type (a number for a text) reads like one that is missing.
        """
        if not fields.keys() - cls.__struct_fields__:
            try:
                usual = msgspec.convert(fields, cls)._in_utc()  # the usual shape, read at once
            except (msgspec.ValidationError, OverflowError):
                return cls._of_odd(fields)
            if not has_control("".join([getattr(usual, name) or "" for name in cls.ids])):
                return usual
        return cls._of_odd(fields)

    def _in_utc(self) -> Subject:
        for name in self.times:
            when = getattr(self, name)
            if when is not None and when.tzinfo is not UTC:
                setattr(self, name, when.astimezone(UTC))
        return self

    @classmethod
    def _of_odd(cls, fields: Mapping[str, Any]) -> Any:
        """Read the fields one by one, so that an odd one costs only itself."""
        known: dict[str, Any] = {}
        extra = dict(as_dict(fields.get("extra")))
        for name, value in fields.items():
            if name in cls.__struct_fields__ and name != "extra":
                known[name] = cls._read(name, value)
            elif name != "extra":
                extra[name] = value
        return cls(**known, extra=extra)

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in cls.times:
            return value if isinstance(value, datetime) else as_time(value)
        if name in cls.lists:
            return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else None
        return as_id(value) if name in cls.ids else as_text(value)

    def __getattr__(self, name: str) -> Any:
        """Read what a platform added, as if it were a field."""
        if name in ("extra", "__struct_fields__") or name not in self.extra:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self.extra[name]


class Comment(Subject, kw_only=True, omit_defaults=True):
    """A comment, reply or live chat message."""

    times = ("created_at", "updated_at")
    ids = ("id", "post_id", "parent_id", "author_id")

    post_id: Id | None = None
    parent_id: Id | None = None
    author_id: Id | None = None
    author_username: str | None = None
    text: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    permalink: str | None = None


class Post(Subject, kw_only=True, omit_defaults=True):
    """A post, video or story; ``caption`` is its text, if there is more than a title; ``kind`` says share or repost."""

    times = ("created_at", "updated_at")
    ids = ("id", "author_id")
    lists = ("media_urls",)

    author_id: Id | None = None
    author_username: str | None = None
    title: str | None = None
    caption: str | None = None
    kind: str | None = None
    media_urls: list[str] | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    permalink: str | None = None

    @property
    def text(self) -> str | None:
        """Return the caption, or of what has none the title, under the name that comments use."""
        return self.title if self.caption is None else self.caption


class Reaction(Subject, kw_only=True, omit_defaults=True):
    """A like or another reaction to a comment or post."""

    ids = ("id", "target_id", "author_id")

    kind: str | None = None
    target_id: Id | None = None
    author_id: Id | None = None
    author_username: str | None = None


class Report(Subject, kw_only=True, omit_defaults=True):
    """A report that a user of the platform made."""

    ids = ("id", "target_id", "reporter_id")

    target_id: Id | None = None
    target_type: str | None = None
    reason: str | None = None
    reporter_id: Id | None = None


class Action(Subject, kw_only=True, omit_defaults=True):
    """What a moderator did on the platform; ``kind`` is in our words: hide, remove, ban and so on."""

    ids = ("id", "target_id", "target_author_id", "actor_id")

    kind: str | None = None
    target_id: Id | None = None
    target_type: str | None = None
    target_author_id: Id | None = None
    actor_id: Id | None = None
    actor_username: str | None = None
    reason: str | None = None


class AccountRef(Subject, kw_only=True, omit_defaults=True):
    """An account that took its permission back."""

    reason: str | None = None


SUBJECTS: dict[str, type[Subject]] = {
    "comment": Comment,
    "post": Post,
    "reaction": Reaction,
    "report": Report,
    "action": Action,
    "account": AccountRef,
}


class Data(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Hold an event's one subject, and read through to it: ``event.data.text`` is ``event.data.comment.text``.

    Deletions carry ids alone; an ``unknown`` event carries the platform's kind and the reason it was not understood.
    The fields of these are reached by their JSON names too (``data.post_id``), the subject's field first.
    """

    comment: Comment | None = None
    post: Post | None = None
    reaction: Reaction | None = None
    report: Report | None = None
    action: Action | None = None
    account: AccountRef | None = None
    deleted_comment: str | None = msgspec.field(default=None, name="comment_id")
    deleted_post: str | None = msgspec.field(default=None, name="post_id")
    unknown_kind: str | None = msgspec.field(default=None, name="kind")
    unknown_reason: str | None = msgspec.field(default=None, name="reason")
    extra: dict[str, Any] = {}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Data:
        """Make data of a plain mapping in the event JSON's shape; unknown members are kept in ``extra``."""
        made: dict[str, Any] = {"extra": dict(as_dict(fields.get("extra")))}
        for name, value in fields.items():
            if name in SUBJECTS and isinstance(value, Mapping):
                made[name] = SUBJECTS[name].of(value)
            elif name in SUBJECTS and isinstance(value, Subject):
                made[name] = value
            elif name in _PLAIN:
                made[_PLAIN[name]] = as_id(value) if name.endswith("_id") else as_text(value)
            elif name != "extra":
                made["extra"][name] = value
        return cls(**made)

    @property
    def subject(self) -> Subject | None:
        """Return the one thing this is about, or None for a deletion or an unknown event."""
        return self.comment or self.post or self.reaction or self.report or self.action or self.account

    def __getattr__(self, name: str) -> Any:
        """Read through to the subject, then to what has no subject."""
        if name.startswith("__") or name == "extra":
            raise AttributeError(name)
        subject = self.subject
        if subject is not None and hasattr(subject, name):
            return getattr(subject, name)
        if name in _PLAIN:
            return getattr(self, _PLAIN[name])
        if name == "id" and subject is None:
            return self.deleted_comment or self.deleted_post
        if name in self.extra:
            return self.extra[name]
        raise AttributeError(f"the event's data has no {name!r}")


_PLAIN = {
    "comment_id": "deleted_comment",
    "post_id": "deleted_post",
    "kind": "unknown_kind",
    "reason": "unknown_reason",
}
