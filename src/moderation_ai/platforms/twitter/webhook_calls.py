"""X's webhooks and what is subscribed to them, as rows of its table.

Sources: https://docs.x.com/x-api/webhooks/quickstart, https://docs.x.com/x-api/activity/quickstart,
https://docs.x.com/x-api/account-activity/quickstart, as copied from X's own repository of them. That a reason stands
before the colon of an error's message, that a full plan says WebhookLimitExceeded of an address that is there already,
and the limits were confirmed by other projects alone. Of the private events X's changelog names mentions and direct
messages; that replies, quotes, reposts, likes, mutes and blocks are private too follows from whom they concern.
"""

from __future__ import annotations

from moderation_ai.core.calls import Call, Failure, Field
from moderation_ai.core.errors import ContentGone, ModerationError, PlatformError, UnsupportedAction
from moderation_ai.platforms.twitter.rows import V2, invalid_request, per_quarter

PUBLIC = ("post.create", "post.delete")
"""What may be subscribed of anybody, as the app."""
PRIVATE = (
    "post.reply.create",
    "post.mention.create",
    "post.quote.create",
    "post.repost.create",
    "like.create",
    "mute.mute",
    "mute.unmute",
    "block.block",
    "block.unblock",
    "broadcast.chat",
    "oauth.revoke",
)
"""What may be subscribed of an account that allowed it, with its own token."""

_WEBHOOKS = "https://docs.x.com/x-api/webhooks/quickstart"
_ACTIVITY = "https://docs.x.com/x-api/activity/quickstart"
_ACCOUNT = "https://docs.x.com/x-api/account-activity/quickstart"
_OF_WEBHOOK = f"{V2}/account_activity/webhooks/{{webhook_id}}/subscriptions"
_SUBSCRIPTION = (
    '{"subscription_id":"1976325569252868096","event_type":"post.reply.create","filter":{"user_id":"1201"},'
    '"webhook_id":"1146654567674912769","created_at":"2026-10-09T16:35:08.000Z"}'
)
_WEBHOOK = (
    '{"id":"1146654567674912769","url":"https://hooks.example.org/webhook/twitter","valid":true,'
    '"created_at":"2026-11-24T12:00:00.000Z"}'
)


def _refusal(reason: str, error: type[ModerationError], says: str) -> Failure:
    return Failure(status=400, code=reason, error=error, says=says, example=invalid_request(reason))


_CRC = _refusal(
    "CrcValidationFailed",
    PlatformError,
    "X asked the address and got no right answer within 10 s: is the gateway reachable there from outside, and is the "
    "first of the secrets the app's client secret (or consumer secret, if it has no other)?",
)
_NO_WEBHOOK = _refusal("WebhookIdInvalid", ContentGone, "X knows no such webhook of this app")
_NO_SUBSCRIPTION = _refusal("SubscriptionNotFound", ContentGone, "X knows no such subscription of this app")
_TWICE = _refusal("DuplicateSubscriptionFailed", PlatformError, "it is subscribed already")
_TOO_MANY = _refusal(
    "SubscriptionLimitExceeded", PlatformError, "the app's plan allows no more subscriptions: delete some, or grow"
)


def _subscribe(name: str, events: tuple[str, ...], *, is_public: bool) -> Call:
    return Call(
        name=name,
        method="POST",
        url=f"{V2}/activity/subscriptions",
        fields=(
            Field("event_type", "json", only=events),
            Field("filter.user_id", "json"),
            Field("webhook_id", "json"),
        ),
        auth="app" if is_public else "bearer",
        scopes=() if is_public else ("tweet.read", "users.read"),
        effect="sets",
        visible="to nobody",
        undone_by="unsubscribe",
        answer=f'{{"data":{_SUBSCRIPTION},"meta":{{"total_subscriptions":1}}}}',
        proof="data",
        failures=(_TWICE, _TOO_MANY, _NO_WEBHOOK),
        limits=per_quarter(500),
        note="Every post that is delivered is billed as one that is read."
        + ("" if is_public else " Likes, mutes and blocks ask for like.read, mute.read and block.read too."),
        source=_ACTIVITY,
    )


WEBHOOK_CALLS = (
    Call(
        name="webhooks",
        method="GET",
        url=f"{V2}/webhooks",
        auth="app",
        answer=f'{{"data":[{_WEBHOOK}],"meta":{{"result_count":1}}}}',
        proof="meta.result_count",
        limits=per_quarter(450),
        source=_WEBHOOKS,
    ),
    Call(
        name="add_webhook",
        method="POST",
        url=f"{V2}/webhooks",
        fields=(Field("url", "json"),),
        auth="app",
        effect="sets",
        visible="to nobody",
        undone_by="delete_webhook",
        answer=f'{{"data":{_WEBHOOK}}}',
        proof="data.id",
        failures=(
            _CRC,
            _refusal(
                "UrlValidationFailed",
                UnsupportedAction,
                "X posts to https addresses without a port alone, of at most 200 characters",
            ),
            _refusal("DuplicateUrlFailed", PlatformError, "the app has a webhook at this address already"),
            _refusal(
                "WebhookLimitExceeded",
                PlatformError,
                "the app's plan allows no more webhooks (one, where each use is paid for): delete one that is not used",
            ),
        ),
        limits=per_quarter(450),
        note="X checks the address at once. Where the plan allows one webhook, a second call for the same address is "
        "refused with WebhookLimitExceeded.",
        source=_WEBHOOKS,
    ),
    Call(
        name="check_webhook",
        method="PUT",
        url=f"{V2}/webhooks/{{webhook_id}}",
        auth="app",
        effect="sets",
        visible="to nobody",
        answer='{"data":{"valid":true}}',
        proof="data.valid",
        failures=(_CRC, _NO_WEBHOOK),
        limits=per_quarter(450),
        note="X checks the address anew, and posts to it again if the answer is right.",
        source=_WEBHOOKS,
    ),
    Call(
        name="delete_webhook",
        method="DELETE",
        url=f"{V2}/webhooks/{{webhook_id}}",
        auth="app",
        effect="sets",
        visible="to nobody",
        undone_by="add_webhook",
        answer='{"data":{"deleted":true}}',
        proof="data.deleted",
        failures=(_NO_WEBHOOK,),
        limits=per_quarter(450),
        source=_WEBHOOKS,
    ),
    Call(
        name="subscriptions",
        method="GET",
        url=f"{V2}/activity/subscriptions",
        fields=(Field("pagination_token", "query", required=False),),
        auth="app",
        answer=f'{{"data":[{_SUBSCRIPTION}],"meta":{{"total_subscriptions":1}}}}',
        proof="meta",
        limits=per_quarter(500),
        source=_ACTIVITY,
    ),
    _subscribe("subscribe", PRIVATE, is_public=False),
    _subscribe("subscribe_public", PUBLIC, is_public=True),
    Call(
        name="move_subscription",
        method="PUT",
        url=f"{V2}/activity/subscriptions/{{subscription_id}}",
        fields=(Field("webhook_id", "json"),),
        auth="app",
        effect="sets",
        visible="to nobody",
        answer=f'{{"data":{_SUBSCRIPTION},"meta":{{"total_subscriptions":1}}}}',
        proof="data",
        failures=(_NO_SUBSCRIPTION, _NO_WEBHOOK),
        limits=per_quarter(500),
        note="Leads what is subscribed already to another webhook.",
        source=_ACTIVITY,
    ),
    Call(
        name="unsubscribe",
        method="DELETE",
        url=f"{V2}/activity/subscriptions/{{subscription_id}}",
        auth="app",
        effect="sets",
        visible="to nobody",
        answer='{"data":{"deleted":true},"meta":{"total_subscriptions":0}}',
        proof="data.deleted",
        failures=(_NO_SUBSCRIPTION,),
        limits=per_quarter(500),
        source=_ACTIVITY,
    ),
    Call(
        name="subscribed_accounts",
        method="GET",
        url=f"{_OF_WEBHOOK}/all/list",
        auth="app",
        answer='{"data":{"application_id":"13090192","webhook_id":"1146654567674912769",'
        '"webhook_url":"https://hooks.example.org/webhook/twitter","subscriptions":[{"user_id":"1201"}]}}',
        proof="data.webhook_id",
        failures=(_NO_WEBHOOK,),
        limits=per_quarter(450),
        source=_ACCOUNT,
    ),
    Call(
        name="subscribe_account",
        method="POST",
        url=f"{_OF_WEBHOOK}/all",
        scopes=("tweet.read", "users.read", "dm.read", "dm.write"),
        effect="sets",
        visible="to nobody",
        undone_by="unsubscribe_account",
        answer='{"data":{"subscribed":true}}',
        proof="data.subscribed",
        failures=(_TWICE, _TOO_MANY, _NO_WEBHOOK),
        limits=per_quarter(450),
        note="The Account Activity API, which X gives up: all that happens to the account, direct messages too.",
        source=_ACCOUNT,
    ),
    Call(
        name="unsubscribe_account",
        method="DELETE",
        url=f"{_OF_WEBHOOK}/{{user_id}}/all",
        auth="app",
        effect="sets",
        visible="to nobody",
        undone_by="subscribe_account",
        answer='{"data":{"subscribed":false}}',
        proof="data.subscribed",
        failures=(_NO_SUBSCRIPTION, _NO_WEBHOOK),
        limits=per_quarter(450),
        source=_ACCOUNT,
    ),
)
