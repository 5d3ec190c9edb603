"""Bodies as TikTok would send them, with the events that must come out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moderation_ai.core.platform import Sample
from moderation_ai.platforms.tiktok.receiving import KINDS, NOT_PUBLIC, PUBLIC, SETTINGS


def samples(seconds: int, serial: int) -> Iterator[Sample]:
    """Yield a body for every kind at a Unix time; ``serial`` makes their ids unique."""
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
    yield _sample("comment.update", seconds, update("insert", 0, text="where is this?"), event, variant="insert")
    for number, (action, kind) in enumerate(SETTINGS.items()):
        event = {
            "event_type": "moderation.action",
            "data": {"action": {"kind": kind, "target_id": str(comment + number)}},
        }
        yield _sample("comment.update", seconds, update(action, number), event, variant=action)
    event = {"event_type": "comment.deleted", "data": {"comment_id": str(comment), "post_id": str(video)}}
    yield _sample("comment.update", seconds, update("delete", 0), event, variant="delete")
    seen = {"id": str(comment + 8), "post_id": str(video), "text": "me too"}
    event = {"event_type": "comment.created", "data": {"comment": seen}}
    yield _sample("comment.post", seconds, update("insert", 8, text="me too"), event)
    yield from _other_samples(seconds, serial, comment, video)


def _other_samples(seconds: int, serial: int, comment: int, video: int) -> Iterator[Sample]:
    mention = {
        "type_of_event": "CREATE",
        "mention_type": "COMMENT",
        "video_id": str(video),
        "comment_id": str(comment + 9),
    }
    event = {"event_type": "mention.created", "data": {"comment": {"id": str(comment + 9), "post_id": str(video)}}}
    yield _sample("brand.mention.event", seconds, mention, event)
    publish_id = f"v_pub_url~v1.{serial}"
    for number, (shown, gone) in enumerate(zip(PUBLIC, NOT_PUBLIC, strict=True)):
        post = {"publish_id": publish_id, "post_id": str(video + number), "publish_type": "DIRECT_PUBLISH"}
        event = {"event_type": "post.created", "data": {"post": {"id": post["post_id"]}}}
        yield _sample(shown, seconds, post, event)
        event = {"event_type": "post.deleted", "data": {"post_id": post["post_id"]}}
        yield _sample(gone, seconds, post, event)
    event = {"event_type": "account.revoked", "data": {"account": {"id": _open_id(serial)}}}
    yield _sample("authorization.removed", seconds, {"reason": 1}, event, open_id=_open_id(serial))
    for kind in (kind for kind, becomes in KINDS.items() if not becomes):
        yield _sample(kind, seconds, {"publish_id": publish_id})


def _open_id(serial: int) -> str:
    return f"act.sample{serial}"


def _sample(
    kind: str,
    seconds: int,
    content: Mapping[str, Any],
    *events: Mapping[str, Any],
    open_id: str = "biz_sample",
    variant: str = "",
) -> Sample:
    body = {
        "client_key": "sample",
        "event": kind,
        "create_time": seconds,
        "user_openid": open_id,
        "content": json.dumps(content, separators=(",", ":")),
    }
    encoded = json.dumps(body, separators=(",", ":")).encode("ascii")
    return Sample(name=kind, body=encoded, events=events, variant=variant)
