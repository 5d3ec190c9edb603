"""Sending: the only outgoing connections of this package; each goes to a host that was named before, and is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moderation_ai.core.addresses import is_loopback, is_private_way
from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable
from moderation_ai.core.http import Response

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 5.0
"""Seconds that a connection and the whole answer may take: the sender of a request may be waiting for it."""
MAX_ANSWER = 256 << 10
"""Bytes that an answer may have."""
_HEADERS = {"Accept-Encoding": "identity"}


class Sender:
    """Ask over HTTP, with ``timeout`` in seconds for all of it and at most ``limit`` bytes in the answer."""

    def __init__(self, *, timeout: float = TIMEOUT, limit: int = MAX_ANSWER) -> None:
        """Keep the bounds; nothing is opened before it is needed."""
        self._timeout = timeout
        self._limit = limit

    async def get(self, url: str, hosts: Collection[str]) -> Response:
        """Return the answer to a GET of ``url``, whatever its status; redirects are not followed.

        Raises ``ConfigurationError`` for an address that is not encrypted or whose host is none of ``hosts``, and
        ``PlatformUnavailable`` where no whole answer within the bounds comes.
        """
        import httpx2  # It takes a while to load, and few need it.

        host = check_address(url, hosts)
        try:
            # A new client each time: it belongs to no event loop then, and keys are fetched once in hours.
            async with (
                asyncio.timeout(self._timeout),
                _client(host) as client,
                client.stream("GET", url, headers=_HEADERS) as answer,
            ):
                body = await self._read(answer)
        except TimeoutError as error:
            raise PlatformUnavailable(f"{host} did not answer within {self._timeout:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
            raise PlatformUnavailable(f"{host} cannot be reached ({type(error).__name__})") from error
        fields = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Response(answer.status_code, body, answer.headers.get("content-type", ""), fields)

    async def _read(self, answer: httpx2.Response) -> bytes:
        """Return the body as it was sent; an encoded one is refused, for it could be of any size."""
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise PlatformUnavailable(f"{answer.url.host} sent a compressed answer that nobody asked for")
        whole = bytearray()
        async for chunk in answer.aiter_raw():
            whole += chunk
            if len(whole) > self._limit:
                raise PlatformUnavailable(f"{answer.url.host} sent more than {self._limit} bytes")
        return bytes(whole)


def _client(host: str) -> httpx2.AsyncClient:
    import httpx2

    # A proxy that the environment names is for what lies outside.
    return httpx2.AsyncClient(follow_redirects=False, timeout=None, trust_env=not is_loopback(host))


def check_address(url: str, hosts: Collection[str]) -> str:
    """Return the host that ``url`` leads to, if it may be asked; else raise ``ConfigurationError``."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        may_ask = is_private_way(url) and host in hosts and parts.username is None and parts.port != 0
    except ValueError:
        may_ask = False
    if not may_ask:
        raise ConfigurationError(f"{url!r} may not be asked: it is not encrypted, or on none of {', '.join(hosts)}")
    return host
