"""Asking a registered address, as a platform does before it posts there; only ever on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode, urlsplit

import msgspec

from moderation_ai.core.addresses import is_loopback
from moderation_ai.core.errors import ConfigurationError

TIMEOUT = 10.0
"""Seconds that X waits for an answer; the others do not say."""
_LONGEST = 64 << 10


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What an address answered; the status is 0 where nobody did."""

    status: int = 0
    body: bytes = b""


class Asker:
    """Find the gateway that stands in for a public address, and ask it."""

    def __init__(self) -> None:
        """Know no stand-in: only addresses of this machine can be asked."""
        self._bases: dict[str, str] = {}

    def reach(self, host: str, base: str) -> None:
        """Have ``base`` stand in for ``host``; raise ``ConfigurationError`` if it leaves this machine."""
        require_loopback(base)
        self._bases[host] = base

    def way_to(self, url: str) -> str | None:
        """Return the address on this machine that ``url`` leads to, or None."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        base = self._bases.get(parts.hostname or "")
        if base is None:
            return url if parts.scheme == "http" and is_loopback(parts.hostname or "") else None
        return base.rstrip("/") + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def ask(self, url: str, parameters: Mapping[str, str]) -> Heard:
        """Return what ``GET url`` with ``parameters`` is answered; redirects are not followed."""
        way = self.way_to(url)
        if way is None:
            return Heard()
        parts = urlsplit(way)
        query = "&".join(filter(None, (parts.query, urlencode(parameters))))
        try:
            with closing(HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)) as connection:
                connection.request("GET", f"{parts.path or '/'}?{query}")
                answer = connection.getresponse()
                return Heard(status=answer.status, body=answer.read(_LONGEST))
        except (OSError, HTTPException, ValueError):
            return Heard()  # Nobody answered, or it is no address; the status says so.


def require_loopback(url: str) -> None:
    """Return if ``url`` is of this machine, else raise ``ConfigurationError``."""
    if urlsplit(url).scheme != "http" or not is_loopback(urlsplit(url).hostname or ""):
        raise ConfigurationError(f"a fake speaks to this machine alone, by http, and not to {url!r}")
