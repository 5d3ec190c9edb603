"""Instagram's API, as a table: what acting needs, beside the rows of ``webhook_calls`` and ``polled``.

Accounts that logged in with Instagram are asked for at graph.instagram.com, those with Facebook at graph.facebook.com.
Sources: https://developers.facebook.com/docs/instagram-platform/comment-moderation and the pages that each row names.
"""

from __future__ import annotations

from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call, Field
from moderation_ai.core.errors import PlatformError
from moderation_ai.core.graph import GRAPH_FAILURES, graph_failure, read_graph_budgets, read_graph_codes
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM
from moderation_ai.platforms.instagram.polled import POLLED
from moderation_ai.platforms.instagram.webhook_calls import WEBHOOK_CALLS

_HOST = Field("host", "path", only=(BY_INSTAGRAM, BY_FACEBOOK))
_GRAPH = "https://{host}/v25.0"
_PAGE = "https://developers.facebook.com/docs/instagram-platform"
_SCOPES = ("instagram_business_basic", "instagram_business_manage_comments")
_FIELDS = "id,text,timestamp,username,from,hidden,like_count,media{id,permalink},parent_id"

CALLS = (
    Call(
        name="hide",
        method="POST",
        url=f"{_GRAPH}/{{comment_id}}",
        fields=(_HOST, Field("hide", "query", "boolean")),
        scopes=_SCOPES,
        effect="sets",
        visible="to everybody but its author",
        undone_by="hide",
        answer='{"success":true}',
        proof="success",
        note="What the owner of the media wrote stays visible. Not on live comments.",
        source=f"{_PAGE}/comment-moderation",
    ),
    Call(
        name="delete",
        method="DELETE",
        url=f"{_GRAPH}/{{comment_id}}",
        fields=(_HOST,),
        scopes=_SCOPES,
        effect="sets",
        visible="to everybody",
        answer='{"success":true}',
        proof="success",
        note="Only the owner of the media may. Not on live comments.",
        source=f"{_PAGE}/comment-moderation",
    ),
    Call(
        name="reply",
        method="POST",
        url=f"{_GRAPH}/{{top_id}}/replies",
        fields=(_HOST, Field("message", "query")),
        scopes=_SCOPES,
        effect="adds",
        visible="to everybody",
        undone_by="delete",
        answer='{"id":"17870913679156914"}',
        proof="id",
        makes="id",
        limits=(Limit(units=60, seconds=3600, shared_by="account"),),
        note="To comments of the first level that are not hidden. Not on live comments.",
        source=f"{_PAGE}/comment-moderation",
    ),
    Call(
        name="block",
        method="POST",
        url=f"https://{BY_FACEBOOK}/v25.0/{{page_id}}/moderate_conversations",
        fields=(Field("user_ids", "json", "list"), Field("actions", "json", "list")),
        scopes=("instagram_basic", "instagram_manage_messages", "business_management"),
        effect="sets",
        visible="to the user, who can neither write nor comment",
        undone_by="block",
        answer='{"success":"true"}',
        proof="success",
        failures=(
            graph_failure(400, 3801, PlatformError, "Instagram does not let this user be blocked"),
            graph_failure(400, 3802, PlatformError, "Instagram does not let this user be unblocked"),
        ),
        note="With Facebook Login and a Page token alone, for users with whom there is a conversation.",
        source="https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/"
        "moderate-conversations",
    ),
    Call(
        name="comment",
        method="GET",
        url=f"{_GRAPH}/{{comment_id}}",
        fields=(_HOST, Field("fields", "query", only=(_FIELDS,))),
        scopes=_SCOPES,
        answer='{"id":"17870913679156914","text":"Nice","timestamp":"2026-11-24T12:00:00+0000","username":"rye_fan",'
        '"from":{"id":"6677","username":"rye_fan"},"hidden":false,"like_count":0,"media":{"id":"1786",'
        '"permalink":"https://www.instagram.com/p/x/"}}',
        proof="id",
        note="Live comments only while it is live; of restricted users nothing.",
        source=f"{_PAGE}/instagram-graph-api/reference/ig-comment",
    ),
    Call(
        name="me",
        method="GET",
        url=f"https://{BY_INSTAGRAM}/v25.0/me",
        fields=(Field("fields", "query", only=("user_id,username",)),),
        scopes=("instagram_business_basic",),
        answer='{"user_id":"17841400000000077","username":"corner.bakery","id":"998877"}',
        proof="user_id",
        makes="user_id",
        note="user_id is the id that events name; id belongs to this app alone.",
        source=f"{_PAGE}/instagram-api-with-instagram-login/get-started",
    ),
    Call(
        name="page",
        method="GET",
        url=f"https://{BY_FACEBOOK}/v25.0/{{page_id}}",
        fields=(Field("fields", "query", only=("instagram_business_account",)),),
        scopes=("instagram_basic", "pages_show_list"),
        answer='{"instagram_business_account":{"id":"17841400000000077"},"id":"1055"}',
        proof="instagram_business_account.id",
        makes="instagram_business_account.id",
        source=f"{_PAGE}/instagram-api-with-facebook-login/get-started",
    ),
    Call(
        name="refresh",
        method="GET",
        url=f"https://{BY_INSTAGRAM}/refresh_access_token",
        fields=(Field("grant_type", "query", only=("ig_refresh_token",)), Field("access_token", "query")),
        auth="none",
        scopes=("instagram_business_basic",),
        effect="sets",
        visible="to nobody",
        answer='{"access_token":"next","token_type":"bearer","expires_in":5184000}',
        proof="access_token",
        note="The token lasts 60 days; it must be a day old and not ended.",
        source="https://developers.facebook.com/documentation/instagram-platform/reference/refresh_access_token",
    ),
    Call(
        name="exchange",
        method="GET",
        url=f"https://{BY_FACEBOOK}/v25.0/oauth/access_token",
        fields=(
            Field("grant_type", "query", only=("fb_exchange_token",)),
            Field("client_id", "query"),
            Field("client_secret", "query"),
            Field("fb_exchange_token", "query"),
        ),
        auth="none",
        effect="sets",
        visible="to nobody",
        answer='{"access_token":"next","token_type":"bearer","expires_in":5183944}',
        proof="access_token",
        note="A user's token lasts 60 days; a Page token that was got by such a one does not end.",
        source="https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived",
    ),
)

API = Api(
    calls=(*CALLS, *POLLED, *WEBHOOK_CALLS),
    failures=GRAPH_FAILURES,
    # Times the impressions of the last 24 hours, which nobody tells us: this is the least that there is.
    limits=(Limit(units=4800, seconds=86_400, shared_by="account"),),
    codes=read_graph_codes,
    budgets=read_graph_budgets,
)
