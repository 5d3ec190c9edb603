"""What Reddit's listings show of one subreddit: comments, posts, edits, the queues and the log of moderators.

Sources: those of the rows in ``platforms/reddit/polled.py``. Listings are cut at about 1,000 things, and nothing
follows a thing that is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from moderation_ai.core.acts import REMOVED
from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.paging import newest_first, page_behind
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.things import Thing

SPACE, SPACE_ID = "breadmakers", "t5_2bread"
_DEPTH, _FORBIDDEN = 1000, (403, None)
_CACHED = timedelta(seconds=30)


class Subreddit(Fake):
    """The listings of Reddit's fake."""

    log: list[dict[str, Any]]
    """The moderation log, the oldest entry first."""
    posts: dict[str, Thing]
    caches: bool = False
    """Whether a listing that is asked for in the same words is answered as it was for half a minute."""
    cached: dict[str, tuple[datetime, Reply]]

    def write_post(self, title: str, **fields: Any) -> Thing:
        """Have somebody write a post; no trigger tells of it."""
        post = self.new_thing(title, **fields)
        post = Thing(**{**{name: getattr(post, name) for name in post.__struct_fields__}, "id": f"t3_{post.id[3:]}"})
        self.posts[post.id] = post
        return post

    def do_new_comments(self, call: Call, values: dict[str, Any]) -> Reply:
        """List comments; what a filter took away is in no list but the queue."""
        shown = [each for each in self.things.values() if not each.is_filtered and each.state != REMOVED]
        return self._listing(call, values, newest_first(shown))

    def do_new_posts(self, call: Call, values: dict[str, Any]) -> Reply:
        """List posts."""
        return self._listing(call, values, newest_first(self.posts.values()))

    def do_edited(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what was edited, the last edit first."""
        edited = [each for each in self._all() if each.edited_at is not None and each.is_there]
        return self._listing(call, values, sorted(edited, key=lambda each: str(each.edited_at), reverse=True))

    def do_modqueue(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what was reported or filtered."""
        return self._listing(call, values, newest_first(each for each in self._all() if _waits(each)))

    def do_reports(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what was reported."""
        return self._listing(call, values, newest_first(each for each in self._all() if each.reports))

    def do_modlog(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what moderators did."""
        return self._children(call, values, {each["id"]: ("modaction", each) for each in self.log[::-1]})

    def _all(self) -> list[Thing]:
        return [*self.things.values(), *self.posts.values()]

    def _listing(self, call: Call, values: dict[str, Any], things: Iterable[Thing]) -> Reply:
        return self._children(call, values, {each.id: (each.id[:2], listed(each)) for each in things})

    def _children(self, call: Call, values: dict[str, Any], found: dict[str, tuple[str, dict[str, Any]]]) -> Reply:
        if not {SPACE, "mod"} & set(str(values["subreddits"]).split("+")):
            raise self.refusal(call, _FORBIDDEN)
        asked = f"{call.name} {values}"
        if self.caches and asked in self.cached and self.now() - self.cached[asked][0] < _CACHED:
            return self.cached[asked][1]
        page, after = page_behind(list(found)[:_DEPTH], values.get("after"), min(values["limit"], 100))
        children = [{"kind": found[each][0], "data": found[each][1]} for each in page]
        reply = say({"kind": "Listing", "data": {"after": after, "before": None, "children": children}})
        self.cached[asked] = self.now(), reply
        return reply


def listed(thing: Thing) -> dict[str, Any]:
    """Return a comment or a post as a moderator sees it; ``created`` is eight hours off, as it was for years."""
    shown = {
        "name": thing.id,
        "author": thing.author_username if thing.is_there else "[deleted]",
        "author_fullname": thing.author_id,
        "created": thing.created_at.timestamp() + 8 * 3600,
        "created_utc": thing.created_at.timestamp(),
        "edited": thing.edited_at.timestamp() if thing.edited_at else False,
        "removed": thing.state == REMOVED or thing.is_filtered,
        "approved": thing.is_approved,
        "locked": thing.is_locked,
        "banned_by": "AutoModerator" if thing.is_filtered else None,
        "banned_at_utc": thing.created_at.timestamp() if thing.is_filtered else None,
        "subreddit_id": SPACE_ID,
        "num_reports": len(thing.reports),
        "user_reports": [[reason, thing.reports.count(reason), False, True] for reason in dict.fromkeys(thing.reports)],
        "mod_reports": [],
    }
    text = thing.text if thing.is_there else "[deleted]"
    if thing.id.startswith("t3_"):
        return {**shown, "title": thing.text, "selftext": "" if thing.is_there else text, "is_self": True}
    return {**shown, "link_id": thing.post_id, "parent_id": thing.parent_id or thing.post_id, "body": text}


def _waits(thing: Thing) -> bool:
    return bool(thing.reports or thing.is_filtered) and not thing.is_approved
