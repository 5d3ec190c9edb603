"""What Reddit is polled for: comments and posts, their edits and deletions, the queues of moderators, and their log.

Sources: those of the rows in ``polled.py``, and https://praw.readthedocs.io for how listings behave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.api import Api, Reading, at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, read_json
from moderation_ai.core.errors import ConfigurationError, MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, rows_of
from moderation_ai.core.subjects import Comment, Data, Post
from moderation_ai.core.trails import Aspect, Item, Trail, read_trail, text_state
from moderation_ai.platforms.reddit import facts, listings, queues
from moderation_ai.platforms.reddit.calls import API
from moderation_ai.platforms.reddit.facts import Scope
from moderation_ai.platforms.reddit.polled import PAGE_SIZE, SPREAD

OVERLAP = timedelta(seconds=120)
_QUEUES = ("modqueue", "reports")
"""Queues are read to their end: an old thing that is reported now may stand anywhere in them."""
LOOK_EVERY, LOOK_SIZE, LOOK_DEPTH = 60.0, 100, 500
"""Each minute 100 of the 500 newest things are looked at again: all of them in five minutes."""
_JOINED = 50
_SUBREDDIT = re.compile(r"(?:/?r/)?([A-Za-z0-9_]{2,21})/?\Z", re.ASCII)


class RedditPolls(Polls):
    """Poll subreddits; what is watched are their names, ``mod`` for all that the account moderates."""

    api: Api = API
    poll = True
    polls_for = (
        "comment.created",
        "comment.updated",
        "comment.deleted",
        "comment.held",
        "post.created",
        "post.updated",
        "post.deleted",
        "report.created",
        "moderation.action",
    )
    watches = ("r/breadmakers",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return the feeds of the subreddits that are watched, many of them in one request."""
        names = list(dict.fromkeys(map(_subreddit, watched)))
        groups = ["+".join(names[n : n + _JOINED]) for n in range(0, len(names), _JOINED)]
        return tuple(feed for group in groups for feed in _feeds(group))

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask for a page of what is new, or look again at what was seen."""
        trail = read_trail(cursor, Trail)
        if trail.is_look(now):
            return self._look(trail, session)
        return self._walk(feed, trail, session, now)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the facts of a listing: each thing by its own kind."""
        value = read_json(body)
        if not isinstance(value, dict) or value.get("kind") != "Listing":
            raise MalformedPayload("the body is no listing")
        return listings.read_thing(value)

    def _walk(self, feed: Feed, trail: Trail, session: Session, now: datetime) -> Flow[Page]:
        # Never `before`: it answers nothing for ever once what it names is gone.
        limit = PAGE_SIZE - int(now.timestamp() / feed.interval) % SPREAD
        values = {"subreddits": feed.of, "limit": limit, "after": trail.after or None}
        reading = yield from self.api.ask(feed.name, values, session)
        items, unread = _items(reading, _READERS[feed.name])
        after = as_id(at(reading.body, "data.after"))
        more, gap = trail.walk(items, after, overlap=OVERLAP, whole=feed.name in _QUEUES)
        told = [*trail.take(items), *unread]
        if not more and feed.name in _LOOKED_AT:
            more = trail.plan_look(now, LOOK_EVERY)
        return _page(told, reading, trail, more=more, gap=gap)

    def _look(self, trail: Trail, session: Session) -> Flow[Page]:
        asked = trail.next_look(LOOK_SIZE, LOOK_DEPTH)
        reading = yield from self.api.ask("info", {"id": ",".join(asked)}, session)
        items, unread = _items(reading, _read_thing)
        gone = dict(_gone(reading))
        ids = trail.settle(asked, {item.id for item in items})
        told = [gone.get(each) or _deleted(each) for each in ids]
        return _page([*trail.take(items, is_look=True), *told, *unread], reading, trail)


def _subreddit(watched: str) -> str:
    found = _SUBREDDIT.match(watched.strip())
    if found is None:
        raise ConfigurationError(f"{watched!r} is no subreddit: watch its name as it stands behind r/, or mod for all")
    return found[1]


def _feeds(group: str) -> Iterator[Feed]:
    look = {"info": 10.0 / LOOK_EVERY}
    yield Feed(name="new_comments", of=group, interval=10, calls={"new_comments": 1, **look}, reconciles=True)
    look = {"info": 30.0 / LOOK_EVERY}
    yield Feed(name="new_posts", of=group, interval=30, calls={"new_posts": 1, **look}, reconciles=True)
    for name, interval in (("edited", 30), ("modqueue", 30), ("reports", 60), ("modlog", 30)):
        yield Feed(name=name, of=group, interval=interval, calls={name: 1}, reconciles=True)


_Reader = Callable[[str, dict[str, Any]], Iterator[Item]]


def _items(reading: Reading, read: _Reader) -> tuple[list[Item], list[Fact]]:
    """Return what stands in a listing, and the ``unknown`` facts of what cannot be read."""
    items: list[Item] = []
    unread: list[Fact] = []
    for child in as_list(at(reading.body, "data.children")):
        try:
            items += read(as_text(at(child, "kind")) or "", as_dict(at(child, "data")))
        except MalformedPayload:
            unread += listings.read_thing(as_dict(child)).facts
    return items, unread


def _read_thing(kind: str, data: dict[str, Any]) -> Iterator[Item]:
    """Yield a comment or a post that is there; one that was deleted is missing, which is for a look to find."""
    if kind not in ("t1", "t3"):
        raise MalformedPayload("neither a comment nor a post")
    if listings.read_gone(data) is not None:
        return
    if kind == "t1":
        comment = listings.comment_of(data)
        written = facts.written(comment, listings.scope_of(data, comment.created_at))
        edited = facts.edited(comment, listings.scope_of(data, comment.updated_at))
        yield _item(written, edited, comment, data)
    else:
        post = listings.post_of(data)
        written = facts.posted(post, listings.scope_of(data, post.created_at))
        edited = facts.reposted(post, listings.scope_of(data, post.updated_at))
        yield _item(written, edited, post, data)


def _item(written: Fact, edited: Fact, thing: Comment | Post, data: dict[str, Any]) -> Item:
    # An edit within the first minutes is marked by nothing: it shows in the text alone.
    is_marked = thing.updated_at is not None
    state = text_state(thing.text, as_text(data.get("title"))) + (f"@{facts.version_of(thing.updated_at)}" * is_marked)
    aspect = Aspect(state=state, fact=edited, stands_out=is_marked)
    return Item(id=written.object_id, when=thing.created_at, fact=written, aspects=(aspect,))


def _read_edit(kind: str, data: dict[str, Any]) -> Iterator[Item]:
    """Yield an edit; each edit of a thing is one of its own."""
    for item in _read_thing(kind, data):
        when = as_time(data.get("edited"))
        yield Item(id=f"{item.id} {data.get('edited')}", when=when, fact=item.aspects[0].fact)


def _read_action(kind: str, data: dict[str, Any]) -> Iterator[Item]:
    if kind != "modaction":
        raise MalformedPayload("no entry of a moderation log")
    fact = listings.read_action(data)
    yield Item(id=as_id(data.get("id")) or fact.object_id, when=fact.timestamp, fact=fact)


def _gone(reading: Reading) -> Iterator[tuple[str, Fact]]:
    for child in as_list(at(reading.body, "data.children")):
        fact = listings.read_gone(as_dict(at(child, "data")))
        if fact is not None:
            yield fact.object_id, fact


def _deleted(fullname: str) -> Fact:
    """Return the fact that a thing is there no more, of which Reddit shows not even the place."""
    is_post = facts.type_of(fullname) == "post"
    data = Data(deleted_post=fullname) if is_post else Data(deleted_comment=fullname)
    return facts.deleted(data, Scope(), None)


def _page(told: Sequence[Fact], reading: Reading, trail: Trail, *, more: bool = False, gap: bool = False) -> Page:
    body = rows_of(reading, "data.children", told)
    return Page(facts=tuple(told), body=body, cursor=trail.to_text(), more=more, gap=gap)


_LOOKED_AT = ("new_comments", "new_posts")
_READERS: dict[str, _Reader] = {
    "new_comments": _read_thing,
    "new_posts": _read_thing,
    "edited": _read_edit,
    "modqueue": queues.read_queued,
    "reports": queues.read_queued,
    "modlog": _read_action,
}
