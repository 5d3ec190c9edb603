"""What TikTok's lists show of one account: its videos, and their comments in pages that are short and overlap.

Source: that of the rows in ``platforms/tiktok/polled.py``.
"""

from __future__ import annotations

from typing import Any

from moderation_ai.core.acts import VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.paging import newest_first, page_at
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.things import Thing

SHORT = 20
"""Comments on a page, where 30 were asked for; the last of them stands on the next page too."""
_WRONG = (200, "40002")


class TikTokVideos(Fake):
    """The lists of TikTok's fake."""

    def do_videos(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the account's newest videos that have comments, or had some."""
        if values["business_id"] != self.account:
            raise self.refusal(call, _WRONG)
        found: dict[str, dict[str, Any]] = {}
        for each in self.things.values():
            if not each.is_elsewhere:
                when = str(int(each.created_at.timestamp()))
                video = found.setdefault(each.post_id, {"item_id": each.post_id, "create_time": when, "comments": 0})
                video["comments"] += each.is_there
        return ok({"videos": list(found.values())[-20:][::-1], "has_more": False, "cursor": 0})

    def do_video_comments(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the comments of a video."""
        below = [each for each in self.things.values() if each.post_id == values["video_id"]]
        if values["business_id"] != self.account or not below or any(each.is_elsewhere for each in below):
            raise self.refusal(call, _WRONG)
        page, after = page_at(newest_first(each for each in below if not each.parent_id), values.get("cursor"), SHORT)
        cursor = int(after) - 1 if after else 0
        return ok(
            {"comments": [_with_replies(each, below) for each in page], "has_more": bool(after), "cursor": cursor}
        )


def ok(data: dict[str, Any]) -> Reply:
    """Return TikTok's answer to what succeeded."""
    return say({"code": 0, "message": "OK", "request_id": "2026", "data": data})


def _with_replies(top: Thing, below: list[Thing]) -> dict[str, Any]:
    replies = [comment_of(each) for each in newest_first(each for each in below if each.parent_id == top.id)]
    return {**comment_of(top), "replies": len(replies), "reply_list": replies}


def comment_of(thing: Thing) -> dict[str, Any]:
    """Return a comment as TikTok shows it; its time is seconds in a text."""
    return {
        "comment_id": thing.id,
        "video_id": thing.post_id,
        "parent_comment_id": thing.parent_id or "0",
        "unique_identifier": thing.author_id,
        "username": thing.author_username,
        "text": thing.text,
        "create_time": str(int(thing.created_at.timestamp())),
        "status": "PUBLIC" if thing.state == VISIBLE else "HIDDEN",
        "owner": thing.is_ours,
    }
