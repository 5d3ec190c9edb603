"""What TikTok is polled for: comments and replies that no webhook told, hiding, and deletions.

Source: that of the rows in ``polled.py``. Comments cannot be edited there, and TikTok's own filters hide some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.api import Api, at
from moderation_ai.core.batches import read_or_keep
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, read_json, require_id
from moderation_ai.core.errors import ConfigurationError, MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, rows_of
from moderation_ai.core.shelves import ShelfTrail, place
from moderation_ai.core.subjects import Action, Comment, Data
from moderation_ai.core.trails import Aspect, Item, read_trail
from moderation_ai.platforms.tiktok.calls import API

INTERVAL = 300.0
OVERLAP, PAGES = timedelta(minutes=10), 10
"""How far a video is read beyond what was seen, and how many pages of it at most."""
_VIDEO = re.compile(r"[0-9]{15,25}\Z", re.ASCII)


class TikTokPolls(Polls):
    """Poll the account's newest videos; what is watched beside them are ids of older ones."""

    api: Api = API
    poll = True
    polls_for = ("comment.created", "comment.deleted", "moderation.action")
    watches = ("7390000000000000001",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return the feed of the account, and one for each video that is watched; there is none without its id."""
        videos = list(dict.fromkeys(map(_video, watched)))
        if not session.account_id:
            return ()
        # Three videos have new comments in five minutes, or something missing, or their turn.
        own = _feed("videos", session.account_id, videos=1.0, video_comments=3.0)
        return (own, *[_feed("video_comments", each, video_comments=1.0) for each in videos])

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask which videos have other comments than they had, then for these, page by page."""
        trail = read_trail(cursor, ShelfTrail)
        if trail.begins(now):
            if feed.name == "videos":
                return self._videos(trail, session)
            trail.todo = [feed.of]
        return self._comments(trail, session)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the comments and replies of a list; a list of videos tells nothing by itself."""
        value = read_json(body)
        rows = at(value, "data.comments")
        if not isinstance(rows, list):
            if isinstance(at(value, "data.videos"), list):
                return Parsed(ignored=["list of videos"])
            raise MalformedPayload("the body is no list of comments")
        return Parsed(facts=[_read(row, None) for row in _flat(rows)], ignored=[] if rows else ["empty list"])

    def _videos(self, trail: ShelfTrail, session: Session) -> Flow[Page]:
        reading = yield from self.api.ask("videos", {"business_id": session.account_id}, session)
        rows = [as_dict(each) for each in as_list(at(reading.body, "data.videos"))]
        counts = {video: each.get("comments") for each in rows if (video := as_id(each.get("item_id")))}
        trail.plan({video: count for video, count in counts.items() if isinstance(count, int)})
        return Page(body=reading.answer.body, cursor=trail.to_text(), more=bool(trail.todo))

    def _comments(self, trail: ShelfTrail, session: Session) -> Flow[Page]:
        video = trail.todo[0]
        values = {"business_id": session.account_id, "video_id": video, "cursor": trail.after or None}
        reading = yield from self.api.ask("video_comments", values, session)
        rows = [as_dict(each) for each in as_list(at(reading.body, "data.comments"))]
        # A short page is not the last one; a cursor that does not move would lead nowhere.
        cursor = as_id(at(reading.body, "data.cursor"))
        after = cursor if at(reading.body, "data.has_more") is True and cursor != trail.after else None
        comments = [row for row in _flat(rows) if as_id(row.get("comment_id"))]
        odd = [_read(row, session) for row in _flat(rows) if not as_id(row.get("comment_id"))]
        items = [_item(row, video, session) for row in comments]
        found = trail.read(items, after, _whole(rows), overlap=OVERLAP, pages=PAGES)
        told = [*found.told, *[_deleted(each, video, session) for each in found.gone], *odd]
        body, text = rows_of(reading, "data.comments", told), trail.to_text()
        return Page(facts=tuple(told), body=body, cursor=text, more=bool(trail.todo), gap=found.gap)


def _video(watched: str) -> str:
    bare = watched.strip()
    if not _VIDEO.match(bare):
        raise ConfigurationError(
            f"{watched!r} is no video of TikTok: watch its id, the number at the end of its address"
        )
    return bare


def _feed(name: str, of: str, **calls: float) -> Feed:
    return Feed(name=name, of=of, interval=INTERVAL, calls=calls, reconciles=True)


def _flat(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield comments, each followed by the replies that it shows."""
    for row in map(as_dict, rows):
        yield row
        yield from (
            {"parent_comment_id": row.get("comment_id"), **as_dict(each)} for each in as_list(row.get("reply_list"))
        )


def _whole(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Return the ids of the comments that show as many replies as they count."""
    counted = [(as_id(row.get("comment_id")), row.get("replies"), as_list(row.get("reply_list"))) for row in rows]
    return {each for each, count, shown in counted if each and count == len(shown)}


def _read(row: dict[str, Any], session: Session | None) -> Fact:
    return read_or_keep(row, "comment", lambda fields: _written(fields, _comment(fields, None), session))


def _comment(row: dict[str, Any], video: str | None) -> Comment:
    parent_id = as_id(row.get("parent_comment_id"))
    return Comment(
        id=as_id(row.get("comment_id")),
        post_id=as_id(row.get("video_id")) or video,
        # Zero stands for none.
        parent_id=None if parent_id == "0" else parent_id,
        author_id=as_id(row.get("unique_identifier")),
        author_username=as_text(row.get("username")),
        text=as_text(row.get("text")),
        created_at=as_time(row.get("create_time")),  # seconds, in a text
    )


def _item(row: dict[str, Any], video: str, session: Session) -> Item:
    comment = _comment(row, video)
    # What only friends see is as good as hidden, as by the webhook.
    is_hidden = as_text(row.get("status")) not in (None, "PUBLIC")
    state = "hidden" if is_hidden else "shown"
    return Item(
        id=comment.id or "",
        when=comment.created_at,
        fact=_written(row, comment, session),
        aspects=(
            Aspect(state=state, fact=_hiding(comment, is_hidden, session), stands_out=is_hidden),
            place(video, comment.parent_id, comment.created_at),
        ),
    )


def _written(row: dict[str, Any], comment: Comment, session: Session | None) -> Fact:
    account_id = session.account_id if session else None
    return Fact(
        event_type="comment.created",
        object_id=require_id(comment.id, of="a comment"),
        data=Data(comment=comment),
        timestamp=comment.created_at,
        account_id=account_id,
        # The account is known by another id in its own comments.
        author_id=account_id if row.get("owner") is True else comment.author_id,
    )


def _hiding(comment: Comment, is_hidden: bool, session: Session) -> Fact:
    action = Action(
        kind="hide" if is_hidden else "unhide",
        target_id=comment.id,
        target_type="comment",
        target_author_id=comment.author_id,
    )
    return Fact(
        event_type="moderation.action",
        object_id=comment.id or "",
        data=Data(action=action),
        account_id=session.account_id,
    )


def _deleted(comment_id: str, video: str, session: Session) -> Fact:
    return Fact(
        event_type="comment.deleted",
        object_id=comment_id,
        data=Data(deleted_comment=comment_id, deleted_post=video),
        account_id=session.account_id,
    )
