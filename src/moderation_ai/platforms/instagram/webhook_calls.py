"""Meta's webhooks for Instagram, as rows of its table: what the app is subscribed to, and which accounts installed it.

Sources: https://developers.facebook.com/docs/graph-api/reference/app/subscriptions/ and
https://developers.facebook.com/documentation/instagram-platform/webhooks/setup. The error 2200 is in no table of
Meta's; many projects have met it.
"""

from __future__ import annotations

from moderation_ai.core.calls import Call, Field
from moderation_ai.core.errors import PlatformError
from moderation_ai.core.graph import graph_failure
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM

_APP = f"https://{BY_FACEBOOK}/v25.0/{{app_id}}/subscriptions"
_ACCOUNT = "https://{host}/v25.0/{asset}/subscribed_apps"
_HOST = Field("host", "path", only=(BY_INSTAGRAM, BY_FACEBOOK))
_OBJECT = ("instagram",)
_OF_APP = "https://developers.facebook.com/docs/graph-api/reference/app/subscriptions/"
_OF_ACCOUNT = "https://developers.facebook.com/documentation/instagram-platform/webhooks/setup"
_SCOPES = ("instagram_business_basic", "instagram_business_manage_comments")
_WITH_PAGE = "The asset is me, or the Page with a Page token and pages_manage_metadata."

WEBHOOK_CALLS = (
    Call(
        name="app_subscriptions",
        method="GET",
        url=_APP,
        auth="app-pair",
        answer='{"data":[{"object":"instagram","callback_url":"https://hooks.example.org/webhook/instagram",'
        '"active":true,"fields":[{"name":"comments","version":"v25.0"},{"name":"live_comments","version":"v25.0"},'
        '{"name":"mentions","version":"v25.0"}]}]}',
        proof="data",
        source=_OF_APP,
    ),
    Call(
        name="subscribe_app",
        method="POST",
        url=_APP,
        fields=(
            Field("object", "form", only=_OBJECT),
            Field("callback_url", "form"),
            Field("fields", "form"),
            Field("verify_token", "form"),
            Field("include_values", "form", only=("true",)),
        ),
        auth="app-pair",
        effect="sets",
        visible="to nobody",
        undone_by="unsubscribe_app",
        answer='{"success":"true"}',
        proof="success",
        failures=(
            graph_failure(
                400,
                2200,
                PlatformError,
                "Meta asked the address and did not get its challenge back: is the gateway reachable there from "
                "outside, and does it have the same verify_token?",
            ),
        ),
        note="An app has one address for Instagram: another takes its place. Meta asks the address at once.",
        source=_OF_APP,
    ),
    Call(
        name="unsubscribe_app",
        method="DELETE",
        url=_APP,
        fields=(Field("object", "query", only=_OBJECT),),
        auth="app-pair",
        effect="sets",
        visible="to nobody",
        undone_by="subscribe_app",
        answer='{"success":"true"}',
        proof="success",
        note="For all accounts of the app.",
        source=_OF_APP,
    ),
    Call(
        name="installed",
        method="GET",
        url=_ACCOUNT,
        fields=(_HOST,),
        scopes=_SCOPES,
        answer='{"data":[{"id":"app","name":"Comments","subscribed_fields":["comments","live_comments"]}]}',
        proof="data",
        note=_WITH_PAGE,
        source=_OF_ACCOUNT,
    ),
    Call(
        name="install",
        method="POST",
        url=_ACCOUNT,
        fields=(_HOST, Field("subscribed_fields", "query")),
        scopes=_SCOPES,
        effect="sets",
        visible="to nobody",
        undone_by="uninstall",
        answer='{"success":true}',
        proof="success",
        note=f"{_WITH_PAGE} An account is told of every field that the app is subscribed to.",
        source=_OF_ACCOUNT,
    ),
    Call(
        name="uninstall",
        method="DELETE",
        url=_ACCOUNT,
        fields=(_HOST,),
        scopes=_SCOPES,
        effect="sets",
        visible="to nobody",
        undone_by="install",
        answer='{"success":true}',
        proof="success",
        note=_WITH_PAGE,
        source=_OF_ACCOUNT,
    ),
)
