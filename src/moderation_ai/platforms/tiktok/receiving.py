"""What TikTok tells: one event in each body, its content JSON in a text.

Sources: https://developers.tiktok.com/doc/webhooks-events and the Accounts API's webhooks,
https://business-api.tiktok.com/portal/docs. Comments cannot be edited there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from moderation_ai.core.batches import read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, read_json, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.subjects import AccountRef, Action, Comment, Data, Post

_IGNORED = (
    "post.publish.complete",
    "post.publish.failed",
    "post.publish.inbox_delivered",
    "video.upload.failed",
    "video.publish.completed",
    "portability.download.ready",
    "im_receive_msg",
    "im_send_msg",
    "im_mark_read_msg",
)
# Families of which we have no use for any member, so that a new one is no riddle.
_IGNORED_FAMILIES = ("im_", "portability.")
PUBLIC = ("post.publish.publicly_available", "post.publish.publicaly_available")
NOT_PUBLIC = ("post.publish.no_longer_publicly_available", "post.publish.no_longer_publicaly_available")
_COMMENTS = ("comment.update", "comment.post")
KINDS = {
    "comment.post": "comment.created",
    "comment.update": "comment.created",
    "brand.mention.event": "mention.created",
    **dict.fromkeys(PUBLIC, "post.created"),
    **dict.fromkeys(NOT_PUBLIC, "post.deleted"),
    "authorization.removed": "account.revoked",
    **dict.fromkeys(_IGNORED, ""),
}


def read_event(value: Any) -> Parsed:
    """Return the one fact of a body, or its kind if that is of no use to us; raise ``MalformedPayload`` without one."""
    kind = as_text(as_dict(value).get("event"))
    if kind is None:
        raise MalformedPayload("the body names no event")
    if KINDS.get(kind) == "" or kind.startswith(_IGNORED_FAMILIES):
        return Parsed(ignored=[kind])
    read = _READERS.get(kind)
    if read is None:
        return Parsed(facts=[unknown_element(value, kind, "this event is none that we know of TikTok")])
    return Parsed(facts=[read_or_keep(value, kind, lambda body: read(body, _content(body)))])


def _content(body: dict[str, Any]) -> dict[str, Any]:
    content = body.get("content")
    # Ids are bare numbers of 19 digits in there, which our reader keeps whole.
    return as_dict(read_json(content.encode("utf-8", "surrogatepass")) if isinstance(content, str) else content)


def _read_comment(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    comment_id = require_id(content.get("comment_id"), of="a comment")
    post_id = as_id(content.get("video_id"))
    action = as_text(content.get("comment_action")) or ("insert" if body["event"] == "comment.post" else None)
    author_id = as_id(content.get("unique_identifier"))
    when = as_time(content.get("timestamp")) or as_time(body.get("create_time"))
    version = None
    if action == "insert":
        event_type = "comment.created"
        data = Data(comment=_comment(comment_id, post_id, author_id, when, content))
    elif action == "delete":
        event_type, data = "comment.deleted", Data(deleted_comment=comment_id, deleted_post=post_id)
    elif action in SETTINGS:
        event_type = "moderation.action"
        kind = SETTINGS[action]
        data = Data(action=Action(kind=kind, target_id=comment_id, target_type="comment", target_author_id=author_id))
        version = f"{action} {when.isoformat() if when else ''}"
        author_id = None
    else:
        raise MalformedPayload("the content names no comment_action that we know")
    return _fact(event_type, comment_id, data, body, when, version=version, author_id=author_id)


SETTINGS = {"set_to_hidden": "hide", "set_to_friends_only": "hide", "set_to_public": "unhide"}


def _comment(
    comment_id: str, post_id: str | None, author_id: str | None, when: datetime | None, content: dict[str, Any]
) -> Comment:
    parent_id = as_id(content.get("parent_comment_id"))
    return Comment(
        id=comment_id,
        post_id=post_id,
        # Zero stands for none.
        parent_id=None if parent_id == "0" else parent_id,
        author_id=author_id,
        text=as_text(content.get("text")),
        created_at=when,
    )


def _read_mention(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    video_id = as_id(content.get("video_id"))
    comment_id = as_id(content.get("comment_id"))
    author_id = as_id(content.get("unique_identifier"))
    if comment_id in (None, "0"):
        post = Post(
            id=require_id(video_id, of="a mention"),
            author_id=author_id,
            caption=as_text(content.get("video_caption")),
            created_at=as_time(content.get("video_create_time")),
            permalink=as_text(content.get("share_url")),
        )
        data, object_id = Data(post=post), require_id(video_id, of="a mention")
    else:
        comment = Comment(id=comment_id, post_id=video_id, author_id=author_id)
        data, object_id = Data(comment=comment), require_id(comment_id, of="a mention")
    change = as_text(content.get("type_of_event"))
    when = as_time(body.get("create_time"))
    # A mention that was edited, or shown to others than before, is a change of what we knew.
    version = None if change in (None, "CREATE") else f"{change} {when.isoformat() if when else ''}"
    return _fact("mention.created", object_id, data, body, when, version=version, author_id=author_id)


def _read_published(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    post_id = require_id(content.get("post_id"), of="a post")
    when = as_time(body.get("create_time"))
    if body["event"] in PUBLIC:
        return _fact("post.created", post_id, Data(post=Post(id=post_id)), body, when)
    return _fact("post.deleted", post_id, Data(deleted_post=post_id), body, when)


# https://developers.tiktok.com/doc/webhooks-events, authorization.removed
_REASONS = {
    "0": "unknown",
    "1": "the user disconnected the app",
    "2": "the user's account was deleted",
    "3": "the user's age changed",
    "4": "the user's account was banned",
    "5": "the developer revoked it",
}


def _read_revocation(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    account_id = require_id(body.get("user_openid"), of="the account")
    when = as_time(body.get("create_time"))
    reason = as_id(content.get("reason"))
    data = Data(account=AccountRef(id=account_id, reason=_REASONS.get(reason, reason) if reason else None))
    return _fact("account.revoked", account_id, data, body, when, version=when.isoformat() if when else None)


def _fact(
    event_type: str,
    object_id: str,
    data: Data,
    body: dict[str, Any],
    when: datetime | None,
    *,
    version: str | None = None,
    author_id: str | None = None,
) -> Fact:
    return Fact(
        event_type=event_type,
        object_id=object_id,
        data=data,
        timestamp=when,
        version=version,
        account_id=as_id(body.get("user_openid")),
        author_id=author_id,
    )


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Fact]] = {
    **dict.fromkeys(_COMMENTS, _read_comment),
    **dict.fromkeys((*PUBLIC, *NOT_PUBLIC), _read_published),
    "brand.mention.event": _read_mention,
    "authorization.removed": _read_revocation,
}
