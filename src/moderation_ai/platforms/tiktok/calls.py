"""TikTok's Accounts API, so far as we need it, as a table. Its errors come as a code inside of a 200.

Source: https://business-api.tiktok.com/portal/docs, Accounts API, comments and authorization.
"""

from __future__ import annotations

from typing import Any

from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call, Effect, Failure, Field, Place
from moderation_ai.core.errors import (
    CredentialsRejected,
    ModerationError,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.platforms.tiktok.polled import DOCS as _DOCS
from moderation_ai.platforms.tiktok.polled import OPEN as _OPEN
from moderation_ai.platforms.tiktok.polled import PAUSE as _PAUSE
from moderation_ai.platforms.tiktok.polled import PER_CALL as _PER_CALL
from moderation_ai.platforms.tiktok.polled import POLLED

WEBHOOKS = ("COMMENT", "BRAND_MENTION", "VIDEO")
"""The kinds that can be subscribed, but for direct messages."""
_MANAGE = ("comment.list", "comment.list.manage")


def _on_comment(name: str, effect: Effect, visible: str, *fields: Field, back: str | None, note: str) -> Call:
    return Call(
        name=name,
        method="POST",
        url=f"{_OPEN}/business/comment/{'reply/create' if name == 'reply' else name}/",
        fields=(Field("business_id", "json"), *fields, Field("comment_id", "json")),
        auth="access-token",
        scopes=_MANAGE,
        effect=effect,
        visible=visible,
        undone_by=back,
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"comment_id":"7400000000000000009"}}',
        proof="code" if name != "reply" else "data.comment_id",
        makes="data.comment_id" if name == "reply" else None,
        limits=_PER_CALL,
        note=note,
        source=_DOCS,
    )


CALLS = (
    _on_comment(
        "hide",
        "sets",
        "to everybody but its author",
        Field("video_id", "json"),
        Field("action", "json", only=("HIDE", "UNHIDE")),
        back="hide",
        note="TikTok says yes to UNHIDE even where a filter of its own keeps the comment hidden.",
    ),
    _on_comment(
        "reply",
        "adds",
        "to everybody",
        Field("video_id", "json"),
        Field("text", "json"),
        back="delete",
        note="150 characters, by some pages of TikTok's 1,200.",
    ),
    _on_comment("delete", "sets", "to everybody", back=None, note="The account's own comments alone."),
    Call(
        name="comments",
        method="GET",
        url=f"{_OPEN}/business/comment/list/",
        fields=(
            Field("business_id", "query"),
            Field("video_id", "query"),
            Field("comment_ids", "query"),
            Field("include_replies", "query", only=("true",)),
            Field("status", "query", only=("ALL",)),
            Field("max_count", "query", only=("30",)),
        ),
        auth="access-token",
        scopes=("comment.list",),
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"comments":[{"comment_id":"7400000000000000001",'
        '"video_id":"7390000000000000001","parent_comment_id":"0","unique_identifier":"+Zq1==","username":"rye_fan",'
        '"text":"where is this?","create_time":"1795521000","status":"PUBLIC","owner":false}],"has_more":false,'
        '"cursor":0}}',
        proof="data.comments",
        limits=_PER_CALL,
        note="Of one video; up to 30 at once. The ids are a JSON list in a text.",
        room=1 << 20,
        source=_DOCS,
    ),
    Call(
        name="refresh",
        method="POST",
        url=f"{_OPEN}/tt_user/oauth2/refresh_token/",
        fields=(
            Field("client_id", "json"),
            Field("client_secret", "json"),
            Field("grant_type", "json", only=("refresh_token",)),
            Field("refresh_token", "json"),
        ),
        auth="none",
        effect="sets",
        visible="to nobody",
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"access_token":"next","token_type":"Bearer",'
        '"expires_in":86400,"refresh_token":"next too","refresh_token_expires_in":31536000,"open_id":"biz",'
        '"scope":"comment.list,comment.list.manage"}}',
        proof="data.access_token",
        note="The access token lasts a day, the refresh token a year, and each refresh may bring another one.",
        source=_DOCS,
    ),
)


def _webhook(name: str, method: str, path: str, *more: Field, back: str | None, note: str) -> Call:
    place: Place = "query" if method == "GET" else "json"
    return Call(
        name=name,
        method=method,
        url=f"{_OPEN}/business/webhook/{path}/",
        fields=(Field("app_id", place), Field("secret", place), Field("event_type", place, only=WEBHOOKS), *more),
        auth="none",
        effect="reads" if method == "GET" else "sets",
        visible="" if method == "GET" else "to nobody",
        undone_by=back,
        answer='{"code":0,"message":"OK","request_id":"2026","data":{"app_id":"app","event_type":"COMMENT",'
        '"callback_url":"https://hooks.example.org/webhook/tiktok"}}',
        proof="code",
        note=note,
        source=_DOCS,
    )


# Not read in TikTok's portal itself: they are as several projects call them.
WEBHOOK_CALLS = (
    _webhook(
        "webhooks",
        "GET",
        "list",
        back=None,
        note="Of one kind; without a callback_url there is none. The secret stands in the query.",
    ),
    _webhook(
        "set_webhook",
        "POST",
        "update",
        Field("callback_url", "json"),
        back="delete_webhook",
        note="An app has one address for each kind: another takes its place. TikTok does not ask the address.",
    ),
    _webhook(
        "delete_webhook", "POST", "delete", back="set_webhook", note="For all accounts that have connected the app."
    ),
)


def _failure(code: int, error: type[ModerationError], says: str, wait: float | None = None) -> Failure:
    example = f'{{"code":{code},"message":"…","request_id":"2026","data":{{}}}}'
    return Failure(status=200, code=str(code), error=error, says=says, wait=wait, example=example)


FAILURES = (
    _failure(40002, PlatformError, "TikTok calls a parameter wrong: is it a comment of this video and this account?"),
    _failure(40006, PlatformError, "TikTok knows no such call"),
    # Of these, 40002, 40006, 40100, 40130 and 40131 stand in TikTok's own table. That 40104 and 40105 are about the
    # token is what other projects do with them, and what 40105 says of itself; 50000 follows from its family of numbers
    # alone. Some projects take 40100 for a dead token; TikTok's table says that it limits.
    _failure(40100, RateLimited, "TikTok wants fewer requests of this call", wait=_PAUSE),
    _failure(40104, CredentialsRejected, "TikTok was sent no access token"),
    _failure(40105, CredentialsRejected, "TikTok does not take the access token any more: refresh it"),
    _failure(40130, PlatformError, "the token lacks a scope: authorise the account again with comment.list.manage"),
    _failure(40131, CredentialsRejected, "TikTok does not take the access token: refresh it"),
    _failure(50000, PlatformUnavailable, "TikTok failed"),
    Failure(
        status=429,
        error=RateLimited,
        says="TikTok wants fewer requests of this app",
        wait=_PAUSE,
        example='{"message":"Too Many Requests"}',
    ),
)


def read_codes(body: Any) -> tuple[str, ...]:
    """Return the code of an answer that is no success: 0 is one."""
    code = body.get("code") if isinstance(body, dict) else None
    is_failure = isinstance(code, int) and not isinstance(code, bool) and code != 0
    return (str(code)[:12],) if is_failure else ()


API = Api(
    calls=(*CALLS, *POLLED, *WEBHOOK_CALLS),
    failures=FAILURES,
    limits=(Limit(units=600, seconds=60, shared_by="app", wait=_PAUSE),),
    codes=read_codes,
)
