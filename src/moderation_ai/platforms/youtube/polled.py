"""YouTube's lists that are polled, as rows of the table of its Data API. Each costs one unit, also one answered 304.

Sources: https://developers.google.com/youtube/v3/docs/commentThreads/list and
https://developers.google.com/youtube/v3/docs/comments/list. Pages are short since October 2023: about 20 threads where
100 were asked for, so that only a missing ``nextPageToken`` ends a list.
"""

from __future__ import annotations

from moderation_ai.core.calls import CONDITIONAL, Call, Failure, Field
from moderation_ai.core.errors import ContentGone, PlatformError, PlatformUnavailable

_BASE = "https://www.googleapis.com/youtube/v3"
_PAGE = "https://developers.google.com/youtube/v3/docs"
_SCOPES = ("https://www.googleapis.com/auth/youtube.force-ssl",)
_ROOM = 32 << 20
"""Bytes for a page full of the longest texts: one that is refused would keep all that is new from us."""
_COMMENT = (
    '{"kind":"youtube#comment","id":"Ugx1","snippet":{"channelId":"UC1","videoId":"v1","textDisplay":"hi",'
    '"textOriginal":"hi","authorDisplayName":"@rye","authorChannelId":{"value":"UC2"},'
    '"publishedAt":"2026-11-24T12:00:00Z","updatedAt":"2026-11-24T12:00:00Z"}}'
)
_THREADS = (
    '{"kind":"youtube#commentThreadListResponse","etag":"e1","pageInfo":{"totalResults":1,"resultsPerPage":100},"items":['
    '{"kind":"youtube#commentThread","id":"Ugx1","snippet":{"channelId":"UC1","videoId":"v1","canReply":true,'
    f'"totalReplyCount":0,"isPublic":true,"topLevelComment":{_COMMENT}}}}}]}}'
)
_REPLIES = (
    '{"kind":"youtube#commentListResponse","etag":"e2","items":[{"kind":"youtube#comment","id":"Ugx1.9b","snippet":{'
    '"channelId":"UC1","parentId":"Ugx1","textDisplay":"hello","authorDisplayName":"@oat","authorChannelId":{"value":"UC3"},'
    '"publishedAt":"2026-11-24T12:00:00Z","updatedAt":"2026-11-24T12:00:00Z"}}]}'
)


def _failure(status: int, reason: str, error: type[PlatformError], says: str) -> Failure:
    example = f'{{"error":{{"code":{status},"message":"…","errors":[{{"message":"…","reason":"{reason}"}}]}}}}'
    return Failure(status=status, code=reason, error=error, says=says, example=example)


_FAILURES = (
    _failure(403, "commentsDisabled", PlatformError, "comments are turned off there: watch it no more"),
    _failure(404, "videoNotFound", ContentGone, "YouTube has no such video any more: watch it no more"),
    _failure(404, "channelNotFound", ContentGone, "YouTube has no such channel any more: watch it no more"),
    _failure(400, "processingFailure", PlatformUnavailable, "YouTube could not read its own list; it may later"),
)
_PART, _PLAIN = Field("part", "query", only=("snippet,replies",)), Field("textFormat", "query", only=("plainText",))
_MOST = Field("maxResults", "query", only=("100",))
_TOKEN = Field("pageToken", "query", required=False)
_BY_TIME = Field("order", "query", only=("time",))


def _threads(name: str, *fields: Field, note: str) -> Call:
    return Call(
        name=name,
        method="GET",
        url=f"{_BASE}/commentThreads",
        fields=(_PART, _PLAIN, *fields, *CONDITIONAL),
        scopes=_SCOPES,
        answer=_THREADS,
        proof="items",
        is_conditional=True,
        failures=_FAILURES,
        room=_ROOM,
        note=note,
        source=f"{_PAGE}/commentThreads/list",
    )


_HELD = Field("moderationStatus", "query", only=("heldForReview", "likelySpam"))
POLLED = (
    _threads(
        "threads",
        Field("allThreadsRelatedToChannelId", "query"),
        _BY_TIME,
        _MOST,
        _TOKEN,
        note="Sorted by the first comment's time: a new reply moves no thread. At most 5 replies stand in a thread.",
    ),
    _threads("video_threads", Field("videoId", "query"), _BY_TIME, _MOST, _TOKEN, note="Of one video."),
    _threads(
        "held_threads",
        Field("allThreadsRelatedToChannelId", "query"),
        _HELD,
        _MOST,
        _TOKEN,
        note="With the token of the channel's owner alone.",
    ),
    _threads("threads_by_id", Field("id", "query"), note="Up to 50 ids; only what exists comes back."),
    Call(
        name="replies",
        method="GET",
        url=f"{_BASE}/comments",
        fields=(Field("part", "query", only=("snippet",)), _PLAIN, Field("parentId", "query"), _MOST, _TOKEN),
        scopes=_SCOPES,
        answer=_REPLIES,
        proof="items",
        failures=_FAILURES,
        room=_ROOM,
        note="All replies of a thread, in no order that lasts; they do not name the video.",
        source=f"{_PAGE}/comments/list",
    ),
)
