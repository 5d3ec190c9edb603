"""What Medium is polled for: the posts of its feeds, new and changed. Of responses and deletions they tell nothing.

Source: https://help.medium.com/hc/en-us/articles/214874118. Only medium.com is asked: the feed of a publication with a
domain of its own stands there too, and to ask any host that a setting names would open a way to the inside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from moderation_ai.core.api import Api
from moderation_ai.core.batches import distinct
from moderation_ai.core.errors import ConfigurationError, MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.feeds import read_feed
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, validator
from moderation_ai.core.trails import Aspect, Item, Trail, read_trail
from moderation_ai.core.xml import is_xml
from moderation_ai.platforms.medium.entries import read_entry
from moderation_ai.platforms.medium.polled import API, NEWEST

INTERVAL = 900.0
_ADDRESS = re.compile(r"https?://(?:(?P<user>[\w-]{1,64})\.)?medium\.com(?:/feed)?/?(?P<path>.*)\Z", re.ASCII)
_FEED = re.compile(r"tag/[\w-]{1,64}\Z|@?[\w.-]{1,64}(?:/tagged/[\w-]{1,64})?\Z", re.ASCII)


class MediumTrail(Trail, kw_only=True, omit_defaults=True):
    """What is remembered of a feed: also what it was called when it was last read (``etag``, ``modified``)."""

    etag: str = ""
    modified: str = ""


class MediumPolls(Polls):
    """Poll feeds; what is watched are users (``@name``), publications, tags (``tag/name``), or addresses of these."""

    api: ClassVar[Api] = API
    poll = True
    polls_for = ("post.created", "post.updated")
    watches = ("@rye",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return a feed for each user, publication or tag."""
        names = dict.fromkeys(map(feed_name, watched))
        return tuple(
            Feed(name="posts", of=name, interval=INTERVAL, calls={_call_of(name)[0]: 1.0}, reconciles=True)
            for name in names
        )

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask for the ten newest posts, if anything has changed; nothing in a feed says that a post is gone."""
        trail = read_trail(cursor, MediumTrail)
        name, values = _call_of(feed.of)
        since = {"If-None-Match": trail.etag or None, "If-Modified-Since": trail.modified or None}
        reading = yield from self.api.ask(name, {**values, **since}, session)
        if reading.is_unchanged:
            return Page(cursor=trail.to_text())
        answer = reading.answer
        found = _facts(answer.body)
        trail.etag = validator(answer.headers.get("etag"))
        trail.modified = validator(answer.headers.get("last-modified"))
        items = [_item(fact) for fact in found if fact.event_type != "unknown"]
        _, gap = trail.walk(items, None, pages=1)
        told = [*trail.take(items), *[fact for fact in found if fact.event_type == "unknown"]]
        return Page(facts=tuple(told), body=answer.body, cursor=trail.to_text(), gap=gap and len(items) >= NEWEST)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the posts of a feed."""
        found = _facts(body)
        return Parsed(facts=found, ignored=[] if found else ["empty feed"])


def feed_name(watched: str) -> str:
    """Return what stands behind ``/feed/``: ``@rye``, ``breadmakers``, ``breadmakers/tagged/rye``, ``tag/rye``.

    Raises ``ConfigurationError`` for what is no feed of medium.com.
    """
    bare = watched.strip().partition("?")[0].rstrip("/")
    address = _ADDRESS.match(bare)
    if address is not None:
        user = address["user"]
        bare = address["path"] if user in (None, "www") else f"@{user}"
    if not _FEED.match(bare) or "://" in bare or bare in (".", "..", "tag", "feed"):
        raise ConfigurationError(
            f"{watched!r} is no feed of medium.com: watch @user, a publication, publication/tagged/word or tag/word. "
            "One with a domain of its own has its feed at medium.com too, by the publication's name there"
        )
    return bare


def _call_of(name: str) -> tuple[str, Mapping[str, object]]:
    first, _, rest = name.partition("/")
    if not rest:
        return "feed", {"name": name}
    return ("tag", {"tag": rest}) if first == "tag" else ("tagged", {"name": first, "tag": rest.rpartition("/")[2]})


def _facts(body: bytes) -> list[Fact]:
    if not is_xml(body):
        raise MalformedPayload("the body is no feed")
    return distinct(map(read_entry, read_feed(body)))


def _item(fact: Fact) -> Item:
    # A feed shows how a post is: what was not known is created by that, what was is changed, as with the hub's pushes.
    post = fact.data.post
    state = (fact.version or "").replace(" ", "")
    return Item(
        id=fact.object_id,
        when=post.created_at if post else None,
        fact=fact,
        aspects=(Aspect(state=state, fact=fact),),
    )
