"""What YouTube is polled for: comments and replies, edits, deletions, and what is held for the channel's owner.

Sources: those of the rows in ``polled.py``, and https://developers.google.com/youtube/v3/determine_quota_cost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from moderation_ai.core.api import Api, Reading, at
from moderation_ai.core.batches import read_or_keep
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, read_json
from moderation_ai.core.errors import ConfigurationError, ContentGone, MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, rows_of, validator
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.core.trails import SAME_POLL, Aspect, Item, Trail, read_trail, text_state
from moderation_ai.platforms.youtube import comments
from moderation_ai.platforms.youtube.calls import API

OVERLAP = timedelta(minutes=15)
LOOK_EVERY, LOOK_SIZE, LOOK_DEPTH = 150.0, 50, 500
"""Looks go by turns to threads, for their new replies, and to replies: 50 of the 500 newest for one unit."""
MOST_TODO = 100
"""Threads whose replies wait to be read: as many as a page shows. For more there is room when these were read."""
_CHANNEL = re.compile(r"UC[A-Za-z0-9_-]{22}\Z", re.ASCII)
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}\Z", re.ASCII)
_LISTS = ("youtube#commentThreadListResponse", "youtube#commentListResponse")


class YouTubeTrail(Trail, kw_only=True, omit_defaults=True):
    """What is remembered of a channel's comments.

    ``counts`` holds how many replies a thread had when they were read last, ``todo`` the threads (with their videos)
    whose replies are to be read, and ``token`` the page that is next there. ``etag`` is that of the newest page, and
    ``polled`` when the poll under way asked last.
    """

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    todo: list[tuple[str, str | None]] = msgspec.field(default_factory=list)
    token: str = ""
    polled: float = 0.0
    etag: str = ""
    at_replies: bool = False


class YouTubePolls(Polls):
    """Poll the account's channel; what is watched beside it are ids of channels (``UC…``) and of videos."""

    api: Api = API
    poll = True
    polls_for = ("comment.created", "comment.updated", "comment.deleted", "comment.held")
    watches = ("dQw4w9WgXcQ",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return the feeds of the account's channel with what is held there, and those of what else is watched."""
        own = session.account_id
        others = [each for each in dict.fromkeys(map(_watched, watched)) if each != own]
        feeds = [_feed("video_threads" if _VIDEO.match(each) else "threads", each) for each in others]
        if own:
            held = {"held_threads": 1.0}
            feeds.insert(0, _feed("threads", own))
            feeds.append(Feed(name="held", of=own, interval=120, calls=held))
            feeds.append(Feed(name="spam", of=own, interval=300, calls=held))
        return tuple(feeds)

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask for a page of what is new, for replies that a page did not show, or look again at what was seen."""
        trail = read_trail(cursor, YouTubeTrail)
        if feed.name in _HELD:
            return self._held(feed, trail, session)
        goes_on, trail.polled = 0 <= now.timestamp() - trail.polled <= SAME_POLL, now.timestamp()
        if trail.is_look(now):
            trail.at_replies = not trail.at_replies
            return self._look(trail, session)
        if trail.todo and goes_on:
            return self._replies(trail, session, now)
        if trail.todo:
            # The replies of a thread could not be read the last time: what is new comes first, and other threads.
            trail.todo.append(trail.todo.pop(0))
            trail.token = ""
        return self._walk(feed, trail, session, now)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the facts of a list of threads or comments; what was edited is a change there."""
        value = read_json(body)
        if not isinstance(value, dict) or not (value.get("kind") in _LISTS or isinstance(value.get("items"), list)):
            raise MalformedPayload("the body is no list of comments")
        found = [read_or_keep(each, "comment", lambda fields: _told(_comment(fields))) for each in _flat(value)]
        return Parsed(facts=found, ignored=[] if found else ["empty list"])

    def _walk(self, feed: Feed, trail: YouTubeTrail, session: Session, now: datetime) -> Flow[Page]:
        selector = "videoId" if feed.name == "video_threads" else "allThreadsRelatedToChannelId"
        values = {selector: feed.of, "pageToken": trail.after or None}
        if not trail.after:
            values["If-None-Match"] = trail.etag or None
        reading = yield from self.api.ask(feed.name, values, session)
        if reading.is_unchanged:
            return _page([], reading, trail, more=bool(trail.todo) or trail.plan_look(now, LOOK_EVERY))
        if not trail.after:
            trail.etag = validator(as_text(at(reading.body, "etag")))
        items, unread = _items(reading)
        first = [item for item in items if "." not in item.id]
        more, gap = trail.walk(first, as_id(at(reading.body, "nextPageToken")), overlap=OVERLAP)
        told = [*trail.take(items), *unread]
        _note_replies(trail, reading)
        more = more or bool(trail.todo) or trail.plan_look(now, LOOK_EVERY)
        return _page(told, reading, trail, more=more, gap=gap)

    def _replies(self, trail: YouTubeTrail, session: Session, now: datetime) -> Flow[Page]:
        thread_id, video_id = trail.todo[0]
        values = {"parentId": thread_id, "pageToken": trail.token or None}
        try:
            reading = yield from self.api.ask("replies", values, session)
        except ContentGone:
            # The thread is gone; a look will find its comments missing.
            trail.todo.pop(0)
            return Page(cursor=trail.to_text(), more=bool(trail.todo or trail.after))
        items, unread = _items(reading, video_id)
        told = [*trail.take(items, is_look=True), *unread]
        trail.token = as_id(at(reading.body, "nextPageToken")) or ""
        if not trail.token:
            trail.todo.pop(0)
        # A walk that replies came between goes on afterwards.
        more = bool(trail.todo or trail.after) or trail.plan_look(now, LOOK_EVERY)
        return _page(told, reading, trail, more=more)

    def _look(self, trail: YouTubeTrail, session: Session) -> Flow[Page]:
        kind = "comments" if trail.at_replies else "threads_by_id"
        asked = trail.next_look(LOOK_SIZE, LOOK_DEPTH, kind, lambda each: ("." in each) is trail.at_replies)
        if not asked:
            return Page(cursor=trail.to_text())
        reading = yield from self.api.ask(kind, {"id": ",".join(asked)}, session)
        items, unread = _items(reading)
        told = trail.take(items, is_look=True)
        gone = [_deleted(each) for each in trail.settle(asked, {item.id for item in items})]
        _note_replies(trail, reading)
        return _page([*told, *gone, *unread], reading, trail, more=bool(trail.todo))

    def _held(self, feed: Feed, trail: YouTubeTrail, session: Session) -> Flow[Page]:
        values = {"allThreadsRelatedToChannelId": feed.of, "moderationStatus": _HELD[feed.name]}
        reading = yield from self.api.ask("held_threads", {**values, "pageToken": trail.after or None}, session)
        found = [_held_item(each, feed.of) for each in _flat(reading.body) if _is_comment(each)]
        more, gap = trail.walk(found, as_id(at(reading.body, "nextPageToken")), whole=True)
        return _page(trail.take(found), reading, trail, more=more, gap=gap)


_HELD = {"held": "heldForReview", "spam": "likelySpam"}


def _watched(text: str) -> str:
    bare = text.strip()
    if not _CHANNEL.match(bare) and not _VIDEO.match(bare):
        raise ConfigurationError(
            f"{text!r} is neither a channel nor a video of YouTube: watch the id of a channel, which begins with UC, "
            "or that of a video, the eleven characters behind v= in its address"
        )
    return bare


def _feed(name: str, of: str) -> Feed:
    # A single video is of less weight than the account's channel, and the day's units are few.
    interval = _INTERVALS[name]
    look = interval / LOOK_EVERY / 2
    calls = {name: 1.0, "threads_by_id": look, "comments": look, "replies": look}
    return Feed(name=name, of=of, interval=interval, calls=calls)


_INTERVALS = {"threads": 60.0, "video_threads": 120.0}


def _flat(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the comments of an answer: those of a list, or of each thread the first and the replies that it shows."""
    for item in map(as_dict, as_list(at(body, "items"))):
        first = at(item, "snippet.topLevelComment")
        if first is None:
            yield item
            continue
        yield as_dict(first)
        yield from map(as_dict, as_list(at(item, "replies.comments")))


def _is_comment(fields: dict[str, Any]) -> bool:
    return as_id(fields.get("id")) is not None


def _comment(fields: dict[str, Any], video_id: str | None = None) -> tuple[Comment, str | None]:
    """Return a comment and the channel that it stands on."""
    comment = comments.read_comment(fields)
    comment.post_id = comment.post_id or video_id
    return comment, as_id(at(fields, "snippet.channelId"))


def _told(found: tuple[Comment, str | None]) -> Fact:
    comment, channel_id = found
    return (comments.edited if comments.is_edited(comment) else comments.written)(comment, channel_id)


def _items(reading: Reading, video_id: str | None = None) -> tuple[list[Item], list[Fact]]:
    """Return the comments of an answer, and the ``unknown`` facts of what is none."""
    fields = list(_flat(reading.body))
    items = [_item(*_comment(each, video_id)) for each in fields if _is_comment(each)]
    return items, [
        read_or_keep(each, "comment", lambda odd: _told(_comment(odd))) for each in fields if not _is_comment(each)
    ]


def _item(comment: Comment, channel_id: str | None) -> Item:
    is_edited = comments.is_edited(comment)
    state = text_state(comment.text) + (
        f"@{comment.updated_at.isoformat()}" if is_edited and comment.updated_at else ""
    )
    change = comments.edited(comment, channel_id)
    if not is_edited:
        change.version = change.timestamp = None  # Its text is another one, and nobody says since when.
    aspect = Aspect(state=state, fact=change, stands_out=is_edited)
    written = comments.written(comment, channel_id)
    return Item(id=comment.id or "", when=comment.created_at, fact=written, aspects=(aspect,))


def _held_item(fields: dict[str, Any], channel_id: str) -> Item:
    comment, _ = _comment(fields)
    return Item(id=comment.id or "", when=comment.created_at, fact=comments.held(comment, channel_id))


def _note_replies(trail: YouTubeTrail, reading: Reading) -> None:
    """Note the threads that have more replies than they had, and do not show them all."""
    for thread in map(as_dict, as_list(at(reading.body, "items"))):
        thread_id, count = as_id(thread.get("id")), at(thread, "snippet.totalReplyCount")
        if thread_id is None or not isinstance(count, int) or isinstance(count, bool):
            continue
        shown = len(as_list(at(thread, "replies.comments")))
        if count > max(shown, trail.counts.get(thread_id, 0)) and thread_id not in [each for each, _ in trail.todo]:
            if len(trail.todo) >= MOST_TODO:
                continue  # Its count is not noted either, so the next page or look that shows it notes both.
            trail.todo.append((thread_id, as_id(at(thread, "snippet.videoId"))))
        trail.counts[thread_id] = count
    trail.counts = {each: count for each, count in trail.counts.items() if each in trail.seen and count}


def _deleted(comment_id: str) -> Fact:
    data = Data(deleted_comment=comment_id)
    return Fact(event_type="comment.deleted", object_id=comment_id, data=data)


def _page(told: Sequence[Fact], reading: Reading, trail: Trail, *, more: bool = False, gap: bool = False) -> Page:
    body = rows_of(reading, "items", told)
    return Page(facts=tuple(told), body=body, cursor=trail.to_text(), more=more, gap=gap)
