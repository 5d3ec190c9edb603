"""Instagram: comments, live comments and mentions of business accounts, pushed by Meta."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from moderation_ai.core.batches import read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, first_id, require_id
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.http import Request, Response
from moderation_ai.core.meta import SIGNATURE, Change, answer_meta, changes_of, sign_meta, verify_meta
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.subjects import Comment, Data, Post
from moderation_ai.platforms.instagram.acting import InstagramActs
from moderation_ai.platforms.instagram.fetching import InstagramPolls
from moderation_ai.platforms.instagram.subscribing import InstagramSubscribes

# Direct messages, of which we have no use for any.
_MESSAGING = (
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_handover",
    "messaging_optins",
    "messaging_policy_enforcement",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "response_feedback",
    "standby",
)


class Instagram(InstagramActs, InstagramPolls, InstagramSubscribes, Platform):
    """Know Instagram.

    Source: https://developers.facebook.com/docs/instagram-platform/webhooks. Edits, deletions and hiding are not
    pushed; nor is the time when a comment was written.
    """

    name = "instagram"
    signature = "X-Hub-Signature-256: sha256=hex(HMAC-SHA256(body)), keyed with the app secret"
    handshake = "GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…, answered with the challenge"
    security_headers = (SIGNATURE,)
    kinds: ClassVar[Mapping[str, str]] = {
        "comments": "comment.created",
        "live_comments": "comment.created",
        "mentions": "mention.created",
        "story_insights": "",
        **dict.fromkeys(_MESSAGING, ""),
    }
    hosts = ("graph.instagram.com", "graph.facebook.com")

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the app secret that signed ``request``; see ``verify_meta``."""
        return verify_meta(request, credential.secrets)

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        """Return the answer to Meta's handshake, or None; see ``answer_meta``."""
        return answer_meta(request, credential.verify_token)

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the facts of a body, in any of the three shapes that Instagram sends."""
        parsed = Parsed()
        for change in changes_of(value, "instagram"):
            if self.kinds.get(change.field) == "":
                parsed.ignored.append(change.field)
            else:
                parsed.facts.append(_read_change(change))
        return parsed

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return Meta's header field; nothing in it depends on the time."""
        return sign_meta(body, secret)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return one body for every kind that Instagram sends, and one that is of no use to us."""
        return list(_samples(int(now.timestamp()), serial))


def _read_change(change: Change) -> Fact:
    if change.field in ("comments", "live_comments"):
        return read_or_keep(change.value, change.field, lambda value: _read_comment(change, value))
    if change.field == "mentions":
        return read_or_keep(change.value, change.field, lambda value: _read_mention(change, value))
    if change.field:
        return unknown_element(change.value, change.field, "this field is none that we know of Instagram")
    return unknown_element(change.value, change.field, "the entry names no field")


def _read_comment(change: Change, value: dict[str, Any]) -> Fact:
    # The pages for Facebook Login call the id comment_id; what arrives has it as id.
    comment_id = require_id(value.get("id"), value.get("comment_id"), of="a comment")
    author, media = as_dict(value.get("from")), as_dict(value.get("media"))
    author_id = as_id(author.get("id"))
    # An advertisement shows its own media; the comment stands on the original one.
    post_id = first_id(media.get("original_media_id"), media.get("id"), value.get("media_id"))
    is_ours = as_id(author.get("self_ig_scoped_id")) is not None
    is_gone = value.get("verb") == "remove"
    comment = Comment(
        id=comment_id,
        post_id=post_id,
        parent_id=as_id(value.get("parent_id")),
        author_id=author_id,
        author_username=as_text(author.get("username")),
        text=as_text(value.get("text")),
        extra=_extra(change.field, media),
    )
    return Fact(
        event_type="comment.deleted" if is_gone else "comment.created",
        object_id=comment_id,
        data=Data(deleted_comment=comment_id, deleted_post=post_id) if is_gone else Data(comment=comment),
        timestamp=as_time(change.time),
        account_id=change.account_id,
        author_id=change.account_id if is_ours else author_id,
    )


def _extra(field: str, media: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {"live": True} if field == "live_comments" else {}
    for name in ("media_product_type", "ad_id"):
        value = as_id(media.get(name))
        if value is not None:
            extra[name] = value
    return extra


def _read_mention(change: Change, value: dict[str, Any]) -> Fact:
    # Ids alone: the text has to be fetched by the account that was mentioned.
    media_id, comment_id = as_id(value.get("media_id")), as_id(value.get("comment_id"))
    data = Data(comment=Comment(id=comment_id, post_id=media_id)) if comment_id else Data(post=Post(id=media_id))
    return Fact(
        event_type="mention.created",
        object_id=require_id(comment_id, media_id, of="a mention"),
        data=data,
        timestamp=as_time(change.time),
        account_id=change.account_id,
    )


_US, _MEDIA = "17841400000000077", 18_000_000_000_000_000


def _samples(seconds: int, serial: int) -> Iterator[Sample]:
    def id_(number: int) -> str:
        return str(_MEDIA + serial * 100 + number)

    fan = {"id": "6677889900112233", "username": "sourdough.sam"}
    value: dict[str, Any] = {
        "id": id_(1),
        "from": fan,
        "media": {"id": id_(0), "media_product_type": "FEED"},
        "text": "Is the rye one vegan? 🌱",
    }
    comment = {"id": id_(1), "post_id": id_(0), "author_id": fan["id"], "author_username": fan["username"]}
    expected = {**comment, "text": value["text"], "parent_id": None}
    yield _sample("comments", seconds, value, {"event_type": "comment.created", "data": {"comment": expected}})

    live = {"id": id_(2), "from": fan, "media": {"id": id_(9), "media_product_type": "LIVE"}, "text": "hello!"}
    expected = {"id": id_(2), "post_id": id_(9), "author_id": fan["id"], "text": "hello!"}
    yield _sample("live_comments", seconds, live, {"event_type": "comment.created", "data": {"comment": expected}})

    both = {"media_id": id_(3), "comment_id": id_(4)}
    expected = {"id": id_(4), "post_id": id_(3)}
    yield _sample("mentions", seconds, both, {"event_type": "mention.created", "data": {"comment": expected}})

    ours = {"id": _US, "username": "corner.bakery", "self_ig_scoped_id": "998877"}
    reply = {"id": id_(5), "from": ours, "media": {"id": id_(0)}, "parent_id": id_(1), "text": "It is!"}
    expected = {"id": id_(5), "parent_id": id_(1), "author_id": _US}
    event = {"event_type": "comment.created", "own": True, "data": {"comment": expected}}
    yield _sample("comments", seconds, reply, event, variant="own")

    yield _sample("story_insights", seconds, {"media_id": id_(6), "impressions": 44})
    for field in _MESSAGING:
        yield _sample(field, seconds, {"sender": {"id": fan["id"]}, "recipient": {"id": _US}, "timestamp": seconds})


def _sample(
    field: str, seconds: int, value: Mapping[str, Any], *events: Mapping[str, Any], variant: str = ""
) -> Sample:
    entry = {"id": _US, "time": seconds, "changes": [{"field": field, "value": value}]}
    body = {"object": "instagram", "entry": [entry]}
    # Meta escapes what is not ASCII, and signs it so.
    encoded = json.dumps(body, separators=(",", ":")).encode("ascii")
    return Sample(name=field, body=encoded, events=events, variant=variant)


PLATFORM = Instagram()
