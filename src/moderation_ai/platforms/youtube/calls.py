"""YouTube's Data API v3, and its hub, as a table; the lists that are polled stand in ``polled.py``.

Sources: https://developers.google.com/youtube/v3/docs/comments and
https://developers.google.com/youtube/v3/determine_quota_cost.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from moderation_ai.core.api import Api, at
from moderation_ai.core.budgets import Limit, seconds_until
from moderation_ai.core.calls import Call, Failure, Field
from moderation_ai.core.content import as_text
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    ModerationError,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.flows import Answer
from moderation_ai.core.hubs import hub_call
from moderation_ai.platforms.youtube.polled import POLLED

_COMMENTS = "https://www.googleapis.com/youtube/v3/comments"
_PAGE = "https://developers.google.com/youtube/v3/docs/comments"
_SCOPES = ("https://www.googleapis.com/auth/youtube.force-ssl",)


def _failure(
    status: int, reason: str, error: type[ModerationError], says: str, *, wait: float | None = None, spent: bool = False
) -> Failure:
    example = f'{{"error":{{"code":{status},"message":"…","errors":[{{"message":"…","reason":"{reason}"}}]}}}}'
    return Failure(status=status, code=reason, error=error, says=says, wait=wait, until_reset=spent, example=example)


_MODERATION_FAILURES = (
    _failure(
        403,
        "forbidden",
        PlatformError,
        "YouTube refused it: the comment is gone, or it is not on a channel of the account's",
    ),
    _failure(400, "processingFailure", PlatformError, "YouTube could not do it: the commenter may have deleted it"),
    _failure(400, "operationNotSupported", UnsupportedAction, "YouTube does not allow this for this comment"),
    _failure(400, "banWithoutReject", UnsupportedAction, "YouTube bans only who is rejected"),
)

CALLS = (
    Call(
        name="moderate",
        method="POST",
        url=f"{_COMMENTS}/setModerationStatus",
        fields=(
            Field("id", "query"),
            Field("moderationStatus", "query", only=("heldForReview", "published", "rejected")),
        ),
        scopes=_SCOPES,
        effect="sets",
        visible="to everybody: held and rejected comments are gone, with all their replies",
        undone_by="moderate",
        status=204,
        failures=_MODERATION_FAILURES,
        cost=50,
        note="Up to 50 ids for 50 units. What is rejected cannot be published again.",
        source=f"{_PAGE}/setModerationStatus",
    ),
    Call(
        name="ban",
        method="POST",
        url=f"{_COMMENTS}/setModerationStatus",
        fields=(
            Field("id", "query"),
            Field("moderationStatus", "query", only=("rejected",)),
            Field("banAuthor", "query", only=("true",)),
        ),
        scopes=_SCOPES,
        effect="adds",
        visible="to everybody: the comment is gone, and what its author writes from now on is rejected",
        status=204,
        failures=_MODERATION_FAILURES,
        cost=50,
        note="Only together with a rejection. No call takes it back: a person can, in YouTube Studio.",
        source=f"{_PAGE}/setModerationStatus",
    ),
    Call(
        name="reply",
        method="POST",
        url=_COMMENTS,
        fields=(
            Field("part", "query", only=("snippet",)),
            Field("snippet.parentId", "json"),
            Field("snippet.textOriginal", "json"),
        ),
        scopes=_SCOPES,
        effect="adds",
        visible="to everybody",
        undone_by="delete",
        answer='{"kind":"youtube#comment","id":"Ugx1.9b","snippet":{"parentId":"Ugx1","textOriginal":"Thank you"}}',
        proof="id",
        makes="id",
        failures=(
            _failure(404, "parentCommentNotFound", ContentGone, "the comment to be answered is gone"),
            _failure(400, "commentTextTooLong", PlatformError, "the text is too long for YouTube"),
        ),
        cost=50,
        source=f"{_PAGE}/insert",
    ),
    Call(
        name="delete",
        method="DELETE",
        url=_COMMENTS,
        fields=(Field("id", "query"),),
        scopes=_SCOPES,
        effect="sets",
        visible="to everybody",
        status=204,
        cost=50,
        note="The account's own comments alone.",
        source=f"{_PAGE}/delete",
    ),
    Call(
        name="comments",
        method="GET",
        url=_COMMENTS,
        fields=(
            Field("part", "query", only=("snippet",)),
            Field("textFormat", "query", only=("plainText",)),
            Field("id", "query"),
        ),
        scopes=_SCOPES,
        answer='{"kind":"youtube#commentListResponse","items":[{"kind":"youtube#comment","id":"Ugx1","snippet":{'
        '"videoId":"v1","textDisplay":"hi","textOriginal":"hi","authorDisplayName":"@rye","authorChannelId":{'
        '"value":"UC2"},"publishedAt":"2026-11-24T12:00:00Z","updatedAt":"2026-11-24T12:00:00Z"}}]}',
        proof="items",
        note="Only what exists comes back. The moderation status is not told when asked by id.",
        room=4 << 20,
        source=f"{_PAGE}/list",
    ),
    Call(
        name="me",
        method="GET",
        url="https://www.googleapis.com/youtube/v3/channels",
        fields=(Field("part", "query", only=("id",)), Field("mine", "query", only=("true",))),
        scopes=_SCOPES,
        answer='{"kind":"youtube#channelListResponse","items":[{"kind":"youtube#channel","id":"UC1"}]}',
        proof="items.0.id",
        makes="items.0.id",
        source="https://developers.google.com/youtube/v3/docs/channels/list",
    ),
    Call(
        name="refresh",
        method="POST",
        url="https://oauth2.googleapis.com/token",
        fields=(
            Field("grant_type", "form", only=("refresh_token",)),
            Field("refresh_token", "form"),
            Field("client_id", "form"),
            Field("client_secret", "form"),
        ),
        auth="none",
        effect="sets",
        visible="to nobody",
        answer='{"access_token":"next","expires_in":3599,"scope":"…","token_type":"Bearer"}',
        proof="access_token",
        failures=(
            Failure(
                status=400,
                code="invalid_grant",
                error=CredentialsRejected,
                says="Google does not take the refresh token any more: authorise the account again",
                example='{"error":"invalid_grant","error_description":"Token has been expired or revoked."}',
            ),
            # From memory, and RFC 6749 (section 5.2); the other one is as Google answers it.
            Failure(
                status=401,
                code="invalid_client",
                error=CredentialsRejected,
                says="Google does not know the app's id and secret",
                example='{"error":"invalid_client","error_description":"Unauthorized"}',
            ),
        ),
        note="The access token lasts an hour; the refresh token stays (7 days while the app is in testing).",
        source="https://developers.google.com/identity/protocols/oauth2/web-server#offline",
    ),
)

FAILURES = (
    _failure(403, "quotaExceeded", RateLimited, "today's quota units are spent", spent=True),
    _failure(403, "dailyLimitExceeded", RateLimited, "today's quota units are spent", spent=True),
    _failure(403, "rateLimitExceeded", RateLimited, "YouTube wants fewer requests", wait=60),
    _failure(403, "userRateLimitExceeded", RateLimited, "YouTube wants fewer requests", wait=60),
    _failure(401, "authError", CredentialsRejected, "YouTube does not take the access token: refresh it"),
    _failure(
        403,
        "insufficientPermissions",
        CredentialsRejected,
        "the token lacks the scope youtube.force-ssl: authorise the account again with it",
    ),
    _failure(403, "forbidden", PlatformError, "YouTube refused it: the account may not do this"),
    _failure(404, "commentNotFound", ContentGone, "YouTube has no such comment any more"),
    _failure(500, "backendError", PlatformUnavailable, "YouTube failed"),
)


def read_codes(body: Any) -> tuple[str, ...]:
    """Return the reasons that an answer gives; Google's token endpoint gives a word."""
    if not isinstance(body, dict) or "error" not in body:
        return ()
    reasons = (at(body, "error.errors.0.reason"), at(body, "error.status"), body["error"])
    found = [as_text(reason) for reason in reasons]
    return tuple(code[:64] for code in found if code) or ("error",)


def seconds_to_reset(answer: Answer) -> float:
    """Return the seconds until midnight in California, when the day's units come back."""
    now = answer.received_at
    tomorrow = now.astimezone(_zone(now)).date() + timedelta(days=1)
    # Clocks change at 2 o'clock there, so 8:00 UTC, which is 0:00 or 1:00, has the zone of its midnight.
    midnight = datetime.combine(tomorrow, datetime.min.time(), UTC)
    return seconds_until(midnight.replace(tzinfo=_zone(midnight + timedelta(hours=8))), now)


def _zone(moment: datetime) -> timezone:
    return timezone(timedelta(hours=-7 if _is_summer(moment) else -8))


def _is_summer(moment: datetime) -> bool:
    """Say whether the United States have summer time: 2 o'clock on March's second Sunday to November's first."""
    year = moment.year
    begins = datetime.combine(_sunday(year, 3, 2), datetime.min.time(), UTC) + timedelta(hours=10)
    ends = datetime.combine(_sunday(year, 11, 1), datetime.min.time(), UTC) + timedelta(hours=9)
    return begins <= moment < ends


def _sunday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


HUB = hub_call(
    "https://pubsubhubbub.appspot.com/subscribe",
    "https://developers.google.com/youtube/v3/guides/push_notifications",
    "Google's hub, for videos alone. A lease lasts 5 days unless more is asked for, and 10 at most.",
)

API = Api(
    calls=(*CALLS, *POLLED, HUB),
    failures=FAILURES,
    limits=(Limit(units=10_000, seconds=86_400, shared_by="app"),),
    codes=read_codes,
    reset=seconds_to_reset,
)
