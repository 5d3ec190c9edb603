"""Refusals: what is answered when nothing is kept."""

from __future__ import annotations

import msgspec

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.http import Response

JSON = "application/json"


def busy(error: StoreError) -> Response:
    """Return the answer of a store that cannot take more just now: 503, and when to come again."""
    seconds = error.retry_after if isinstance(error, StoreBusy) else 5.0
    answer = refusal(503, "the store cannot take this now; nothing was kept, send it again")
    return again_after(answer, seconds)


def again_after(answer: Response, seconds: float) -> Response:
    """Return ``answer`` with the wish to be asked again after so many seconds."""
    return msgspec.structs.replace(answer, headers=(("Retry-After", str(max(1, round(seconds)))),))


def refusal(status: int, message: str) -> Response:
    """Return an error answer: one JSON object with the reason, which never holds a secret or a body."""
    headers = (("Allow", "GET, POST"),) if status == 405 else ()
    return Response(status, msgspec.json.encode({"error": message}), JSON, headers)
