"""Comments, in the brief's shape: as the Data API writes them, inside ``{"comment": …}``.

Source: https://developers.google.com/youtube/v3/docs/comments. YouTube pushes none; a bridge of yours may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, first_id, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, comment_fact
from moderation_ai.core.subjects import Comment, Data

COMMENTS: Mapping[str, str] = {
    "comment.insert": "comment.created",
    "comment.update": "comment.updated",
    "comment.delete": "comment.deleted",
}
"""The brief's words for what happens to a comment, and ours."""


def read_comments(value: Any) -> list[Fact]:
    """Return the fact of a comment; where nothing names the kind it is a new one."""
    body = as_dict(value)
    comment = as_dict(body.get("comment"))
    if not comment:
        raise MalformedPayload("the body has no object named comment")
    kind = as_text(body.get("type")) or as_text(body.get("event_type")) or "comment.insert"
    if kind in COMMENTS:
        return [_read_fact(comment, COMMENTS[kind])]
    return [unknown_element(value, kind, "this type is none that we know of YouTube")]


def read_comment(fields: Mapping[str, Any]) -> Comment:
    """Return a comment as the Data API writes it (``youtube#comment``); its id is None where it has none."""
    snippet = as_dict(fields.get("snippet"))
    comment_id, post_id = as_id(fields.get("id")), as_id(snippet.get("videoId"))
    return Comment(
        id=comment_id,
        post_id=post_id,
        parent_id=as_id(snippet.get("parentId")),
        author_id=first_id(as_dict(snippet.get("authorChannelId")).get("value")),
        author_username=as_text(snippet.get("authorDisplayName")),
        # textOriginal is shown to the author alone.
        text=as_text(snippet.get("textOriginal")) or as_text(snippet.get("textDisplay")),
        created_at=as_time(snippet.get("publishedAt")),
        updated_at=as_time(snippet.get("updatedAt")),
        permalink=f"https://www.youtube.com/watch?v={post_id}&lc={comment_id}" if post_id and comment_id else None,
    )


def written(comment: Comment, account_id: str | None = None) -> Fact:
    """Return the fact of a new comment."""
    return comment_fact("comment.created", comment, comment.created_at, account_id)


def edited(comment: Comment, account_id: str | None = None) -> Fact:
    """Return the fact of an edit, by the time of it."""
    fact = comment_fact("comment.updated", comment, comment.updated_at, account_id)
    fact.version = comment.updated_at.isoformat() if comment.updated_at else None
    return fact


def held(comment: Comment, account_id: str | None = None) -> Fact:
    """Return the fact that a comment waits for the channel's owner; YouTube does not say since when."""
    return comment_fact("comment.held", comment, comment.created_at, account_id)


def is_edited(comment: Comment) -> bool:
    """Say whether a comment was changed after it was written."""
    return comment.updated_at is not None and comment.created_at is not None and comment.updated_at > comment.created_at


def _read_fact(fields: dict[str, Any], event_type: str) -> Fact:
    comment_id = require_id(fields.get("id"), of="a comment")
    comment = read_comment(fields)
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
