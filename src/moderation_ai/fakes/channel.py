"""What YouTube's lists show of one channel: threads in short pages, few of their replies, and what is held.

Sources: those of the rows in ``platforms/youtube/polled.py``. A new reply moves no thread, a list that has not changed
is answered 304 and costs a unit all the same, and the tokens of pages count from the newest thread on.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from moderation_ai.core.acts import HIDDEN, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.paging import newest_first, page_at
from moderation_ai.fakes.replies import Reply, written
from moderation_ai.fakes.things import Thing

SHORT, SHOWN = 20, 5
"""Threads on a page, whatever was asked for, and replies in a thread."""


class Channel(Fake):
    """The lists of YouTube's fake."""

    closed: frozenset[str] = frozenset()
    """Videos on which nobody may comment."""

    def do_threads(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the threads of the channel, by the time of the first comment."""
        return self._threads(call, values, self._tops(_is_published))

    def do_video_threads(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the threads of one video."""
        if values["videoId"] in self.closed:
            raise self.refusal(call, (403, "commentsDisabled"))
        found = [each for each in self._tops(_is_published) if each.post_id == values["videoId"]]
        if not found and values["videoId"] not in {each.post_id for each in self.things.values()}:
            raise self.refusal(call, (404, "videoNotFound"))
        return self._threads(call, {**values, "allThreadsRelatedToChannelId": self.account}, found)

    def do_held_threads(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what is held for review, or what YouTube takes for spam."""
        is_spam = values["moderationStatus"] == "likelySpam"
        return self._threads(call, values, self._tops(lambda each: _is_held(each, spam=is_spam)))

    def do_threads_by_id(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show threads that exist."""
        ids = values["id"].split(",")[:50]
        tops = [each for each in self._tops(lambda each: each.is_there) if each.id in ids]
        return self._threads(
            call, {**values, "allThreadsRelatedToChannelId": self.account, "pageToken": None}, tops, 50
        )

    def do_replies(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the replies of a thread, the last one first."""
        parent = self.thing(call, values["parentId"])
        page, token = page_at(self._replies_of(parent), values.get("pageToken"), SHORT)
        items = [comment_of(each) for each in page]
        for item in items:
            del item["snippet"]["videoId"]
        return _answer("youtube#commentListResponse", items, token, values)

    def _tops(self, belongs: Any) -> list[Thing]:
        return newest_first(each for each in self.things.values() if not each.parent_id and belongs(each))

    def _replies_of(self, top: Thing) -> list[Thing]:
        return newest_first(each for each in self.things.values() if each.parent_id == top.id and _is_published(each))

    def _threads(self, call: Call, values: dict[str, Any], tops: Iterable[Thing], size: int = SHORT) -> Reply:
        if values["allThreadsRelatedToChannelId"] != self.account:
            raise self.refusal(call, (404, "channelNotFound"))
        page, token = page_at(list(tops), values.get("pageToken"), size)
        return _answer("youtube#commentThreadListResponse", [self._thread(each) for each in page], token, values)

    def _thread(self, top: Thing) -> dict[str, Any]:
        replies = self._replies_of(top)
        snippet = {
            "channelId": self.account,
            "videoId": top.post_id,
            "topLevelComment": comment_of(top),
            "canReply": True,
            "totalReplyCount": len(replies),
            "isPublic": True,
        }
        thread: dict[str, Any] = {"kind": "youtube#commentThread", "id": top.id, "snippet": snippet}
        return (
            {**thread, "replies": {"comments": [comment_of(each) for each in replies[:SHOWN]]}} if replies else thread
        )


def _answer(kind: str, items: list[dict[str, Any]], token: str | None, values: dict[str, Any]) -> Reply:
    body: dict[str, Any] = {
        "kind": kind,
        "pageInfo": {"totalResults": len(items), "resultsPerPage": 100},
        "items": items,
    }
    if token is not None:
        body["nextPageToken"] = token
    body["etag"] = sha256(written(body)).hexdigest()[:27]
    if values.get("If-None-Match") == body["etag"]:
        return Reply(status=304)
    return Reply(body=written(body))


def _is_published(thing: Thing) -> bool:
    return thing.state == VISIBLE and not thing.is_filtered


def _is_held(thing: Thing, *, spam: bool) -> bool:
    return thing.is_filtered if spam else thing.state == HIDDEN


def snippet_of(thing: Thing) -> dict[str, Any]:
    """Return what YouTube says of a comment."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    snippet = {
        "textDisplay": thing.text,
        "textOriginal": thing.text,
        "authorDisplayName": thing.author_username,
        "authorChannelId": {"value": thing.author_id},
        "videoId": thing.post_id,
        "publishedAt": thing.created_at.strftime(form),
        "updatedAt": (thing.edited_at or thing.created_at).strftime(form),
    }
    return {**snippet, "parentId": thing.parent_id} if thing.parent_id else snippet


def comment_of(thing: Thing) -> dict[str, Any]:
    """Return a comment as YouTube shows it."""
    return {"kind": "youtube#comment", "id": thing.id, "snippet": snippet_of(thing)}
