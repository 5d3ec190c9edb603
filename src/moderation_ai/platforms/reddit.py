"""Reddit: has no webhooks of its own; a bridge posts the brief's shapes, signed by a generic scheme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, first_id, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, sign_brief
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.core.subjects import Action, Comment, Data, Post


class Reddit(Platform):
    """Know Reddit, so far as the brief's ``{type, data}`` goes."""

    name = "reddit"
    signature = "the generic schemes: X-Signature, or Standard Webhooks"
    security_headers = SECURITY_HEADERS
    kinds: ClassVar[Mapping[str, str]] = {
        "comment.post": "comment.created",
        "post.submit": "post.created",
        "modaction": "moderation.action",
    }
    hosts = ("oauth.reddit.com", "www.reddit.com")
    actions = ("approve", "hide", "unhide", "remove", "reply", "ban", "unban", "lock")
    own_scheme = False

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the fact of ``{"type": …, "data": …}``."""
        kind, data = as_text(as_dict(value).get("type")), as_dict(as_dict(value).get("data"))
        if kind is None or not data:
            raise MalformedPayload("the body has no type, or no object named data")
        read = _READERS.get(kind)
        fact = read(data) if read else unknown_element(value, kind, "this type is none that we know of Reddit")
        return Parsed(facts=[fact], delivery_id=delivery_id(request))

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the brief's header fields."""
        return sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every kind of the brief's."""
        return _samples(int(now.timestamp()), serial)


def _author(data: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the author's id and name: the brief has an object there, Reddit itself a text."""
    author = data.get("author")
    named = as_dict(author)
    name = as_text(author) or as_text(named.get("name"))
    return first_id(data.get("author_fullname"), named.get("id")), name


def _read_comment(data: dict[str, Any]) -> Fact:
    author_id, name = _author(data)
    comment_id = require_id(data.get("name"), data.get("id"), of="a comment")
    post_id, parent_id = as_id(data.get("link_id")), as_id(data.get("parent_id"))
    comment = Comment(
        id=comment_id,
        post_id=post_id,
        parent_id=parent_id if parent_id != post_id else None,
        author_id=author_id,
        author_username=name,
        text=as_text(data.get("body")),
        created_at=as_time(data.get("created_utc")),
    )
    return _fact("comment.created", comment_id, Data(comment=comment), data, author_id)


def _read_post(data: dict[str, Any]) -> Fact:
    author_id, name = _author(data)
    post_id = require_id(data.get("name"), data.get("id"), of="a post")
    post = Post(
        id=post_id,
        author_id=author_id,
        author_username=name,
        title=as_text(data.get("title")),
        caption=_first_text(data.get("selftext"), data.get("body")),
        created_at=as_time(data.get("created_utc")),
    )
    return _fact("post.created", post_id, Data(post=post), data, author_id)


def _first_text(*values: object) -> str | None:
    """Return the first of ``values`` that is text, or None."""
    return next((value for value in values if isinstance(value, str)), None)


_ACTIONS = {
    "removecomment": "remove",
    "removelink": "remove",
    "spamcomment": "remove",
    "spamlink": "remove",
    "approvecomment": "approve",
    "approvelink": "approve",
    "banuser": "ban",
    "unbanuser": "unban",
    "muteuser": "mute",
    "unmuteuser": "unmute",
    "lock": "lock",
    "unlock": "unlock",
}


def _read_action(data: dict[str, Any]) -> Fact:
    action_id = as_id(data.get("id"))
    target_id = first_id(data.get("target_fullname"), data.get("target_id"))
    native = as_text(data.get("action"))
    action = Action(
        id=action_id,
        kind=_ACTIONS.get(native, native) if native else None,
        target_id=target_id,
        actor_id=first_id(data.get("mod_id36"), data.get("mod_id")),
        actor_username=_first_text(data.get("mod"), _author(data)[1]),
        reason=as_text(data.get("details")),
    )
    fact = _fact("moderation.action", require_id(target_id, action_id, of="an action"), Data(action=action), data, None)
    fact.version = action_id or f"{native} {as_id(data.get('created_utc'))}"
    fact.author_id = action.actor_id
    return fact


def _fact(event_type: str, object_id: str, data: Data, fields: dict[str, Any], author_id: str | None) -> Fact:
    when = as_time(fields.get("created_utc"))
    return Fact(event_type=event_type, object_id=object_id, data=data, timestamp=when, author_id=author_id)


_READERS: dict[str, Callable[[dict[str, Any]], Fact]] = {
    "comment.post": _read_comment,
    "post.submit": _read_post,
    "modaction": _read_action,
}


def _samples(seconds: int, serial: int) -> list[Sample]:
    author = {"name": "rye_fan"}
    comment = {"author": author, "body": "Too salty.", "id": f"t1_c{serial}", "link_id": f"t3_p{serial}"}
    post = {"author": author, "title": "Starter help", "selftext": "It will not rise.", "id": f"t3_p{serial}"}
    action = {"id": f"ModAction_{serial}", "action": "removecomment", "mod": "mod", "target_fullname": comment["id"]}
    seen = {"id": comment["id"], "post_id": post["id"], "author_username": "rye_fan", "text": "Too salty."}
    shown = {"id": post["id"], "title": "Starter help", "caption": "It will not rise.", "author_username": "rye_fan"}
    done = {"id": action["id"], "kind": "remove", "target_id": comment["id"], "actor_username": "mod"}
    return [
        _sample("comment.post", seconds, comment, "comment.created", {"comment": seen}),
        _sample("post.submit", seconds, post, "post.created", {"post": shown}),
        _sample("modaction", seconds, action, "moderation.action", {"action": done}),
    ]


def _sample(kind: str, seconds: int, data: Mapping[str, Any], event_type: str, expected: Mapping[str, Any]) -> Sample:
    body = {"type": kind, "data": {**data, "created_utc": seconds}}
    return Sample(name=kind, body=msgspec.json.encode(body), events=[{"event_type": event_type, "data": expected}])


PLATFORM = Reddit()
