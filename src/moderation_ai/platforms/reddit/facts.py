"""What Reddit tells, in one form for every road, and the fact that each thing becomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.core.content import as_text
from moderation_ai.core.events import Fact
from moderation_ai.core.subjects import Action, Comment, Data, Post, Report

SITE = "https://www.reddit.com"

_TYPES = {"t1": "comment", "t2": "user", "t3": "post", "t5": "subreddit"}
_TARGETED = {"comment": "comment", "link": "post", "user": "user"}
# https://www.reddit.com/dev/api#GET_about_log lists the words of the moderation log; what is not here keeps its own.
_ACTIONS = {verb: verb for verb in ("remove", "approve", "ban", "unban", "mute", "unmute")} | {"spam": "remove"}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when something happened: the subreddit's id, and the time of the fact if one was told."""

    subreddit_id: str | None = None
    when: datetime | None = None


def written(comment: Comment, scope: Scope) -> Fact:
    """Return the fact of a new comment; it has one id by every road, so that each comment is created once."""
    return _fact("comment.created", comment.id, Data(comment=comment), scope, author_id=comment.author_id)


def edited(comment: Comment, scope: Scope, version: str | None = None) -> Fact:
    """Return the fact of an edit; ``version`` tells edits apart where their time is not told."""
    fact = _fact("comment.updated", comment.id, Data(comment=comment), scope, author_id=comment.author_id)
    fact.version = version_of(comment.updated_at) or version
    return fact


def held(comment: Comment, scope: Scope, reason: str | None) -> Fact:
    """Return the fact that AutoModerator took a comment away until a moderator has looked at it."""
    kept = _with_extra(comment, held_reason=reason)
    fact = _fact("comment.held", comment.id, Data(comment=kept), scope, author_id=comment.author_id)
    fact.version = version_of(scope.when)
    return fact


def mentioned(comment: Comment, scope: Scope) -> Fact:
    """Return the fact that a comment names the app's account."""
    return _fact("mention.created", comment.id, Data(comment=comment), scope, author_id=comment.author_id)


def posted(post: Post, scope: Scope) -> Fact:
    """Return the fact of a new post."""
    return _fact("post.created", post.id, Data(post=post), scope, author_id=post.author_id)


def reposted(post: Post, scope: Scope, version: str | None = None) -> Fact:
    """Return the fact that a post's text was edited; ``version`` as for comments."""
    fact = _fact("post.updated", post.id, Data(post=post), scope, author_id=post.author_id)
    fact.version = version_of(post.updated_at) or version
    return fact


def deleted(data: Data, scope: Scope, deleted_by: str | None, author_id: str | None = None) -> Fact:
    """Return the fact of a deletion; ``deleted_by`` is user, admin or moderator, ``author_id`` a user's alone."""
    if deleted_by is not None:
        data.extra = {**data.extra, "deleted_by": deleted_by}
    kind = "comment" if data.deleted_comment else "post"
    return _fact(f"{kind}.deleted", data.deleted_comment or data.deleted_post, data, scope, author_id=author_id)


def reported(report: Report, scope: Scope, version: str | None) -> Fact:
    """Return the fact of a report, which stands in the lane of what was reported; Reddit gives it no id."""
    fact = _fact("report.created", report.target_id, Data(report=report), scope)
    fact.version = version
    return fact


def acted(action: Action, scope: Scope, version: str | None) -> Fact:
    """Return the fact of a moderator's action; one without a target stands in a lane of its own."""
    object_id = action.target_id or action.target_author_id or action.id
    fact = _fact("moderation.action", object_id, Data(action=action), scope, author_id=action.actor_id)
    fact.version = action.id or version
    return fact


def action_kind(native: str | None) -> str | None:
    """Return a moderation log's word in ours: ``removecomment`` and ``spamlink`` are ``remove``."""
    if native is None:
        return None
    for noun in _TARGETED:
        if native.endswith(noun) and native.removesuffix(noun) in _ACTIONS:
            return _ACTIONS[native.removesuffix(noun)]
    return native


def action_target(native: str | None) -> str | None:
    """Return what a moderation log's word says it was done to: comment, post or user; None where it says nothing."""
    return next((target for noun, target in _TARGETED.items() if (native or "").endswith(noun)), None)


def type_of(fullname: str | None) -> str | None:
    """Return what a fullname names: ``t1_…`` is a comment, ``t2_…`` a user, ``t3_…`` a post, ``t5_…`` a subreddit."""
    return _TYPES.get((fullname or "").partition("_")[0])


def address(path: object) -> str | None:
    """Return Reddit's own address of what it names by a path, or None for what is no path."""
    text = as_text(path) or ""
    return SITE + text if text.startswith("/") and not text.startswith("//") else None


def parent_of(parent_id: str | None) -> str | None:
    """Return the comment that was answered; at the top Reddit names the post, which is no parent."""
    return None if type_of(parent_id) == "post" else parent_id


def version_of(when: datetime | None) -> str | None:
    """Return the version of a change: its time in whole seconds, which is what every road gives."""
    return None if when is None else when.isoformat(timespec="seconds")


def _with_extra(comment: Comment, **more: Any) -> Comment:
    comment.extra = {**comment.extra, **{name: value for name, value in more.items() if value}}
    return comment


def _fact(event_type: str, object_id: str | None, data: Data, scope: Scope, *, author_id: str | None = None) -> Fact:
    return Fact(
        event_type=event_type,
        object_id=object_id or "",
        data=data,
        timestamp=scope.when,
        account_id=scope.subreddit_id,
        author_id=author_id,
    )
