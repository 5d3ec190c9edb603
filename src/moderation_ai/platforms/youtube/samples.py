"""What would come to YouTube's address, for tests, ``trigger`` and the demo."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from moderation_ai.core.platform import Sample

FEED = {"Content-Type": "application/atom+xml"}
CHANNEL = "UCsampleChannelOfOurs000"
_HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<feed xmlns:yt=\"http://www.youtube.com/xml/schemas/2015\" "
    'xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns="http://www.w3.org/2005/Atom">'
    '<link rel="hub" href="https://pubsubhubbub.appspot.com"/>'
    f'<link rel="self" href="https://www.youtube.com/xml/feeds/videos.xml?channel_id={CHANNEL}"/>'
    "<title>YouTube video feed</title>"
)


def samples_of(now: datetime, serial: int) -> list[Sample]:
    """Return one body of every kind; ``serial`` makes their ids unique."""
    return [*_videos(now, f"vid{serial:08d}"), *_comments(now, serial, "generic"), *_pushes(now, serial)]


def _videos(now: datetime, video_id: str) -> Iterator[Sample]:
    published, changed = now - timedelta(seconds=9), now - timedelta(seconds=1)
    body, post = _entry(video_id, published, published)
    created = {"event_type": "post.created", "data": {"post": post}}
    yield Sample(name="entry", body=_feed(body), events=[created], scheme="websub", headers=FEED)

    (first, older), (second, newer) = _entry(video_id, published, changed), _entry(video_id, published, now)
    events = [
        {"event_type": "post.created", "data": {"post": older}},
        # Which of the two it is, is seen when its turn comes.
        {"event_type": "post.created|post.updated", "data": {"post": newer}},
    ]
    yield Sample(name="entry.changed", body=_feed(first + second), events=events, scheme="websub", headers=FEED)

    gone = (
        f'<at:deleted-entry ref="yt:video:{video_id}" when="{_time(now)}">'
        f'<link href="{_watch(video_id)}"/><at:by><name>Rye &amp; Co</name>'
        f"<uri>https://www.youtube.com/channel/{CHANNEL}</uri></at:by></at:deleted-entry>"
    )
    deleted = {"event_type": "post.deleted", "data": {"post_id": video_id}}
    yield Sample(name="deleted-entry", body=_feed(gone), events=[deleted], scheme="websub", headers=FEED)


def _entry(video_id: str, published: datetime, updated: datetime) -> tuple[str, dict[str, Any]]:
    """Return the entry of a video as it is since ``updated``, and the post that it shows."""
    post = {
        "id": video_id,
        "author_id": CHANNEL,
        "author_username": "Rye & Co",
        "title": "Why crust matters",
        "created_at": _time(published),
        "updated_at": _time(updated),
        "permalink": _watch(video_id),
    }
    entry = (
        f"<entry><id>yt:video:{video_id}</id><yt:videoId>{video_id}</yt:videoId><yt:channelId>{CHANNEL}</yt:channelId>"
        f'<title>Why crust matters</title><link rel="alternate" href="{_watch(video_id)}"/>'
        f"<author><name>Rye &amp; Co</name><uri>https://www.youtube.com/channel/{CHANNEL}</uri></author>"
        f"<published>{_time(published)}</published><updated>{_time(updated)}</updated></entry>"
    )
    return entry, post


def _feed(content: str) -> bytes:
    return f"{_HEAD}{content}</feed>\n".encode()


def _time(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def _watch(video_id: str) -> str:
    return f"https://www.youtube.com/watch?v={video_id}"


def _comments(now: datetime, serial: int, scheme: str) -> Iterator[Sample]:
    comment_id, video_id = f"Ug{scheme[0]}{serial:020d}AaABAg", f"vid{serial:08d}"
    time = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    snippet = {
        "textDisplay": "Finally a recipe that works.",
        "authorDisplayName": "@ryefan",
        "authorChannelId": {"value": "UCryefan"},
        "videoId": video_id,
        "publishedAt": time,
        "updatedAt": time,
    }
    comment = {
        "id": comment_id,
        "post_id": video_id,
        "author_id": "UCryefan",
        "author_username": "@ryefan",
        "text": "Finally a recipe that works.",
    }
    gone = {"comment_id": comment_id, "post_id": video_id}
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("comment.insert", "comment.created", {"comment": comment}),
        ("comment.update", "comment.updated", {"comment": {**comment, "updated_at": time}}),
        ("comment.delete", "comment.deleted", gone),
    ]
    for kind, event_type, data in bodies:
        yield Sample(
            name=kind,
            body=msgspec.json.encode({"type": kind, "comment": {"id": comment_id, "snippet": snippet}}),
            events=[{"event_type": event_type, "data": data}],
            scheme=scheme,
        )


def _pushes(now: datetime, serial: int) -> Iterator[Sample]:
    """Yield a video and the comments as Pub/Sub would push them, about objects of their own."""
    wrapped = [next(_videos(now, f"pub{serial:08d}")), *_comments(now, serial, "pubsub")]
    for number, sample in enumerate(wrapped):
        message_id = f"{serial}{number}"
        message = {
            "data": b64encode(sample.body).decode("ascii"),
            "messageId": message_id,
            "message_id": message_id,
            "publishTime": _time(now),
            "publish_time": _time(now),
        }
        yield Sample(
            name=sample.name,
            body=msgspec.json.encode({"message": message, "subscription": "projects/sample/subscriptions/comments"}),
            events=sample.events,
            scheme="pubsub",
        )
