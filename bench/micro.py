"""What one body costs before it is stored: its signature verified, its event read."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

from bench import bodies, cores
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms import find_platform

_TIMES = 5_000
_ROUNDS = 7


def verify_and_parse_us() -> float:
    """Return the microseconds that one body takes: the median of the rounds."""
    with cores.pinned(cores.SERVER_CORE):
        return median(_round() for _ in range(_ROUNDS))


def _round() -> float:
    platform, credential = find_platform("generic"), Credential(secrets=(bodies.SECRET,))
    requests = _requests()
    start = time.perf_counter()
    for request in requests:
        platform.verify(request, credential)
        platform.parse(request)
    return (time.perf_counter() - start) / _TIMES * 1e6


def _requests() -> list[Request]:
    form, tag, now = bodies.template(), bodies.new_tag(), datetime.now(UTC)
    return [_request(bodies.body(form, tag, number), now) for number in range(_TIMES)]


def _request(body: bytes, now: datetime) -> Request:
    # The header fields as they arrive from the load, in the form in which the gateway has them.
    fields = [
        (b"host", b"127.0.0.1:8080"),
        (b"content-type", b"application/json"),
        (bodies.SIGNATURE_HEADER.lower().encode(), bodies.signature(body).encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    return Request(path="/webhook/generic", headers=Headers(fields), body=body, received_at=now)
