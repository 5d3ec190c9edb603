"""X's Activity API and its filtered stream: one v2 object in each body.

Sources: https://docs.x.com/x-api/activity/event-payloads and
https://docs.x.com/x-api/posts/filtered-stream/introduction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from moderation_ai.core.batches import read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, require_id
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.subjects import Action, Comment, Data, Reaction
from moderation_ai.platforms.twitter.facts import Tweet, acted, deleted, liked, revoked, written

KINDS = {
    "post.create": "post.created",
    "post.reply.create": "comment.created",
    "post.mention.create": "mention.created",
    "post.quote.create": "post.created",
    "post.repost.create": "post.created",
    "post.delete": "post.deleted",
    "like.create": "reaction.created",
    "broadcast.chat": "comment.created",
    "block.block": "moderation.action",
    "block.unblock": "moderation.action",
    "mute.mute": "moderation.action",
    "mute.unmute": "moderation.action",
    "oauth.revoke": "account.revoked",
    "follow.follow": "",
    "follow.unfollow": "",
    "profile.update.bio": "",
    "profile.update.profile_picture": "",
    "profile.update.banner_picture": "",
    "profile.update.screenname": "",
    "profile.update.handle": "",
    "profile.update.geo": "",
    "profile.update.url": "",
    "profile.update.verified_badge": "",
    "profile.update.affiliate_badge": "",
    "chat.received": "",
    "chat.sent": "",
    "chat.conversation_join": "",
    "dm.received": "",
    "dm.sent": "",
    "dm.read": "",
    "dm.indicate_typing": "",
    "spaces.start": "",
    "spaces.end": "",
    "broadcast.start": "",
    "broadcast.end": "",
    "news.new": "",
}
FILTERED_STREAM = "matching_rules"
"""The member by which a filtered stream's body is known; it names no kind."""

# Families of which we have no use for any member, so that a new one is no riddle.
_IGNORED_FAMILIES = ("follow", "profile", "chat", "dm", "spaces", "news")
_ACTIONS = {"block.block": "ban", "block.unblock": "unban", "mute.mute": "mute", "mute.unmute": "unmute"}
_SHARED = {"retweeted": "repost", "quoted": "quote"}


def read_activity(event: dict[str, Any]) -> Parsed:
    """Return the one fact of an Activity API event (the body's ``data``), or its kind if that is of no use to us."""
    kind = str(event["event_type"])
    delivery_id = as_id(event.get("event_uuid"))
    if KINDS.get(kind) == "" or (kind not in KINDS and kind.partition(".")[0] in _IGNORED_FAMILIES):
        return Parsed(ignored=[kind], delivery_id=delivery_id)
    if kind in _READERS:
        fact = read_or_keep(event, kind, partial(_READERS[kind], kind))
    else:
        fact = unknown_element(event, kind, "this kind is none that we know of X")
    return Parsed(facts=[fact], delivery_id=delivery_id)


def read_filtered_stream(body: dict[str, Any]) -> Parsed:
    """Return the fact of a post that matched a rule; nobody's subscription told us, so it has no account."""
    return Parsed(facts=[written(tweet_of(as_dict(body.get("data")), as_dict(body.get("includes"))), None)])


def _read_post(kind: str, event: dict[str, Any]) -> Fact:
    tweet = tweet_of(as_dict(event.get("payload")), as_dict(event.get("includes")))
    return written(tweet, _account_id(event), mentions_us=kind == "post.mention.create")


def tweet_of(post: dict[str, Any], includes: dict[str, Any]) -> Tweet:
    """Return a post of API v2; raise ``MalformedPayload`` for one without an id."""
    author_id = as_id(post.get("author_id"))
    kind, shared = _shared(post)
    note = as_text(as_dict(post.get("note_tweet")).get("text"))
    history = [as_id(version) for version in as_list(post.get("edit_history_tweet_ids"))]
    return Tweet(
        id=require_id(post.get("id"), of="a post"),
        author_id=author_id,
        author_username=_username(includes, author_id),
        text=note if note is not None else as_text(post.get("text")),
        created_at=as_time(post.get("created_at")),
        reply_to=_reply_to(post),
        root=as_id(post.get("conversation_id")),
        kind=kind,
        shared=shared,
        media_urls=_media(post, includes),
        history=tuple(version for version in history if version),
    )


def _reply_to(post: dict[str, Any]) -> str | None:
    return as_id(post.get("in_reply_to_tweet_id")) or _referenced(post, "replied_to")


def _shared(post: dict[str, Any]) -> tuple[str | None, str | None]:
    for name, kind in _SHARED.items():
        found = _referenced(post, name)
        if found is not None:
            return kind, found
    return None, None


def _referenced(post: dict[str, Any], how: str) -> str | None:
    for reference in as_list(post.get("referenced_tweets")):
        if as_dict(reference).get("type") == how:
            return as_id(as_dict(reference).get("id"))
    return None


def _username(includes: dict[str, Any], user_id: str | None) -> str | None:
    for user in _users(includes):
        if user_id is not None and as_id(user.get("id")) == user_id:
            return as_text(user.get("username"))
    return None


def _users(includes: dict[str, Any]) -> list[dict[str, Any]]:
    return [_bare(user) for user in as_list(includes.get("users"))]


def _bare(user: object) -> dict[str, Any]:
    # Some events wrap a user once more, in a member `data`.
    found = as_dict(user)
    return as_dict(found.get("data")) or found


def _media(post: dict[str, Any], includes: dict[str, Any]) -> list[str] | None:
    keys = as_list(as_dict(post.get("attachments")).get("media_keys"))
    media = [as_dict(item) for item in as_list(includes.get("media"))] if keys else []
    ours = [item for item in media if item.get("media_key") in keys]
    found = [as_text(item.get("url")) or as_text(item.get("preview_image_url")) for item in ours]
    return [url for url in found if url] or None


def _account_id(event: dict[str, Any]) -> str | None:
    return as_id(as_dict(event.get("filter")).get("user_id"))


def _read_deletion(kind: str, event: dict[str, Any]) -> Fact:
    post = as_dict(event.get("payload"))
    return deleted(require_id(post.get("id"), of="a deleted post"), as_id(post.get("author_id")), _account_id(event))


def _read_like(kind: str, event: dict[str, Any]) -> Fact:
    like, includes = as_dict(event.get("payload")), as_dict(event.get("includes"))
    author_id = _liker(event, like, includes)
    reaction = Reaction(
        id=require_id(like.get("id"), event.get("event_uuid"), of="a like"),
        kind="like",
        target_id=as_id(like.get("liked_tweet_id")),
        author_id=author_id,
        author_username=_username(includes, author_id),
    )
    # created_at is the liked post's time.
    return liked(reaction, _account_id(event), as_time(like.get("timestamp_ms")))


def _liker(event: dict[str, Any], like: dict[str, Any], includes: dict[str, Any]) -> str | None:
    """Return who liked: the filter's user for an outbound like, else the only included user who is not its author."""
    if as_dict(event.get("filter")).get("direction") == "outbound":
        return _account_id(event)
    author = as_id(like.get("liked_tweet_author_id"))
    others = {as_id(user.get("id")) for user in _users(includes)} - {author, None}
    return others.pop() if author is not None and len(others) == 1 else None


def _read_chat(kind: str, event: dict[str, Any]) -> Fact:
    message = as_dict(event.get("payload"))
    author = _bare(message.get("author"))
    comment = Comment(
        id=require_id(message.get("message_id"), of="a chat message"),
        post_id=as_id(message.get("broadcast_id")),
        author_id=as_id(author.get("id")),
        author_username=as_text(author.get("username")),
        text=as_text(message.get("message")),
        extra={"live": True},
    )
    return Fact(
        event_type="comment.created",
        object_id=comment.id or "",
        data=Data(comment=comment),
        account_id=_account_id(event),
        author_id=comment.author_id,
    )


def _read_relation(kind: str, event: dict[str, Any]) -> Fact:
    payload = as_dict(event.get("payload"))
    source, target = _bare(payload.get("source")), _bare(payload.get("target"))
    target_id = require_id(target.get("id"), of="the user who was acted upon")
    action = Action(
        kind=_ACTIONS[kind],
        target_id=target_id,
        target_type="author",
        target_author_id=target_id,
        actor_id=as_id(source.get("id")) or _account_id(event),
        actor_username=as_text(source.get("username")),
    )
    return acted(action, _account_id(event), None, as_id(event.get("event_uuid")))


def _read_revocation(kind: str, event: dict[str, Any]) -> Fact:
    payload = as_dict(event.get("payload"))
    return revoked(require_id(payload.get("user_id"), of="the user who revoked"), as_time(payload.get("date_time")))


_READERS: dict[str, Callable[[str, dict[str, Any]], Fact]] = {
    **dict.fromkeys(("post.create", "post.reply.create", "post.mention.create"), _read_post),
    **dict.fromkeys(("post.quote.create", "post.repost.create"), _read_post),
    **dict.fromkeys(_ACTIONS, _read_relation),
    "post.delete": _read_deletion,
    "like.create": _read_like,
    "broadcast.chat": _read_chat,
    "oauth.revoke": _read_revocation,
}
