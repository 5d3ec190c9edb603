"""What the rows of X's tables share: the address, the window that limits count in, and the shapes of its errors."""

from __future__ import annotations

from moderation_ai.core.budgets import Limit

V2 = "https://api.x.com/2"
QUARTER = 15 * 60
"""Seconds that X counts requests in."""
PROBLEM = "https://api.x.com/2/problems/"


def per_quarter(units: int) -> tuple[Limit, ...]:
    """Return a limit of a call in each quarter of an hour."""
    return (Limit(units=units, seconds=QUARTER, shared_by="call"),)


def problem(status: int, kind: str, title: str) -> str:
    """Return an error as X writes it (RFC 9457, but for the type)."""
    return f'{{"type":"{kind}","title":"{title}","detail":"…","status":{status}}}'


def invalid_request(reason: str) -> str:
    """Return an error as the webhooks' calls have it: the reason stands before a colon, and no status inside."""
    return (
        f'{{"errors":[{{"message":"{reason}: …"}}],"title":"Invalid Request","detail":"…",'
        f'"type":"https://api.twitter.com/2/problems/invalid-request"}}'
    )
