"""Sending: the only outgoing connections of this package; each goes to a host that was named before, and is bounded.

A sender that is opened keeps connections between requests; see ``Sender.open``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from moderation_ai.core.addresses import is_loopback, is_private_way
from moderation_ai.core.errors import ConfigurationError, OutcomeUnknown, PlatformError, PlatformUnavailable
from moderation_ai.core.flows import Answer, Flow, Outgoing
from moderation_ai.core.http import Headers, Response

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx2

T = TypeVar("T")
TIMEOUT = 5.0
"""Seconds that a connection and the whole answer may take: the sender of a request may be waiting for it."""
CONNECT = 3.0
"""Seconds of these that it may take to be connected, and as many to wait for a connection that is free."""
AT_ONCE = 32
"""Connections to one host at the same time, at most; a platform's limits are reached before."""
IDLE = 4.0
"""Seconds that an unused connection is kept: less than the shortest that servers wait (5 s), so that we close first."""
MAX_ANSWER = 256 << 10
"""Bytes that an answer may have."""
_HEADERS = {"Accept-Encoding": "identity"}
# What else a token that was copied brings along (a line's end, a typographic quote) cannot be sent.
_SENDABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z", re.ASCII)


def _now() -> datetime:
    return datetime.now(UTC)


class _Pool:
    """The connections that are kept on one event loop, by the address that they lead to, until all who opened close."""

    def __init__(self, connect: float) -> None:
        self.users = 0
        self._connect = connect
        self._clients: dict[str, httpx2.AsyncClient] = {}

    def client(self, url: str) -> httpx2.AsyncClient:
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}"
        if base not in self._clients:
            self._clients[base] = _client(url, self._connect)
        return self._clients[base]

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


class Sender:
    """Ask over HTTP, with ``timeout`` in seconds for all of it and at most ``limit`` bytes in the answer.

    ``connect`` is in seconds too, for being connected.

    A platform's table may allow one call more (``Call.room``): a page of a list is larger than an answer to an act.

    ``stand_ins`` are for tests and demos: a platform's host, and the address on this machine that is asked in its
    place (``{"api.x.com": "http://127.0.0.1:8123"}``); the header ``Host`` says who is meant. Nothing else, no setting
    and no variable, leads a request elsewhere.
    """

    def __init__(
        self,
        *,
        timeout: float = TIMEOUT,
        connect: float = CONNECT,
        limit: int = MAX_ANSWER,
        stand_ins: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Keep the bounds; nothing is opened before it is needed.

        Raises ``ConfigurationError`` for a stand-in that is not on this machine.
        """
        self._timeout = timeout
        self._connect = min(connect, timeout)
        self._limit = limit
        self._stand_ins = {host: _loopback_base(base) for host, base in (stand_ins or {}).items()}
        self._now = now
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()

    def open(self) -> None:
        """Keep connections of the running loop between its requests from now on; for each call a ``close`` is due.

        Without it, and on other loops, each request has a connection of its own.
        """
        loop = asyncio.get_running_loop()
        self._pools.setdefault(loop, _Pool(self._connect)).users += 1

    def load(self) -> None:
        """Load what requests need; it takes up to a second, for which the first of them would stop the running loop."""
        import anyio
        import httpx2  # noqa: F401

        anyio.Event()  # This is what makes it load its half for asyncio.

    async def close(self) -> None:
        """Close what is kept for the running loop, once all who opened it there have closed it."""
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None:
            pool.users -= 1
            if pool.users == 0:
                del self._pools[asyncio.get_running_loop()]
                await pool.close()

    @asynccontextmanager
    async def _client_for(self, url: str, *, alone: bool) -> AsyncIterator[httpx2.AsyncClient]:
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None and not alone:
            yield pool.client(url)
        else:
            async with _client(url, self._connect) as client:
                yield client

    async def drive(self, flow: Flow[T], hosts: Collection[str]) -> T:
        """Send what ``flow`` yields, one request after the other, and return what it returns.

        Errors of sending are thrown into the flow; what comes out is what the flow raises.
        """
        try:
            request = next(flow)
            while True:
                try:
                    answer = await self.send(request, hosts)
                except PlatformError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # StopIteration does not say what it carries.

    async def send(self, request: Outgoing, hosts: Collection[str]) -> Answer:
        """Return the answer to ``request``, whatever its status; redirects are not followed.

        Raises ``ConfigurationError`` as ``get`` does and for a header field that cannot be sent,
        ``PlatformUnavailable`` where nothing was sent, and ``OutcomeUnknown`` where it may have arrived and no whole
        answer came back.
        """
        import httpx2

        host = check_address(request.url, hosts)
        _check_headers(request)
        url = self._instead(host, request.url)
        headers = {**dict(request.headers), **_HEADERS, **({} if url == request.url else {"Host": host})}
        watch = _Watch()
        try:
            async with (
                _untold(),
                asyncio.timeout(self._timeout),
                self._client_for(url, alone=request.once) as client,
                client.stream(
                    request.method, url, headers=headers, content=request.body, extensions={"trace": watch.note}
                ) as answer,
            ):
                body = await self._read(answer, max(self._limit, request.room))
        except httpx2.InvalidURL as error:
            raise PlatformUnavailable(f"{host} cannot be reached ({type(error).__name__})") from error
        except TimeoutError as error:
            raise watch.failure(f"{host} did not answer within {self._timeout:g} s") from error
        except PlatformUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            says = "did not answer in full" if watch.is_sent else "cannot be reached"
            raise watch.failure(f"{host} {says} ({type(error).__name__})") from error
        fields = ((name.lower(), value) for name, value in answer.headers.raw)
        return Answer(status=answer.status_code, headers=Headers(fields), body=body, received_at=self._now())

    def _instead(self, host: str, url: str) -> str:
        base = self._stand_ins.get(host)
        if base is None:
            return url
        parts = urlsplit(url)
        return base + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

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
                _untold(),
                asyncio.timeout(self._timeout),
                _client(url, self._connect) as client,
                client.stream("GET", url, headers=_HEADERS) as answer,
            ):
                body = await self._read(answer, self._limit)
        except TimeoutError as error:
            raise PlatformUnavailable(f"{host} did not answer within {self._timeout:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
            raise PlatformUnavailable(f"{host} cannot be reached ({type(error).__name__})") from error
        fields = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Response(answer.status_code, body, answer.headers.get("content-type", ""), fields)

    async def _read(self, answer: httpx2.Response, limit: int) -> bytes:
        """Return the body as it was sent; an encoded one is refused, for it could be of any size."""
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise PlatformUnavailable(f"{answer.url.host} sent a compressed answer that nobody asked for")
        whole = bytearray()
        async for chunk in answer.aiter_raw():
            whole += chunk
            if len(whole) > limit:
                raise PlatformUnavailable(f"{answer.url.host} sent more than {limit} bytes")
        return bytes(whole)


class _Watch:
    """Whether any byte of a request went out: before that nothing can have been done."""

    def __init__(self) -> None:
        self.is_sent = False

    async def note(self, name: str, info: Mapping[str, Any]) -> None:
        """Hear what goes on with the connection."""
        self.is_sent = self.is_sent or "send_request_headers" in name

    def failure(self, says: str) -> PlatformUnavailable:
        """Return the error of a request that brought no answer."""
        return OutcomeUnknown(says) if self.is_sent else PlatformUnavailable(says)


def _client(url: str, connect: float) -> httpx2.AsyncClient:
    import httpx2

    parts = urlsplit(url)
    # A proxy that the environment names is for what lies outside. Where nothing is encrypted there is no certificate.
    client = httpx2.AsyncClient(
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=connect, pool=connect),
        limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=IDLE),
        trust_env=not is_loopback(parts.hostname or ""),
        verify=authorities() if parts.scheme == "https" else False,
    )
    # What one account is told must not be said in the name of another.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


@asynccontextmanager
async def _untold() -> AsyncIterator[None]:
    """Have the client not tell of a request in the log: it tells the whole address, in which Meta wants the token."""
    _watch_log()
    token = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(token)


@lru_cache(maxsize=1)
def _watch_log() -> None:
    logging.getLogger("httpx2").addFilter(lambda record: not _is_ours.get())


@lru_cache(maxsize=1)
def authorities() -> SSLContext:
    """Return the certificate authorities that are trusted. They are read once, for that takes tens of milliseconds."""
    import httpx2

    return httpx2.create_ssl_context()


def _loopback_base(base: str) -> str:
    """Return a stand-in's address without what may end it; raise ``ConfigurationError`` if it is elsewhere."""
    try:
        parts = urlsplit(base)
        is_here = parts.scheme == "http" and is_loopback(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_here = False
    if not is_here or parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(f"{base!r} may not stand in for a platform: give http://, a loopback address, a port")
    return base.rstrip("/")


def check_address(url: str, hosts: Collection[str]) -> str:
    """Return the host that ``url`` leads to, if it may be asked; else raise ``ConfigurationError``."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        may_ask = is_private_way(url) and host in hosts and parts.username is None and parts.port != 0
    except ValueError:
        may_ask = False
    if not may_ask:
        bare = url.partition("?")[0]  # Meta wants tokens behind it.
        raise ConfigurationError(f"{bare!r} may not be asked: it is not encrypted, or on none of {', '.join(hosts)}")
    return host


def _check_headers(request: Outgoing) -> None:
    for name, value in request.headers:
        if not _SENDABLE.match(value):
            raise ConfigurationError(
                f"{request.call}: the header {name} cannot be sent, for it holds a line's end or what is not ASCII: "
                "look at what is configured for it (access_token, user_agent)"
            )
