"""Reddit's things (``t1``, ``t3``, ``modaction``), alone, in a listing, or in the brief's ``{type, data}``.

Source: https://www.reddit.com/dev/api and the shapes that https://praw.readthedocs.io reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moderation_ai.core.batches import read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, first_id, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.subjects import Action, Comment, Data, Post
from moderation_ai.platforms.reddit import facts
from moderation_ai.platforms.reddit.facts import Scope

KINDS = {
    "comment.post": "comment.created",
    "post.submit": "post.created",
    "modaction": "moderation.action",
}
EMPTY = "empty listing"
"""What a listing without children counts as: nothing to keep."""
_GONE = {"[deleted]": "user", "[removed]": "moderator"}


def read_brief(body: dict[str, Any], kind: str) -> Parsed:
    """Return the fact of the brief's ``{"type": …, "data": …}``."""
    return Parsed(facts=[read_or_keep(body.get("data"), kind, _READERS[kind])])


def read_thing(body: dict[str, Any]) -> Parsed:
    """Return the fact of a thing, or those of a listing's children, each read by its own kind."""
    if body.get("kind") != "Listing":
        return Parsed(facts=[_read_child(body)])
    children = as_dict(body.get("data")).get("children")
    if not isinstance(children, list):
        raise MalformedPayload("the listing has no list of children")
    return Parsed(facts=[_read_child(child) for child in children], ignored=[] if children else [EMPTY])


def _read_child(child: Any) -> Fact:
    kind = as_text(as_dict(child).get("kind")) or "thing"
    read = _THINGS.get(kind)
    if read is None:
        return unknown_element(child, kind, "this kind of thing is none that we know of Reddit")
    return read_or_keep(as_dict(child).get("data"), kind, read)


def _read_comment(data: dict[str, Any]) -> Fact:
    gone = read_gone(data)
    if gone is not None:
        return gone
    comment = comment_of(data)
    if comment.updated_at is not None:
        return facts.edited(comment, scope_of(data, comment.updated_at))
    return facts.written(comment, scope_of(data, comment.created_at))


def read_gone(data: dict[str, Any]) -> Fact | None:
    """Return the fact that a comment or a post was deleted, by its author or as strangers see a removal; else None."""
    text = as_text(data.get("body"))
    is_post = text is None and data.get("link_id") is None
    by = _GONE.get(text if text is not None else as_text(data.get("selftext")) or "")
    if by is None or data.get("author") != "[deleted]":
        return None
    name = require_id(data.get("name"), data.get("id"), of="a thing")
    if is_post:
        return facts.deleted(Data(deleted_post=name), scope_of(data, None), by)
    return facts.deleted(Data(deleted_comment=name, deleted_post=as_id(data.get("link_id"))), scope_of(data, None), by)


def comment_of(data: dict[str, Any]) -> Comment:
    """Return a comment as it stands in a listing; raise ``MalformedPayload`` for one without an id."""
    comment_id = require_id(data.get("name"), data.get("id"), of="a comment")
    post_id, parent_id = as_id(data.get("link_id")), as_id(data.get("parent_id"))
    author_id, name = _author(data)
    return Comment(
        id=comment_id,
        post_id=post_id,
        parent_id=facts.parent_of(parent_id) if parent_id != post_id else None,
        author_id=author_id,
        author_username=name,
        text=as_text(data.get("body")),
        created_at=as_time(data.get("created_utc")),
        updated_at=_edited_at(data),
        permalink=facts.address(data.get("permalink")) or _permalink(comment_id, post_id),
    )


def _read_post(data: dict[str, Any]) -> Fact:
    gone = read_gone(data)
    if gone is not None:
        return gone
    post = post_of(data)
    if post.updated_at is not None:
        return facts.reposted(post, scope_of(data, post.updated_at))
    return facts.posted(post, scope_of(data, post.created_at))


def post_of(data: dict[str, Any]) -> Post:
    """Return a post as it stands in a listing; raise ``MalformedPayload`` for one without an id."""
    author_id, name = _author(data)
    shared = as_id(data.get("crosspost_parent"))
    return Post(
        id=require_id(data.get("name"), data.get("id"), of="a post"),
        author_id=author_id,
        author_username=name,
        title=as_text(data.get("title")),
        caption=_first_text(data.get("selftext"), data.get("body")) or None,
        kind="share" if shared else None,
        created_at=as_time(data.get("created_utc")),
        updated_at=_edited_at(data),
        permalink=facts.address(data.get("permalink")),
        extra=links(as_text(data.get("url")) if data.get("is_self") is False else None, shared),
    )


def read_action(data: dict[str, Any]) -> Fact:
    """Return the fact of an entry of the moderation log; raise ``MalformedPayload`` for one that names nothing."""
    native, when = as_text(data.get("action")), as_time(data.get("created_utc"))
    target_id = first_id(data.get("target_fullname"), data.get("target_id"))
    action = Action(
        id=as_id(data.get("id")),
        kind=facts.action_kind(native),
        target_id=target_id,
        target_type=facts.type_of(target_id) or facts.action_target(native),
        target_author_id=target_id if facts.type_of(target_id) == "user" else None,
        actor_id=_fullname("t2", data.get("mod_id36")) or as_id(data.get("mod_id")),
        actor_username=_first_text(data.get("mod"), _author(data)[1]),
        reason=_first_text(data.get("details"), data.get("description")),
        extra={"target_author_username": target} if (target := as_text(data.get("target_author"))) else {},
    )
    require_id(target_id, action.id, of="an action")
    version = f"{native} {facts.version_of(when)}" if when else None
    return facts.acted(action, scope_of(data, when), version)


def links(url: str | None, shared: str | None) -> dict[str, Any]:
    """Return what a post has beyond our fields: the address that it links to, and the post that it shares."""
    return {name: value for name, value in {"url": url, "shared_id": shared}.items() if value}


def scope_of(data: dict[str, Any], when: Any) -> Scope:
    """Return the subreddit that a thing stands in, with the time of the fact."""
    return Scope(subreddit_id=as_id(data.get("subreddit_id")) or _fullname("t5", data.get("sr_id36")), when=when)


def _author(data: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the author's id and name: the brief has an object there, Reddit itself a text."""
    author = data.get("author")
    named = as_dict(author)
    name = as_text(author) or as_text(named.get("name"))
    return first_id(data.get("author_fullname"), named.get("id")), name


def _edited_at(data: dict[str, Any]) -> Any:
    # False means never; before 2008 it was True, which tells that but not when.
    return as_time(data.get("edited"))


def _permalink(comment_id: str, post_id: str | None) -> str | None:
    # Reddit's older answers have none; it finds a comment without the words of the title.
    if facts.type_of(comment_id) != "comment" or facts.type_of(post_id) != "post":
        return None
    return f"{facts.SITE}/comments/{(post_id or '')[3:]}/_/{comment_id[3:]}/"


def _fullname(prefix: str, id36: object) -> str | None:
    bare = as_id(id36)
    return None if bare is None else bare if bare.startswith(f"{prefix}_") else f"{prefix}_{bare}"


def _first_text(*values: object) -> str | None:
    """Return the first of ``values`` that is text, or None."""
    return next((value for value in values if isinstance(value, str)), None)


_Reader = Callable[[dict[str, Any]], Fact]
_READERS: dict[str, _Reader] = {"comment.post": _read_comment, "post.submit": _read_post, "modaction": read_action}
_THINGS: dict[str, _Reader] = {"t1": _read_comment, "t3": _read_post, "modaction": read_action}
