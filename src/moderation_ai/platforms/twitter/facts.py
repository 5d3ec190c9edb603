"""What X's three products tell, in one form, and the fact that each thing becomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.core.content import as_time
from moderation_ai.core.events import Fact
from moderation_ai.core.subjects import AccountRef, Action, Comment, Data, Post, Reaction


class Tweet(msgspec.Struct, frozen=True, kw_only=True):
    """A post as v1.1 and v2 both tell it.

    ``reply_to`` is the post it answers, ``root`` the one that began the conversation, ``shared`` what it quotes or
    repeats. ``history`` holds the ids of its versions: each edit makes a new post.
    """

    id: str
    author_id: str | None = None
    author_username: str | None = None
    text: str | None = None
    created_at: datetime | None = None
    timestamp: datetime | None = None
    reply_to: str | None = None
    root: str | None = None
    kind: str | None = None
    shared: str | None = None
    media_urls: list[str] | None = None
    history: tuple[str, ...] = ()


def written(tweet: Tweet, account_id: str | None, *, mentions_us: bool = False) -> Fact:
    """Return the fact of a post: a reply is a comment, the rest are posts; an edited one is an update."""
    is_edit = len(tweet.history) > 1
    verb = "updated" if is_edit else "created"
    if tweet.reply_to is not None and tweet.kind != "repost":
        event_type, data = f"comment.{verb}", Data(comment=_comment(tweet, is_edit))
    elif mentions_us and tweet.kind is None:
        event_type, data = "mention.created", Data(post=_post(tweet, is_edit))
    else:
        event_type, data = f"post.{verb}", Data(post=_post(tweet, is_edit))
    return Fact(
        event_type=event_type,
        object_id=tweet.id,
        data=data,
        timestamp=tweet.timestamp or tweet.created_at,
        version=tweet.created_at.isoformat() if is_edit and tweet.created_at else None,
        account_id=account_id,
        author_id=tweet.author_id,
    )


def _comment(tweet: Tweet, is_edit: bool) -> Comment:
    return Comment(
        id=tweet.id,
        post_id=tweet.root,
        parent_id=tweet.reply_to if tweet.reply_to != tweet.root else None,
        author_id=tweet.author_id,
        author_username=tweet.author_username,
        text=tweet.text,
        created_at=tweet.created_at,
        updated_at=tweet.created_at if is_edit else None,
        permalink=permalink(tweet.id, tweet.author_username),
        extra=_extra(tweet, is_edit),
    )


def _post(tweet: Tweet, is_edit: bool) -> Post:
    return Post(
        id=tweet.id,
        author_id=tweet.author_id,
        author_username=tweet.author_username,
        caption=tweet.text,
        kind=tweet.kind,
        media_urls=tweet.media_urls,
        created_at=tweet.created_at,
        updated_at=tweet.created_at if is_edit else None,
        permalink=permalink(tweet.id, tweet.author_username),
        extra=_extra(tweet, is_edit),
    )


def _extra(tweet: Tweet, is_edit: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if tweet.shared is not None:
        extra["shared_id"] = tweet.shared
    if is_edit:
        extra["edit_history"] = list(tweet.history)
    return extra


def permalink(post_id: str, username: str | None) -> str:
    """Return a post's address; X redirects from ``i`` to the author's name where we do not know that."""
    return f"https://x.com/{username or 'i'}/status/{post_id}"


def deleted(post_id: str, author_id: str | None, account_id: str | None, when: object = None) -> Fact:
    """Return the fact of a deletion: X does not say whether the post was a reply."""
    return Fact(
        event_type="post.deleted",
        object_id=post_id,
        data=Data(deleted_post=post_id),
        timestamp=as_time(when),
        account_id=account_id,
        author_id=author_id,
    )


def liked(reaction: Reaction, account_id: str | None, when: datetime | None) -> Fact:
    """Return the fact of a like; X gives each an id of its own."""
    return Fact(
        event_type="reaction.created",
        object_id=reaction.id or "",
        data=Data(reaction=reaction),
        timestamp=when,
        version=reaction.id,
        account_id=account_id,
        author_id=reaction.author_id,
    )


def acted(action: Action, account_id: str | None, when: datetime | None, version: str | None) -> Fact:
    """Return the fact that a user blocked or muted another, or took that back."""
    return Fact(
        event_type="moderation.action",
        object_id=action.target_id or "",
        data=Data(action=action),
        timestamp=when,
        version=version,
        account_id=account_id,
        author_id=action.actor_id,
    )


def revoked(user_id: str, when: datetime | None) -> Fact:
    """Return the fact that a user took the app's permission back."""
    return Fact(
        event_type="account.revoked",
        object_id=user_id,
        data=Data(account=AccountRef(id=user_id, reason="the user revoked the app's access")),
        timestamp=when,
        version=when.isoformat() if when else None,
        account_id=user_id,
    )
