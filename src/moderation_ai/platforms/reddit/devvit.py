"""What Reddit tells a Devvit app by its triggers, as the app forwards it: the trigger's own JSON, untouched.

Sources: https://developers.reddit.com/docs/capabilities/server/triggers and the types of ``@devvit/protos`` (json).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from moderation_ai.core.batches import read_or_keep
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, first_id, require_id
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.subjects import Action, Comment, Data, Post, Report
from moderation_ai.platforms.reddit import facts
from moderation_ai.platforms.reddit.facts import Scope
from moderation_ai.platforms.reddit.listings import links

KINDS = {
    "CommentSubmit": "comment.created",
    "CommentCreate": "comment.created",
    "CommentUpdate": "comment.updated",
    "CommentDelete": "comment.deleted",
    "CommentReport": "report.created",
    "PostSubmit": "post.created",
    "PostCreate": "post.created",
    "PostUpdate": "post.updated",
    "PostDelete": "post.deleted",
    "PostReport": "report.created",
    "MentionInCommentCreate": "mention.created",
    "AutomoderatorFilterComment": "comment.held",
    "AutomoderatorFilterPost": "moderation.action",
    "ModAction": "moderation.action",
    "PostFlairUpdate": "",
    "PostNsfwUpdate": "",
    "PostSpoilerUpdate": "",
    "ModMail": "",
    "AppInstall": "",
    "AppUpgrade": "",
}

_SOURCES = {1: "user", 2: "admin", 3: "moderator", "USER": "user", "ADMIN": "admin", "MODERATOR": "moderator"}

Reader = Callable[[dict[str, Any], str | None], Fact]


def read_trigger(body: dict[str, Any], kind: str, delivery: str | None) -> Parsed:
    """Return the fact of a trigger, or its kind if that is of no use to us.

    ``delivery`` is the id that the forwarding app gave this trigger: it tells apart what has no id of Reddit's.
    """
    if KINDS[kind] == "":
        return Parsed(ignored=[kind])
    return Parsed(facts=[read_or_keep(body, kind, lambda fields: _READERS[kind](fields, delivery))])


def _read_created(body: dict[str, Any], delivery: str | None) -> Fact:
    # CommentSubmit comes at once and CommentCreate after Reddit's safety checks: one comment, created once.
    comment = _comment(body)
    return facts.written(comment, _scope(body, comment.created_at))


def _read_updated(body: dict[str, Any], delivery: str | None) -> Fact:
    comment = _comment(body)
    return facts.edited(comment, _scope(body, comment.updated_at), delivery)


def _read_held(body: dict[str, Any], delivery: str | None) -> Fact:
    comment = _comment(body)
    return facts.held(comment, _scope(body, as_time(body.get("removedAt"))), as_text(body.get("reason")))


def _read_mention(body: dict[str, Any], delivery: str | None) -> Fact:
    comment = _comment(body)
    return facts.mentioned(comment, _scope(body, comment.created_at))


def _read_comment_deleted(body: dict[str, Any], delivery: str | None) -> Fact:
    comment_id = require_id(body.get("commentId"), of="a deleted comment")
    return _deleted(body, Data(deleted_comment=comment_id, deleted_post=as_id(body.get("postId"))))


def _read_post_deleted(body: dict[str, Any], delivery: str | None) -> Fact:
    return _deleted(body, Data(deleted_post=require_id(body.get("postId"), of="a deleted post")))


def _deleted(body: dict[str, Any], data: Data) -> Fact:
    source = body.get("source")
    by = _SOURCES.get(source) if isinstance(source, int | str) else None
    # Who acted is known only where it was the author.
    author_id = as_id(as_dict(body.get("author")).get("id")) if by == "user" else None
    return facts.deleted(data, _scope(body, as_time(body.get("deletedAt"))), by, author_id)


def _read_posted(body: dict[str, Any], delivery: str | None) -> Fact:
    post = _post(body)
    return facts.posted(post, _scope(body, post.created_at))


def _read_reposted(body: dict[str, Any], delivery: str | None) -> Fact:
    post = _post(body)
    return facts.reposted(post, _scope(body, post.updated_at), delivery)


def _read_report(body: dict[str, Any], delivery: str | None) -> Fact:
    name = "comment" if body.get("type") == "CommentReport" else "post"
    reported = as_dict(body.get(name))
    reason = as_text(body.get("reason"))
    target_id = require_id(reported.get("id"), of=f"a reported {name}")
    report = Report(target_id=target_id, target_type=name, reason=reason)
    # Without the forwarder's id the running number of the reports must do; it begins anew after an approval.
    return facts.reported(report, _scope(body, None), delivery or f"{as_id(reported.get('numReports'))} {reason}")


def _read_filtered_post(body: dict[str, Any], delivery: str | None) -> Fact:
    post, when = _post(body), as_time(body.get("removedAt"))
    action = Action(
        kind="hide",
        target_id=post.id,
        target_type="post",
        target_author_id=post.author_id,
        actor_username="AutoModerator",
        reason=as_text(body.get("reason")),
    )
    return facts.acted(action, _scope(body, when), facts.version_of(when) or delivery)


def _read_action(body: dict[str, Any], delivery: str | None) -> Fact:
    native, when = as_text(body.get("action")), as_time(body.get("actionedAt"))
    moderator, user = as_dict(body.get("moderator")), as_dict(body.get("targetUser"))
    target_id = _target(body, native)
    action = Action(
        id=as_id(body.get("id")),
        kind=facts.action_kind(native),
        target_id=target_id,
        target_type=facts.type_of(target_id),
        target_author_id=as_id(user.get("id")),
        actor_id=as_id(moderator.get("id")),
        actor_username=as_text(moderator.get("name")) or None,
        extra={"target_author_username": target} if (target := as_text(user.get("name"))) else {},
    )
    require_id(target_id, action.target_author_id, action.id, of="an action")
    version = f"{native} {facts.version_of(when)}" if when else delivery
    return facts.acted(action, _scope(body, when), version)


def _target(body: dict[str, Any], native: str | None) -> str | None:
    """Return the id of what was acted on: a comment comes with its post, and both with their author."""
    meant = facts.action_target(native)
    order = {"comment": "targetComment", "post": "targetPost", "user": "targetUser"}
    names = [order[meant]] if meant else []
    return first_id(*(as_dict(body.get(name)).get("id") for name in (*names, *order.values())))


def _comment(body: dict[str, Any]) -> Comment:
    comment, author = as_dict(body.get("comment")), as_dict(body.get("author"))
    return Comment(
        id=require_id(comment.get("id"), of="a comment"),
        post_id=first_id(comment.get("postId"), as_dict(body.get("post")).get("id")),
        parent_id=facts.parent_of(as_id(comment.get("parentId"))),
        author_id=first_id(comment.get("author"), author.get("id")),
        author_username=as_text(author.get("name")) or _name(body),
        text=as_text(comment.get("body")),
        created_at=_moment(comment.get("createdAt")),
        updated_at=_moment(comment.get("lastModifiedAt")),
        permalink=facts.address(comment.get("permalink")),
        extra={"media_urls": media} if (media := _texts(comment.get("mediaUrls"))) else {},
    )


def _post(body: dict[str, Any]) -> Post:
    post, author = as_dict(body.get("post")), as_dict(body.get("author"))
    shared = as_id(post.get("crosspostParentId"))
    return Post(
        id=require_id(post.get("id"), of="a post"),
        author_id=first_id(post.get("authorId"), author.get("id")),
        author_username=as_text(author.get("name")) or _name(body),
        title=as_text(post.get("title")),
        caption=as_text(post.get("selftext")) or None,
        kind="share" if shared else None,
        media_urls=_texts(post.get("galleryImages")) or _texts(post.get("mediaUrls")) or None,
        created_at=_moment(post.get("createdAt")),
        updated_at=_moment(post.get("updatedAt")),
        permalink=facts.address(post.get("permalink")),
        extra=links(as_text(post.get("url")) if post.get("isSelf") is False else None, shared),
    )


def _name(body: dict[str, Any]) -> str | None:
    # AutoModerator's triggers have a text there; whether it is a name or an id is not said.
    author = as_text(body.get("author"))
    return author if author and facts.type_of(author) != "user" else None


def _moment(value: object) -> datetime | None:
    # Seconds or milliseconds; zero stands for never.
    return as_time(value) if value else None


def _texts(value: object) -> list[str]:
    return [text for text in as_list(value) if isinstance(text, str)]


def _scope(body: dict[str, Any], when: datetime | None) -> Scope:
    return Scope(subreddit_id=as_id(as_dict(body.get("subreddit")).get("id")), when=when)


_READERS: dict[str, Reader] = {
    "CommentSubmit": _read_created,
    "CommentCreate": _read_created,
    "CommentUpdate": _read_updated,
    "CommentDelete": _read_comment_deleted,
    "CommentReport": _read_report,
    "PostSubmit": _read_posted,
    "PostCreate": _read_posted,
    "PostUpdate": _read_reposted,
    "PostDelete": _read_post_deleted,
    "PostReport": _read_report,
    "MentionInCommentCreate": _read_mention,
    "AutomoderatorFilterComment": _read_held,
    "AutomoderatorFilterPost": _read_filtered_post,
    "ModAction": _read_action,
}
