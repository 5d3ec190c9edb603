"""What Instagram, Facebook Pages and Threads share of Meta's Graph API: its errors, and its two usage headers.

Sources: https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/docs/graph-api/overview/rate-limiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moderation_ai.core.api import at
from moderation_ai.core.budgets import Budget, after
from moderation_ai.core.calls import Call, Failure
from moderation_ai.core.content import as_dict, as_list, read_json
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    MalformedPayload,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.core.flows import Answer

_HOUR = 3600.0
_USED = ("call_count", "total_time", "total_cputime")
TRANSIENT, PERMISSION, NOT_SUCCESSFUL = "transient", "permission", "not successful"


def graph_failure(
    status: int, code: int, error: type[PlatformError], says: str, *, wait: float | None = None, subcode: int = 0
) -> Failure:
    """Return the row of an error code, and of its subcode if that is what tells."""
    inner = f',"error_subcode":{subcode}' if subcode else ""
    example = f'{{"error":{{"message":"…","type":"OAuthException","code":{code}{inner},"fbtrace_id":"A1"}}}}'
    name = f"{code}/{subcode}" if subcode else str(code)
    return Failure(status=status, code=name, error=error, says=says, wait=wait, example=example)


def _busy(code: int, whose: str) -> Failure:
    return graph_failure(400, code, RateLimited, f"Meta's limit of {whose} is reached", wait=_HOUR)


GRAPH_FAILURES = (
    graph_failure(400, 190, CredentialsRejected, "Meta does not take the access token: authorise the account again"),
    graph_failure(400, 100, ContentGone, "it does not exist any more, or the token may not see it", subcode=33),
    graph_failure(400, 100, PlatformError, "Meta calls a parameter wrong"),
    Failure(
        status=403,
        code=PERMISSION,
        error=PlatformError,
        says="the token lacks a permission: authorise the account again with those that the docs name",
        example='{"error":{"message":"…","type":"OAuthException","code":200,"fbtrace_id":"A1"}}',
    ),
    _busy(4, "the app"),
    _busy(17, "the user"),
    _busy(32, "the Page"),
    _busy(613, "this call"),
    _busy(80001, "the Page"),
    _busy(80002, "the Instagram account"),
    graph_failure(400, 368, RateLimited, "Meta has blocked the account from this for a time", wait=_HOUR),
    graph_failure(500, 1, PlatformUnavailable, "Meta failed"),
    graph_failure(500, 2, PlatformUnavailable, "Meta failed for a moment"),
    Failure(
        status=500,
        code=TRANSIENT,
        error=PlatformUnavailable,
        says="Meta failed for a moment",
        example='{"error":{"message":"…","type":"OAuthException","code":5,"is_transient":true,"fbtrace_id":"A1"}}',
    ),
    Failure(
        status=200,
        code=NOT_SUCCESSFUL,
        error=PlatformError,
        says="Meta did not do it, and does not say why",
        example='{"success":false}',
    ),
)


def read_graph_codes(body: Any) -> tuple[str, ...]:
    """Return an answer's error codes, the most telling first; ``success`` is a truth value or its word."""
    if not isinstance(body, dict):
        return ()
    if "error" not in body:
        return (NOT_SUCCESSFUL,) if body.get("success") in (False, "false") else ()
    code, subcode = at(body, "error.code"), at(body, "error.error_subcode")
    if not isinstance(code, int) or isinstance(code, bool):
        return ("error",)
    found = [str(code)[:12]]
    if isinstance(subcode, int) and not isinstance(subcode, bool):
        found.insert(0, f"{code}/{subcode}"[:24])
    if code == 10 or 200 <= code <= 299:
        found.insert(0, PERMISSION)
    if at(body, "error.is_transient") is True and code not in _LIMITS:
        found.insert(0, TRANSIENT)
    return tuple(found)


_LIMITS = frozenset({4, 17, 32, 613, 80001, 80002})


def read_graph_budgets(call: Call, answer: Answer) -> tuple[Budget, ...]:
    """Return how much is used of the app's hour and of each account's day, which Meta tells as percentages."""
    app = _header(answer, "x-app-usage")
    found = [Budget(name="app", used=_share(app))] if app else []
    for uses in _header(answer, "x-business-use-case-usage").values():
        found += _account_budgets(answer, uses)
    return tuple(found)


def _account_budgets(answer: Answer, uses: Any) -> Iterator[Budget]:
    for use in map(as_dict, as_list(uses)):
        minutes = use.get("estimated_time_to_regain_access")
        is_time = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes < 100_000
        seconds = minutes * 60.0 if isinstance(minutes, int) and is_time else None
        yield Budget(name="account", used=_share(use), resets_at=after(answer, seconds))


def _share(use: dict[str, Any]) -> float:
    numbers = [use.get(name) for name in _USED]
    return max([n / 100 for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)], default=0.0)


def _header(answer: Answer, name: str) -> dict[str, Any]:
    try:
        return as_dict(read_json((answer.headers.get(name) or "{}").encode("utf-8", "replace")))
    except MalformedPayload:
        return {}
