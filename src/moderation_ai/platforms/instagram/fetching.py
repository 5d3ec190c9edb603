"""What Instagram is polled for: comments and replies that no webhook told, edits, hiding, and deletions.

Sources: those of the rows in ``polled.py``. Edits, hiding and deletions are never pushed, so polling is the only road.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.api import Api, at
from moderation_ai.core.batches import read_or_keep
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, first_id, read_json, require_id
from moderation_ai.core.errors import ConfigurationError, ContentGone, MalformedPayload
from moderation_ai.core.events import Fact, Parsed, comment_fact
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, rows_of
from moderation_ai.core.shelves import ShelfTrail, place
from moderation_ai.core.subjects import Action, Comment, Data
from moderation_ai.core.trails import Aspect, Item, read_trail, text_state
from moderation_ai.platforms.instagram.calls import API
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM

INTERVAL = 300.0
OVERLAP, PAGES = timedelta(minutes=10), 4
"""How far a media is read beyond what was seen, and how many pages of it at most."""
_MEDIA = re.compile(r"[0-9]{5,25}\Z", re.ASCII)


class InstagramPolls(Polls):
    """Poll the account's newest media; what is watched beside them are ids of older ones."""

    api: Api = API
    poll = True
    polls_for = ("comment.created", "comment.updated", "comment.deleted", "moderation.action")
    watches = ("17900000000000001",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return the feed of the account, and one for each media that is watched."""
        of_media = [_feed("media_comments", each, media_comments=1.0) for each in dict.fromkeys(map(_media, watched))]
        if not session.account_id:
            return tuple(of_media)
        # Three media have new comments in five minutes, or something missing, or their turn.
        return (_feed("media", session.account_id, media=1.0, media_comments=3.0), *of_media)

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask which media have other comments than they had, then for these, page by page."""
        trail = read_trail(cursor, ShelfTrail)
        if trail.begins(now):
            if feed.name == "media":
                return self._media(feed, trail, session)
            trail.todo = [feed.of]
        return self._comments(trail, session)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the comments and replies of a list; a list of media tells nothing by itself."""
        value = read_json(body)
        rows = value.get("data") if isinstance(value, dict) else None
        if not isinstance(rows, list):
            raise MalformedPayload("the body is no list of comments")
        comments = [each for each in _flat(rows) if "comments_count" not in each]
        found = [read_or_keep(each, "comment", lambda row: _written(_comment(row, None), None)) for each in comments]
        return Parsed(facts=found, ignored=[] if found else ["list without comments"])

    def _media(self, feed: Feed, trail: ShelfTrail, session: Session) -> Flow[Page]:
        reading = yield from self.api.ask("media", {"host": _host(session), "account_id": feed.of}, session)
        rows = [as_dict(each) for each in as_list(at(reading.body, "data"))]
        counts = {media: each.get("comments_count") for each in rows if (media := as_id(each.get("id")))}
        trail.plan({media: count for media, count in counts.items() if isinstance(count, int)})
        return Page(body=reading.answer.body, cursor=trail.to_text(), more=bool(trail.todo))

    def _comments(self, trail: ShelfTrail, session: Session) -> Flow[Page]:
        media = trail.todo[0]
        values = {"host": _host(session), "media_id": media, "after": trail.after or None}
        try:
            reading = yield from self.api.ask("media_comments", values, session)
        except ContentGone:
            trail.leave()
            return Page(cursor=trail.to_text(), more=bool(trail.todo))
        rows = [as_dict(each) for each in as_list(at(reading.body, "data"))]
        # The cursor `after` stands on the last page too: only `next` says that there is another.
        after = as_id(at(reading.body, "paging.cursors.after")) if at(reading.body, "paging.next") else None
        items, unread = _items(rows, media, session)
        found = trail.read(items, after, _whole(rows), overlap=OVERLAP, pages=PAGES)
        told = [*found.told, *[_deleted(each, media) for each in found.gone], *unread]
        body, cursor = rows_of(reading, "data", told), trail.to_text()
        return Page(facts=tuple(told), body=body, cursor=cursor, more=bool(trail.todo), gap=found.gap)


def _media(watched: str) -> str:
    bare = watched.strip()
    if not _MEDIA.match(bare):
        raise ConfigurationError(f"{watched!r} is no media of Instagram: watch its id, which is a number")
    return bare


def _feed(name: str, of: str, **calls: float) -> Feed:
    return Feed(name=name, of=of, interval=INTERVAL, calls=calls, reconciles=True)


def _host(session: Session) -> str:
    return BY_FACEBOOK if session.page_id else BY_INSTAGRAM


def _flat(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield comments, each followed by the replies that it shows; these need not say what they answer."""
    for row in map(as_dict, rows):
        yield row
        for reply in as_list(at(row, "replies.data")):
            yield {"parent_id": row.get("id"), **as_dict(reply)}


def _whole(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Return the ids of the comments that show all their replies."""
    return {found for row in rows if not at(row, "replies.paging.next") and (found := as_id(row.get("id")))}


def _items(rows: Sequence[dict[str, Any]], media: str, session: Session) -> tuple[list[Item], list[Fact]]:
    found = [(row, _comment(row, media)) for row in _flat(rows)]
    items = [_item(comment, row.get("hidden") is True, media, session) for row, comment in found if comment.id]
    odd = [row for row, comment in found if not comment.id]
    return items, [read_or_keep(row, "comment", lambda fields: _written(_comment(fields, None), None)) for row in odd]


def _comment(row: dict[str, Any], media: str | None) -> Comment:
    return Comment(
        id=as_id(row.get("id")),
        post_id=first_id(at(row, "media.id"), media),
        parent_id=as_id(row.get("parent_id")),
        author_id=first_id(at(row, "from.id"), at(row, "user.id")),
        author_username=as_text(at(row, "from.username")) or as_text(row.get("username")),
        text=as_text(row.get("text")),
        created_at=as_time(row.get("timestamp")),
    )


def _item(comment: Comment, is_hidden: bool, media: str, session: Session) -> Item:
    account_id = session.account_id
    edited = comment_fact("comment.updated", comment, None, account_id)
    sides = (
        Aspect(state=text_state(comment.text), fact=edited),
        Aspect(
            state="hidden" if is_hidden else "shown", fact=_hiding(comment, is_hidden, account_id), stands_out=is_hidden
        ),
        place(media, comment.parent_id, comment.created_at),
    )
    return Item(id=comment.id or "", when=comment.created_at, fact=_written(comment, account_id), aspects=sides)


def _written(comment: Comment, account_id: str | None) -> Fact:
    return comment_fact("comment.created", comment, comment.created_at, account_id)


def _hiding(comment: Comment, is_hidden: bool, account_id: str | None) -> Fact:
    """Return the fact that a comment is hidden or shown again; by whom, and since when, nobody tells."""
    action = Action(
        kind="hide" if is_hidden else "unhide",
        target_id=comment.id,
        target_type="comment",
        target_author_id=comment.author_id,
    )
    return Fact(
        event_type="moderation.action",
        object_id=require_id(comment.id, of="a comment"),
        data=Data(action=action),
        account_id=account_id,
    )


def _deleted(comment_id: str, media: str) -> Fact:
    data = Data(deleted_comment=comment_id, deleted_post=media)
    return Fact(event_type="comment.deleted", object_id=comment_id, data=data)
