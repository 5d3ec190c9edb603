"""X's API v2 as a table: what acting needs, beside the rows of ``webhook_calls`` and ``polled``.

Sources: https://docs.x.com/x-api and its pages on hiding replies, posts, mutes, rate limits, and errors. Of the limits
those of posts were read in a copy of https://docs.x.com/x-api/fundamentals/rate-limits from August 2026; those of
``hide``, ``mute`` and ``me`` stand on the pages of these calls as they were told to us, and 75 for ``me`` is confirmed
by other projects alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from moderation_ai.core.api import Api, at
from moderation_ai.core.budgets import Budget, Limit, read_number
from moderation_ai.core.calls import Call, Failure, Field
from moderation_ai.core.content import as_list, as_text
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.flows import Answer
from moderation_ai.platforms.twitter.polled import POLLED
from moderation_ai.platforms.twitter.rows import PROBLEM, QUARTER, V2, per_quarter, problem
from moderation_ai.platforms.twitter.webhook_calls import WEBHOOK_CALLS

NOT_FOUND = "resource-not-found"
# Such as DuplicateUrlFailed; the title of other problems is several words.
_REASON = re.compile(r"((?:[A-Z][a-z]+){2,6})(?::|\Z)", re.ASCII)


CALLS = (
    Call(
        name="hide",
        method="PUT",
        url=f"{V2}/tweets/{{tweet_id}}/hidden",
        fields=(Field("hidden", "json", "boolean"),),
        scopes=("tweet.read", "tweet.moderate.write", "users.read"),
        effect="sets",
        visible="behind a click for everybody; the author is not told",
        undone_by="hide",
        answer='{"data":{"hidden":true}}',
        proof="data.hidden",
        failures=(
            Failure(
                status=403,
                error=UnsupportedAction,
                says="X refused: replies can be hidden in conversations that the account began, with the scope "
                "tweet.moderate.write",
                example=problem(403, "about:blank", "Forbidden"),
            ),
        ),
        limits=per_quarter(50),
        note="The same call with hidden=false shows the reply again.",
        source="https://docs.x.com/x-api/posts/hide-replies/introduction",
    ),
    Call(
        name="reply",
        method="POST",
        url=f"{V2}/tweets",
        fields=(Field("text", "json"), Field("reply.in_reply_to_tweet_id", "json")),
        scopes=("tweet.read", "tweet.write", "users.read"),
        effect="adds",
        visible="to everybody",
        undone_by="delete",
        status=201,
        answer='{"data":{"id":"1700000000000000001","text":"Thank you"}}',
        proof="data.id",
        makes="data.id",
        failures=(
            Failure(
                status=403,
                error=UnsupportedAction,
                says="X refused the reply: an app of the self-serve plans may answer only who mentioned or quoted it, "
                "and never twice the same",
                example=problem(403, "about:blank", "Forbidden"),
            ),
        ),
        limits=(*per_quarter(100), Limit(units=10_000, seconds=86_400, shared_by="app")),
        note="Billed: 0.010 to 0.015 dollars each.",
        source="https://docs.x.com/x-api/posts/create-post",
    ),
    Call(
        name="delete",
        method="DELETE",
        url=f"{V2}/tweets/{{tweet_id}}",
        scopes=("tweet.read", "tweet.write", "users.read"),
        effect="sets",
        visible="to everybody",
        answer='{"data":{"deleted":true}}',
        proof="data.deleted",
        limits=per_quarter(50),
        note="The account's own posts alone.",
        source="https://docs.x.com/x-api/posts/delete-post",
    ),
    Call(
        name="mute",
        method="POST",
        url=f"{V2}/users/{{me}}/muting",
        fields=(Field("target_user_id", "json"),),
        scopes=("tweet.read", "mute.write", "users.read"),
        effect="sets",
        visible="to the account alone",
        undone_by="unmute",
        answer='{"data":{"muting":true}}',
        proof="data.muting",
        limits=per_quarter(50),
        source="https://docs.x.com/x-api/users/mutes/introduction",
    ),
    Call(
        name="unmute",
        method="DELETE",
        url=f"{V2}/users/{{me}}/muting/{{target_user_id}}",
        scopes=("tweet.read", "mute.write", "users.read"),
        effect="sets",
        visible="to the account alone",
        undone_by="mute",
        answer='{"data":{"muting":false}}',
        proof="data.muting",
        limits=per_quarter(50),
        source="https://docs.x.com/x-api/users/mutes/introduction",
    ),
    Call(
        name="posts",
        method="GET",
        url=f"{V2}/tweets",
        fields=(
            Field("ids", "query"),
            Field("tweet.fields", "query", only=("author_id,conversation_id,created_at,referenced_tweets,text",)),
            Field("expansions", "query", only=("author_id",)),
        ),
        scopes=("tweet.read", "users.read"),
        answer='{"data":[{"id":"1","text":"hi","author_id":"2","conversation_id":"9",'
        '"created_at":"2026-11-24T12:00:00.000Z","referenced_tweets":[{"type":"replied_to","id":"9"}]}],'
        '"includes":{"users":[{"id":"2","username":"rye_fan"}]}}',
        proof="data",
        limits=per_quarter(5000),
        note="Up to 100 ids; each post that is read is billed. It does not tell whether a reply is hidden.",
        room=1 << 20,
        source="https://docs.x.com/x-api/posts/lookup/introduction",
    ),
    Call(
        name="me",
        method="GET",
        url=f"{V2}/users/me",
        scopes=("tweet.read", "users.read"),
        answer='{"data":{"id":"1201","name":"Corner Bakery","username":"cornerbakery"}}',
        proof="data.id",
        makes="data.id",
        limits=per_quarter(75),
        source="https://docs.x.com/x-api/users/user-lookup-me",
    ),
    Call(
        name="refresh",
        method="POST",
        url=f"{V2}/oauth2/token",
        fields=(
            Field("grant_type", "form", only=("refresh_token",)),
            Field("refresh_token", "form"),
            Field("client_id", "form"),
        ),
        auth="basic",
        scopes=("offline.access",),
        effect="sets",
        visible="to nobody",
        answer='{"token_type":"bearer","expires_in":7200,"access_token":"next","refresh_token":"next too","scope":"…"}',
        proof="access_token",
        failures=(
            Failure(
                status=400,
                error=CredentialsRejected,
                says="X does not take the refresh token any more: authorise the account again",
                example='{"error":"invalid_request","error_description":"Value passed for the token was invalid."}',
            ),
        ),
        note="The access token lasts 2 hours; the refresh token is good for one use.",
        source="https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code",
    ),
)

FAILURES = (
    Failure(
        status=401,
        error=CredentialsRejected,
        says="X does not take the access token: refresh it, or authorise the account again",
        example=problem(401, "about:blank", "Unauthorized"),
    ),
    Failure(
        status=403,
        code="client-forbidden",
        error=CredentialsRejected,
        says="the app lacks the access that this call needs: see its plan and project at X",
        example=problem(403, f"{PROBLEM}client-forbidden", "Client Forbidden"),
    ),
    Failure(
        status=403,
        error=PlatformError,
        says="X refused it: the account or the app may not do this",
        example=problem(403, "about:blank", "Forbidden"),
    ),
    Failure(
        status=404,
        code=NOT_FOUND,
        error=ContentGone,
        says="X has no such post or user any more",
        example=problem(404, f"{PROBLEM}{NOT_FOUND}", "Not Found Error"),
    ),
    Failure(
        status=200,
        code="not-authorized-for-resource",
        error=PlatformError,
        says="the account may not see it: its author is protected or has blocked us",
        example='{"errors":[{"type":"https://api.x.com/2/problems/not-authorized-for-resource",'
        '"title":"Authorization Error","resource_type":"tweet"}]}',
    ),
    Failure(
        status=400,
        code="invalid-request",
        error=PlatformError,
        says="X calls the request malformed",
        example=problem(400, f"{PROBLEM}invalid-request", "Invalid Request"),
    ),
    Failure(
        status=429,
        code="usage-capped",
        error=RateLimited,
        says="the plan's usage cap is reached",
        wait=3600,
        example=problem(429, f"{PROBLEM}usage-capped", "UsageCapExceeded"),
    ),
    Failure(
        status=429,
        error=RateLimited,
        says="X wants fewer requests of this call",
        wait=QUARTER,
        example=problem(429, "about:blank", "Too Many Requests"),
    ),
    Failure(
        status=503,
        error=PlatformUnavailable,
        says="X is over capacity",
        example=problem(503, "about:blank", "Service Unavailable"),
    ),
)


def read_codes(body: Any) -> tuple[str, ...]:
    """Return the last parts of the problem types in an answer: of the body itself, or of ``errors`` without data.

    The webhooks' calls name a reason instead, before the colon of a message or as the title: it stands first.
    """
    if not isinstance(body, dict):
        return ()
    problems = [body] if "status" in body and "type" in body else []
    if body.get("data") is None:
        problems += as_list(body.get("errors"))
    texts = [body.get("title"), *(at(each, "message") for each in as_list(body.get("errors")))] if problems else []
    reasons = [found[1] for text in texts if (found := _REASON.match(as_text(text) or ""))]
    # Of several posts some may be gone and others not for us to see: then not all are gone.
    return (*reasons, *sorted(map(problem_kind, problems), key=NOT_FOUND.__eq__))


def problem_kind(problem: Any) -> str:
    """Return the last part of a problem's type: X spells the host in two ways."""
    kind = as_text(at(problem, "type")) or as_text(at(problem, "title")) or "error"
    return kind.rstrip("/").rpartition("/")[2][:64]


def read_budgets(call: Call, answer: Answer) -> tuple[Budget, ...]:
    """Return what is left of a call's allowance in these 15 minutes, by X's three header fields."""
    limit, remaining, reset = (
        read_number(answer.headers.get(f"x-rate-limit-{name}")) for name in ("limit", "remaining", "reset")
    )
    if remaining is None:
        return ()
    resets_at = datetime.fromtimestamp(reset, UTC) if reset is not None and reset < 10**11 else None
    return (Budget(name=call.name, limit=limit, remaining=remaining, resets_at=resets_at),)


API = Api(calls=(*CALLS, *POLLED, *WEBHOOK_CALLS), failures=FAILURES, codes=read_codes, budgets=read_budgets)
