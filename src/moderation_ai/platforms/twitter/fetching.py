"""What X is polled for, where a spend cap allows it: mentions of the account, and replies in conversations.

Sources: those of the rows in ``polled.py``. Answers to answers are pushed to nobody; deletions, edits and hiding cannot
be seen for less than a read of each post.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from moderation_ai.core.api import Api, at
from moderation_ai.core.batches import read_or_keep
from moderation_ai.core.content import as_dict, as_id, as_list, read_json
from moderation_ai.core.errors import ConfigurationError, MalformedPayload, RateLimited
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page, Polls, rows_of
from moderation_ai.core.trails import Aspect, Item, Trail, read_trail
from moderation_ai.platforms.twitter.activity import tweet_of
from moderation_ai.platforms.twitter.calls import API
from moderation_ai.platforms.twitter.facts import written
from moderation_ai.platforms.twitter.polled import FEWEST, MOST, PRICES

INTERVAL = 300.0
OVERLAP = 60_000 << 22
"""A minute, in ids: those of X begin with the milliseconds, and a list shows some posts late."""
PAGES = 50
"""Pages of one walk; the spend cap ends most of them sooner."""
_TOGETHER = 10
_ID = re.compile(r"[0-9]{1,19}\Z", re.ASCII)


class TwitterTrail(Trail, kw_only=True, omit_defaults=True):
    """What is remembered of a list of posts.

    ``newest`` is the newest id that a whole walk has shown, ``first`` the newest of the walk under way, which goes on
    below ``until``. ``bought`` counts the posts that were read on ``day``.
    """

    newest: int = 0
    first: int = 0
    until: int = 0
    day: str = ""
    bought: int = 0


class TwitterPolls(Polls):
    """Poll mentions, and the conversations that are watched by the ids of the posts that began them."""

    api: Api = API
    poll = True
    polls_for = ("comment.created", "comment.updated", "post.created", "post.updated", "mention.created")
    watches: ClassVar[tuple[str, ...]] = ("1940000000000000001",)

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return the feeds of mentions and conversations, which share the cap; none where there is no cap."""
        ids = list(dict.fromkeys(map(_conversation, watched)))
        if spend_cap <= 0:
            return ()
        groups = [" ".join(ids[n : n + _TOGETHER]) for n in range(0, len(ids), _TOGETHER)]
        named = [("mentions", session.account_id)] * bool(session.account_id) + [("search", group) for group in groups]
        share = spend_cap / len(named) if named else 0.0
        return tuple(
            Feed(name=name, of=of or "", interval=INTERVAL, calls={name: 1.0}, reconciles=True, spend_cap=share)
            for name, of in named
        )

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask for the posts since the last poll, as many as the day's cap pays for.

        Raises ``RateLimited`` without asking where the cap is used, and as ``Api.ask``.
        """
        trail = read_trail(cursor, TwitterTrail)
        values: dict[str, object] = {
            "max_results": _affordable(feed, trail, now),
            "since_id": str(max(trail.newest - OVERLAP, 1)) if trail.newest else None,
            # An id lasts longer than a token of the next page: a walk may go on when the next day's cap pays for it.
            "until_id": str(trail.until) if trail.until else None,
            "me": feed.of,
            "query": " OR ".join(f"conversation_id:{each}" for each in feed.of.split(" ")),
        }
        reading = yield from self.api.ask(feed.name, values, session)
        rows = as_list(at(reading.body, "data"))
        told = _take(rows, trail, feed.of if feed.name == "mentions" else None)
        more, gap = _walk(trail, rows, has_more=as_id(at(reading.body, "meta.next_token")) is not None)
        body = rows_of(reading, "data", told)
        return Page(facts=tuple(told), body=body, cursor=trail.to_text(), more=more, gap=gap)

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the posts of a list."""
        value = read_json(body)
        if not isinstance(value, dict) or not (isinstance(value.get("data"), list) or "meta" in value):
            raise MalformedPayload("the body is no list of posts")
        rows = as_list(value.get("data"))
        return Parsed(facts=[_read(row, None) for row in rows], ignored=[] if rows else ["empty list"])


def _conversation(watched: str) -> str:
    bare = watched.strip()
    if not _ID.match(bare):
        raise ConfigurationError(f"{watched!r} is no conversation of X: watch the id of the post that began it")
    return bare


def _affordable(feed: Feed, trail: TwitterTrail, now: datetime) -> int:
    """Return how many posts may be asked for; raise ``RateLimited`` until midnight (UTC) where that is too few."""
    day = now.astimezone(UTC).date()
    if trail.day != day.isoformat():
        trail.day, trail.bought = day.isoformat(), 0
    left = int(feed.spend_cap / PRICES[feed.name] + 1e-6) - trail.bought
    if left < FEWEST[feed.name]:
        midnight = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
        raise RateLimited(
            f"{feed.name}: the day's {feed.spend_cap:g} dollars are spent: raise poll_spend_cap to read more",
            retry_after=(midnight - now).total_seconds(),
        )
    return min(left, MOST)


def _take(rows: Sequence[Any], trail: TwitterTrail, account_id: str | None) -> list[Fact]:
    """Return the facts of what was not seen before, the oldest first; X bills a post once on each day."""
    ids = [as_id(at(row, "id")) or "" for row in rows]
    trail.bought += sum(trail.seen.get(each) != trail.day for each in ids)
    fresh = [row for each, row in zip(ids, rows, strict=True) if each not in trail.seen]
    trail.take([Item(id=each, aspects=(Aspect(state=trail.day),)) for each in ids if each])
    return [_read(row, account_id) for row in fresh[::-1]]


def _walk(trail: TwitterTrail, rows: Sequence[Any], *, has_more: bool) -> tuple[bool, bool]:
    """Return whether there is another page to ask for, and whether the walk ended with a gap."""
    ids = [int(found) for row in rows if (found := as_id(at(row, "id"))) and _ID.match(found)]
    trail.first = max([trail.first, *ids])
    trail.pages += 1
    # The first poll takes one page: what had been written before is not ours to judge, nor to pay for.
    if has_more and ids and trail.newest and trail.pages < PAGES:
        trail.until = min(ids)
        return True, False
    gap = has_more and bool(ids) and bool(trail.newest)
    trail.newest = max(trail.newest, trail.first, 1)
    trail.until, trail.pages, trail.first = 0, 0, 0
    return False, gap


def _read(row: Any, account_id: str | None) -> Fact:
    return read_or_keep(
        row,
        "post",
        lambda post: written(tweet_of(post, as_dict(None)), account_id, mentions_us=account_id is not None),
    )
