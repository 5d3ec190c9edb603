"""Videos, as YouTube's hub pushes them: Atom entries for what is there, tombstones for what is gone.

Source: https://developers.google.com/youtube/v3/guides/push_notifications. A tombstone comes for a video that was
deleted and for one that was made private; it is in no documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from moderation_ai.core.batches import distinct, unknown_element
from moderation_ai.core.content import as_id, first_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact
from moderation_ai.core.feeds import Entry, Tombstone, last_part, read_feed
from moderation_ai.core.subjects import Data, Post

VIDEOS: Mapping[str, str] = {
    "entry": "post.created",
    "entry.changed": "post.updated",
    "deleted-entry": "post.deleted",
}
"""Atom's words for what happens to a video, and ours."""
YOUTUBE = "http://www.youtube.com/xml/schemas/2015 "
_PREFIX = "yt:video:"


def read_videos(body: bytes) -> list[Fact]:
    """Return the facts of a feed, in order, each once; raise ``MalformedPayload`` for one that tells of nothing."""
    found = read_feed(body)
    if not found:
        raise MalformedPayload("the feed has no entry")
    return distinct(_read_entry(one) if isinstance(one, Entry) else _read_tombstone(one) for one in found)


def _read_entry(entry: Entry) -> Fact:
    video_id = first_id(entry.element.text_of(f"{YOUTUBE}videoId"), _id_in(entry.id))
    channel_id = first_id(entry.element.text_of(f"{YOUTUBE}channelId"), last_part(entry.author_url))
    if video_id is None:
        return unknown_element([entry.id, entry.title, entry.version], "entry", "an entry has no id of a video")
    post = Post(
        id=video_id,
        author_id=channel_id,
        author_username=entry.author_name,
        title=entry.title,
        created_at=entry.published,
        updated_at=entry.updated,
        permalink=entry.link,
    )
    return Fact(
        event_type="post.created",
        object_id=video_id,
        data=Data(post=post),
        timestamp=entry.updated or entry.published,
        version=entry.version,
        account_id=channel_id,
        author_id=channel_id,
        sighting=True,
    )


def _read_tombstone(tombstone: Tombstone) -> Fact:
    video_id, channel_id = _id_in(tombstone.id), as_id(last_part(tombstone.author_url))
    if video_id is None:
        return unknown_element([tombstone.id], "deleted-entry", "a deleted entry has no id of a video")
    return Fact(
        event_type="post.deleted",
        object_id=video_id,
        data=Data(deleted_post=video_id),
        timestamp=tombstone.when,
        account_id=channel_id,
        author_id=channel_id,
    )


def _id_in(text: str | None) -> str | None:
    return as_id(text.removeprefix(_PREFIX)) if text is not None and text.startswith(_PREFIX) else None
