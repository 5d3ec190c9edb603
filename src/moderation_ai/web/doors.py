"""Doors: one app on one address, opened and closed by whoever stands in its loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import uvicorn

from moderation_ai.core.errors import AddressInUse, ConfigurationError
from moderation_ai.web.body import Message, Receive, Send
from moderation_ai.web.limits import LimitedProtocol

logger = logging.getLogger(__name__)

App = Callable[[Message, Receive, Send], Awaitable[None]]

BACKLOG = 2048
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class _Server(uvicorn.Server):
    """uvicorn's server; it tells when it is open, and keeps its hands off the process's signals.

    uvicorn raises the signals that it caught again when it ends, so that what stands behind it would never run.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.opened.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # uvicorn's is a generator
        return nullcontext()


class Door:
    """One app behind ``protocol``'s limits, on an address that is bound already (see ``bind``)."""

    def __init__(
        self, app: App, bound: Sequence[socket.socket], protocol: type[LimitedProtocol] = LimitedProtocol
    ) -> None:
        """Take over the sockets; nobody is answered before ``open``."""
        self._sockets = list(bound)
        self.address = url_of(self._sockets[0])
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
        )
        self._server = _Server(config)
        self.serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Return once connections are accepted."""
        loop = asyncio.get_running_loop()
        self.serving = loop.create_task(self._server.serve(sockets=self._sockets))
        opened = loop.create_task(self._server.opened.wait())
        await asyncio.wait([opened, self.serving], return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self.serving.done():
            await self.serving

    async def close(self, deadline: float) -> None:
        """Accept no more and return when all in flight is answered; what takes over ``deadline`` seconds gets 503."""
        if self.serving is None:
            for one in self._sockets:
                one.close()
            return
        self._server.should_exit = True
        try:
            await asyncio.wait([self.serving], timeout=deadline)
        finally:
            self._give_up()
        await self.serving

    def _give_up(self) -> None:
        state = self._server.server_state
        if state.connections:
            logger.warning("%d connections were still open at the deadline", len(state.connections))
        for connection in list(state.connections):
            connection.give_up()  # type: ignore[union-attr]  # each of them is of our protocol
        for task in list(state.tasks):
            task.cancel()
        self._server.force_exit = True


@contextmanager
def bound_to(host: str, port: int, setting: str) -> Iterator[list[socket.socket]]:
    """Hold an address within the block, before anything else is begun: who is refused one leaves nothing behind.

    ``setting`` says what to change where it is taken; see ``bind`` for the rest.
    """
    bound = bind(host, port, setting)
    try:
        yield bound
    finally:
        for one in bound:
            one.close()


def bind(host: str, port: int, setting: str = "the port") -> list[socket.socket]:
    """Return sockets bound to every address of ``host``, on one port (0: one that is free).

    Raises ``AddressInUse`` where another program listens, naming the ``setting`` to change, and ``ConfigurationError``
    where there is no such address.
    """
    bound: list[socket.socket] = []
    if not 0 <= port < 65536:
        raise ConfigurationError(f"cannot listen on {host}, port {port}: there is no such port")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((info[0], info[4]) for info in found):
            at = port or (bound[0].getsockname()[1] if bound else 0)
            one = _bind_one(family, (address[0], at, *address[2:]))
            bound += [one] if one else []
    except (OSError, UnicodeError) as error:
        for one in bound:
            one.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                f"cannot listen on {host}, port {port}: another program does; end that one, or change {setting}"
            ) from error
        raise ConfigurationError(f"cannot listen on {host}, port {port}: {error}") from error
    if not bound:
        raise ConfigurationError(f"cannot listen on {host}, port {port}: this machine does not have that address")
    return bound


def _bind_one(family: int, address: tuple[str | int, ...]) -> socket.socket | None:
    """Return a socket bound to ``address``, or None where this machine has no such address (IPv6 switched off)."""
    try:
        # The protocol is named: asyncio sets TCP_NODELAY only where it is, and answers come in two parts.
        one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        _require_missing(error)
        return None
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        # What is bound and not listening yet can be bound a second time: of two that start at once, both would think
        # that the address is theirs.
        one.listen(BACKLOG)
    except OSError as error:
        one.close()
        _require_missing(error)
        return None
    one.setblocking(False)
    return one


def _require_missing(error: OSError) -> None:
    if error.errno not in _NOT_HERE:
        raise error


def url_of(bound: socket.socket) -> str:
    """Return the URL of what is served on a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"
