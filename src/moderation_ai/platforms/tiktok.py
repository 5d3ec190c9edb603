"""TikTok: comments and mentions of business accounts, with a signed time; the event's content is JSON in a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from moderation_ai.core.batches import read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_text, as_time, read_json, require_id
from moderation_ai.core.errors import InvalidSignature, MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.generic import secret_bytes
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.signatures import check_window, hmac_digest, matching_secret, read_hex, read_seconds
from moderation_ai.core.subjects import AccountRef, Action, Comment, Data, Post

_HEADER = "tiktok-signature"
# It retries for 72 hours, and nobody says whether a retry is signed anew.
_PAST = 73 * 3600.0
_IGNORED = (
    "post.publish.complete",
    "post.publish.failed",
    "post.publish.inbox_delivered",
    "video.upload.failed",
    "video.publish.completed",
    "portability.download.ready",
)
_PUBLIC = ("post.publish.publicly_available", "post.publish.publicaly_available")
_NOT_PUBLIC = ("post.publish.no_longer_publicly_available", "post.publish.no_longer_publicaly_available")
_COMMENTS = ("comment.update", "comment.post")


class TikTok(Platform):
    """Know TikTok.

    Sources: https://developers.tiktok.com/doc/webhooks-verification and the Accounts API's webhooks,
    https://business-api.tiktok.com/portal/docs. Comments cannot be edited there.
    """

    name = "tiktok"
    signature = "Tiktok-Signature: t=<seconds>,s=hex(HMAC-SHA256(t + '.' + body))"
    security_headers = (_HEADER,)
    kinds: ClassVar[Mapping[str, str]] = {
        "comment.post": "comment.created",
        "comment.update": "comment.created",
        "brand.mention.event": "mention.created",
        **dict.fromkeys(_PUBLIC, "post.created"),
        **dict.fromkeys(_NOT_PUBLIC, "post.deleted"),
        "authorization.removed": "account.revoked",
        **dict.fromkeys(_IGNORED, ""),
    }
    hosts = ("business-api.tiktok.com",)
    actions = ("approve", "hide", "unhide", "reply")

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed time and body.

        Raises ``InvalidSignature``, and ``StaleTimestamp`` for what was signed more than 73 hours ago or 300 seconds
        ahead.
        """
        text = request.headers.one(_HEADER) or ""
        pairs = [part.strip(" \t").partition("=") for part in text.split(",", 16)]
        times = [value for name, _, value in pairs if name == "t"]
        seconds = read_seconds(times[0]) if len(times) == 1 else None
        if seconds is None:
            raise InvalidSignature("the header Tiktok-Signature is missing or malformed")
        content = f"{times[0]}.".encode("ascii") + request.body
        digests = [read_hex(value) for name, _, value in pairs if name == "s"]
        index = matching_secret([secret_bytes(secret) for secret in credential.secrets], content, digests)
        if index is None:
            raise InvalidSignature("no live secret matches Tiktok-Signature")
        check_window(datetime.fromtimestamp(seconds, UTC), request.received_at, past=_PAST)
        return index

    def read(self, value: Any, request: Request) -> Parsed:
        """Return the one fact of a body, or its kind if that is of no use to us."""
        kind = as_text(as_dict(value).get("event"))
        if kind is None:
            raise MalformedPayload("the body names no event")
        if self.kinds.get(kind) == "":
            return Parsed(ignored=[kind])
        read = _READERS.get(kind)
        if read is None:
            return Parsed(facts=[unknown_element(value, kind, "this event is none that we know of TikTok")])
        return Parsed(facts=[read_or_keep(value, kind, lambda body: read(body, _content(body)))])

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return TikTok's header field."""
        seconds = int(now.timestamp())
        digest = hmac_digest(secret_bytes(secret), f"{seconds}.".encode("ascii") + body).hex()
        return {"Tiktok-Signature": f"t={seconds},s={digest}"}

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every kind that TikTok sends, and one that is of no use to us."""
        return list(_samples(int(now.timestamp()), serial))


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
    elif action in _SETTINGS:
        event_type = "moderation.action"
        kind = _SETTINGS[action]
        data = Data(action=Action(kind=kind, target_id=comment_id, target_type="comment", target_author_id=author_id))
        version = f"{action} {when.isoformat() if when else ''}"
        author_id = None
    else:
        raise MalformedPayload("the content names no comment_action that we know")
    return _fact(event_type, comment_id, data, body, when, version=version, author_id=author_id)


_SETTINGS = {"set_to_hidden": "hide", "set_to_friends_only": "hide", "set_to_public": "unhide"}


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
    if comment_id in (None, "0"):
        post = Post(
            id=require_id(video_id, of="a mention"),
            caption=as_text(content.get("video_caption")),
            created_at=as_time(content.get("video_create_time")),
            permalink=as_text(content.get("share_url")),
        )
        data, object_id = Data(post=post), require_id(video_id, of="a mention")
    else:
        comment = Comment(id=comment_id, post_id=video_id, author_id=as_id(content.get("unique_identifier")))
        data, object_id = Data(comment=comment), require_id(comment_id, of="a mention")
    change = as_text(content.get("type_of_event"))
    when = as_time(body.get("create_time"))
    # A mention that was edited, or shown to others than before, is a change of what we knew.
    version = None if change in (None, "CREATE") else f"{change} {when.isoformat() if when else ''}"
    return _fact("mention.created", object_id, data, body, when, version=version)


def _read_published(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    post_id = require_id(content.get("post_id"), of="a post")
    when = as_time(body.get("create_time"))
    if body["event"] in _PUBLIC:
        return _fact("post.created", post_id, Data(post=Post(id=post_id)), body, when)
    return _fact("post.deleted", post_id, Data(deleted_post=post_id), body, when)


def _read_revocation(body: dict[str, Any], content: dict[str, Any]) -> Fact:
    account_id = require_id(body.get("user_openid"), of="the account")
    when = as_time(body.get("create_time"))
    data = Data(account=AccountRef(id=account_id, reason=as_id(content.get("reason"))))
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
    **dict.fromkeys((*_PUBLIC, *_NOT_PUBLIC), _read_published),
    "brand.mention.event": _read_mention,
    "authorization.removed": _read_revocation,
}


def _samples(seconds: int, serial: int) -> Iterator[Sample]:
    comment, video = 7_400_000_000_000_000_000 + serial * 100, 7_390_000_000_000_000_000 + serial * 100
    author = "+Zq1/ryeFan=="

    def update(action: str, number: int, **more: Any) -> dict[str, Any]:
        return {
            "comment_id": comment + number,
            "video_id": video,
            "parent_comment_id": 0,
            "comment_type": "comment",
            "comment_action": action,
            "timestamp": seconds * 1000 + number,
            "unique_identifier": author,
            **more,
        }

    seen = {"id": str(comment), "post_id": str(video), "parent_id": None, "author_id": author, "text": "where is this?"}
    event = {"event_type": "comment.created", "data": {"comment": seen}}
    yield _sample("comment.update", seconds, update("insert", 0, text="where is this?"), event)
    for number, (action, kind) in enumerate(_SETTINGS.items()):
        event = {
            "event_type": "moderation.action",
            "data": {"action": {"kind": kind, "target_id": str(comment + number)}},
        }
        yield _sample("comment.update", seconds, update(action, number), event)
    event = {"event_type": "comment.deleted", "data": {"comment_id": str(comment), "post_id": str(video)}}
    yield _sample("comment.update", seconds, update("delete", 0), event)

    mention = {
        "type_of_event": "CREATE",
        "mention_type": "COMMENT",
        "video_id": str(video),
        "comment_id": str(comment + 9),
    }
    event = {"event_type": "mention.created", "data": {"comment": {"id": str(comment + 9), "post_id": str(video)}}}
    yield _sample("brand.mention.event", seconds, mention, event)
    post = {"publish_id": f"v_pub_url~v1.{serial}", "post_id": str(video), "publish_type": "DIRECT_PUBLISH"}
    event = {"event_type": "post.created", "data": {"post": {"id": str(video)}}}
    yield _sample(_PUBLIC[0], seconds, post, event)
    event = {"event_type": "post.deleted", "data": {"post_id": str(video)}}
    yield _sample(_NOT_PUBLIC[0], seconds, post, event)
    event = {"event_type": "account.revoked", "data": {"account": {"id": _open_id(serial)}}}
    yield _sample("authorization.removed", seconds, {"reason": 1}, event, open_id=_open_id(serial))
    yield _sample("post.publish.complete", seconds, {"publish_id": f"v_pub_url~v1.{serial}"})


def _open_id(serial: int) -> str:
    return f"act.sample{serial}"


def _sample(
    kind: str, seconds: int, content: Mapping[str, Any], *events: Mapping[str, Any], open_id: str = "biz_sample"
) -> Sample:
    body = {
        "client_key": "sample",
        "event": kind,
        "create_time": seconds,
        "user_openid": open_id,
        "content": json.dumps(content, separators=(",", ":")),
    }
    return Sample(name=kind, body=json.dumps(body, separators=(",", ":")).encode("ascii"), events=events)


PLATFORM = TikTok()
