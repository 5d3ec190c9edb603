"""What Instagram's lists show of one account: its media, and their comments with replies, the newest first.

Sources: those of the rows in ``platforms/instagram/polled.py``. A page says ``next`` where there is another, and gives
its own cursor in any case; what restricted users write stands in no list.
"""

from __future__ import annotations

from typing import Any

from moderation_ai.core.acts import HIDDEN
from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.paging import newest_first, page_at
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.things import Thing

_SIZE = 50


class InstagramMedia(Fake):
    """The lists of Instagram's fake."""

    def do_media(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the account's media that have comments, or had some."""
        if values["account_id"] != self.account:
            raise self.refusal(call, self.gone)
        found: dict[str, dict[str, Any]] = {}
        for each in self.things.values():
            if not each.is_elsewhere:
                when = each.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000")
                media = found.setdefault(each.post_id, {"id": each.post_id, "timestamp": when, "comments_count": 0})
                media["comments_count"] += _is_shown(each)
        return say({"data": list(found.values())[-_SIZE:][::-1], "paging": {"cursors": {"before": "b", "after": "a"}}})

    def do_media_comments(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the comments of a media."""
        below = [each for each in self.things.values() if each.post_id == values["media_id"]]
        if not below or any(each.is_elsewhere for each in below):
            raise self.refusal(call, self.gone)
        tops = newest_first(each for each in below if _is_shown(each) and not each.parent_id)
        page, after = page_at(tops, values.get("after"), _SIZE)
        paging: dict[str, Any] = {"cursors": {"before": "b", "after": after or "end"}}
        if after is not None:
            paging["next"] = f"https://graph.instagram.com/v25.0/{values['media_id']}/comments?after={after}"
        return say({"data": [_with_replies(each, below) for each in page], "paging": paging})


def _is_shown(thing: Thing) -> bool:
    return thing.is_there and not thing.is_filtered


def _with_replies(top: Thing, below: list[Thing]) -> dict[str, Any]:
    replies = newest_first(each for each in below if each.parent_id == top.id and _is_shown(each))
    shown = comment_shape(top)
    if replies:
        shown["replies"] = {"data": [comment_shape(each) for each in replies[:_SIZE]]}
    if len(replies) > _SIZE:
        shown["replies"]["paging"] = {"next": "https://graph.instagram.com/"}
    return shown


def comment_shape(thing: Thing) -> dict[str, Any]:
    """Return a comment as Meta shows it, by itself and in lists."""
    shown = {
        "id": thing.id,
        "text": thing.text,
        "timestamp": thing.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "username": thing.author_username,
        "from": {"id": thing.author_id, "username": thing.author_username},
        "hidden": thing.state == HIDDEN,
    }
    return {**shown, "parent_id": thing.parent_id} if thing.parent_id else shown
