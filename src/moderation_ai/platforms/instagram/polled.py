"""Instagram's lists that are polled, as rows of the table of its API.

Sources: https://developers.facebook.com/docs/instagram-platform/comment-moderation and
https://developers.facebook.com/docs/graph-api/results. Only ``paging.next`` says that there is another page: the cursor
``after`` stands on the last one too.
"""

from __future__ import annotations

from moderation_ai.core.calls import Call, Field
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM

_HOST = Field("host", "path", only=(BY_INSTAGRAM, BY_FACEBOOK))
_GRAPH = "https://{host}/v25.0"
_PAGE = "https://developers.facebook.com/docs/instagram-platform"
_SCOPES = ("instagram_business_basic", "instagram_business_manage_comments")
_SEEN = "id,text,timestamp,username,from,hidden,parent_id"
MEDIA = 50
"""Media that one poll of an account looks at: the newest."""
_AFTER = Field("after", "query", required=False)
_FIFTY = Field("limit", "query", only=("50",))
_ROOM = 16 << 20
"""Bytes for a page full of the longest texts: one that is refused would keep all that is new from us."""
_REPLY = (
    '{"id":"1788","text":"me too","timestamp":"2026-11-24T12:00:00+0000","username":"oat_fan",'
    '"from":{"id":"6678","username":"oat_fan"},"hidden":false,"parent_id":"1787"}'
)
_COMMENT = (
    '{"id":"1787","text":"Nice","timestamp":"2026-11-24T12:00:00+0000","username":"rye_fan",'
    '"from":{"id":"6677","username":"rye_fan"},"hidden":false'
)
_PAGING = '"paging":{"cursors":{"before":"b","after":"a"}}'

POLLED = (
    Call(
        name="media",
        method="GET",
        url=f"{_GRAPH}/{{account_id}}/media",
        fields=(_HOST, Field("fields", "query", only=("id,timestamp,comments_count",)), _FIFTY),
        scopes=_SCOPES,
        answer=f'{{"data":[{{"id":"1786","timestamp":"2026-11-24T10:00:00+0000","comments_count":2}}],{_PAGING}}}',
        proof="data",
        room=_ROOM,
        note="The newest first; comments_count counts replies too.",
        source=f"{_PAGE}/instagram-graph-api/reference/ig-user/media",
    ),
    Call(
        name="media_comments",
        method="GET",
        url=f"{_GRAPH}/{{media_id}}/comments",
        fields=(_HOST, Field("fields", "query", only=(f"{_SEEN},replies.limit(50){{{_SEEN}}}",)), _FIFTY, _AFTER),
        scopes=_SCOPES,
        answer=f'{{"data":[{_COMMENT},"replies":{{"data":[{_REPLY}]}}}}],{_PAGING}}}',
        proof="data",
        room=_ROOM,
        note="The newest first, hidden ones too, with up to 50 replies each; of restricted users nothing.",
        source=f"{_PAGE}/instagram-graph-api/reference/ig-media/comments",
    ),
)
