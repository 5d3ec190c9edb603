"""Posting a request to an address that the user names: a developer's own tool, so loopback is allowed."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from moderation_ai.core.errors import ModerationError

TIMEOUT = 30.0
"""Seconds that a connection and an answer may take."""
_MOST = 1 << 20


class Reply(msgspec.Struct, frozen=True):
    """An answer: its status, its body (at most 1 MiB of it), and the seconds it took."""

    status: int
    body: bytes
    seconds: float

    @property
    def is_good(self) -> bool:
        """Say whether the request was accepted."""
        return 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str], *, method: str = "POST", timeout: float = TIMEOUT) -> Reply:
    """Send ``body`` to ``url`` and return the answer; redirects are not followed.

    Raises ``ModerationError`` for an address that is none, or that cannot be reached.
    """
    connection, path = _connection(url, timeout)
    began = time.perf_counter()
    try:
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(_MOST), time.perf_counter() - began)
    except ConnectionRefusedError as error:
        raise ModerationError(f"nobody listens at {url}: is `moderation-ai serve` running?") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise ModerationError(f"{url} cannot be reached: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _connection(url: str, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ModerationError(f"{url!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModerationError(f"{url!r} is no address; write one such as http://127.0.0.1:8080/webhook/generic")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return kind(parts.hostname, port, timeout=timeout), path
