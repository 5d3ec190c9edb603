"""Refusals: what is answered when nothing is kept."""

from __future__ import annotations

import msgspec

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.http import Response

JSON = "application/json"
RETRY_AFTER = 5.0
"""Seconds after which a sender is asked to come again, where nothing says better."""


def busy(error: StoreError) -> Response:
    """Return the answer of a store that cannot take more just now: 503, and when to come again."""
    seconds = error.retry_after if isinstance(error, StoreBusy) else None
    return not_now("the store cannot take this now", seconds)


def not_now(reason: str, seconds: float | None = None) -> Response:
    """Return the answer to what cannot be taken just now: 503, and after how many seconds to send it again."""
    answer = refusal(503, f"{reason}; nothing was kept, send it again")
    wait = max(1, round(RETRY_AFTER if seconds is None else seconds))
    return msgspec.structs.replace(answer, headers=(("Retry-After", str(wait)),))


def refusal(status: int, message: str) -> Response:
    """Return an error answer: one JSON object with the reason, which never holds a secret or a body."""
    headers = (("Allow", "GET, POST"),) if status == 405 else ()
    return Response(status, msgspec.json.encode({"error": message}), JSON, headers)
