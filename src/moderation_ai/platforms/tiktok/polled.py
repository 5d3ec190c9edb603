"""TikTok's lists that are polled, as rows of the table of its Accounts API, and what all rows of it share.

Source: https://business-api.tiktok.com/portal/docs, Accounts API, videos and comments. Pages may be short, or repeat
what the page before had, and only ``has_more`` says that there is another.
"""

from __future__ import annotations

from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call, Field

OPEN = "https://business-api.tiktok.com/open_api/v1.3"
DOCS = "https://business-api.tiktok.com/portal/docs"
PAUSE = 300.0
"""Seconds that TikTok wants to be left alone after a limit was exceeded."""
PER_CALL = (Limit(units=40, seconds=60, shared_by="call", wait=PAUSE),)
_ROOM = 8 << 20
"""Bytes for a page full of the longest texts: one that is refused would keep all that is new from us."""
_BUSINESS, _CURSOR = Field("business_id", "query"), Field("cursor", "query", required=False)

POLLED = (
    Call(
        name="videos",
        method="GET",
        url=f"{OPEN}/business/video/list/",
        fields=(
            _BUSINESS,
            Field("fields", "query", only=('["item_id","create_time","comments"]',)),
            Field("max_count", "query", only=("20",)),
        ),
        auth="access-token",
        scopes=("video.list",),
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"videos":[{"item_id":"7390000000000000001",'
        '"create_time":"1795520000","comments":1}],"has_more":false,"cursor":0}}',
        proof="data.videos",
        limits=PER_CALL,
        room=_ROOM,
        note="The 20 newest videos, with how many comments each has.",
        source=DOCS,
    ),
    Call(
        name="video_comments",
        method="GET",
        url=f"{OPEN}/business/comment/list/",
        fields=(
            _BUSINESS,
            Field("video_id", "query"),
            Field("include_replies", "query", only=("true",)),
            Field("status", "query", only=("ALL",)),
            Field("sort_field", "query", only=("create_time",)),
            Field("sort_order", "query", only=("desc",)),
            Field("max_count", "query", only=("30",)),
            _CURSOR,
        ),
        auth="access-token",
        scopes=("comment.list",),
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"comments":[{"comment_id":"7400000000000000001",'
        '"video_id":"7390000000000000001","parent_comment_id":"0","unique_identifier":"+Zq1==","username":"rye_fan",'
        '"text":"where is this?","create_time":"1795521000","status":"PUBLIC","owner":false,"replies":1,"reply_list":['
        '{"comment_id":"7400000000000000002","video_id":"7390000000000000001","parent_comment_id":"7400000000000000001",'
        '"unique_identifier":"+Zq2==","username":"oat_fan","text":"here","create_time":"1795521060","status":"PUBLIC",'
        '"owner":false}]}],"has_more":false,"cursor":30}}',
        proof="data.comments",
        limits=PER_CALL,
        room=_ROOM,
        note="Of one video, the newest first, hidden ones too. Beyond about 500 comments pages repeat each other.",
        source=DOCS,
    ),
)
