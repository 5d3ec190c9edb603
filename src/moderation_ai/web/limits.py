"""Limits that uvicorn's HTTP protocol lacks: how large a head may be, and how long anything may take to come.

One deadline for each connection takes the place of timers for each request: a number that is moved, and a timer that
looks at it now and then.
"""

from __future__ import annotations

import asyncio
import logging
import math
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from moderation_ai.web.answers import plain_answer
from moderation_ai.web.body import DEADLINE
from moderation_ai.web.lingering import Lingering

logger = logging.getLogger(__name__)

_EXTENSIONS: dict[str, dict[str, Any]] = {DEADLINE: {}}
_ANSWERS = {
    HTTPStatus.BAD_REQUEST: plain_answer(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 that has one meaning only"),
    HTTPStatus.REQUEST_TIMEOUT: plain_answer(HTTPStatus.REQUEST_TIMEOUT, "the request was not complete in time"),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: plain_answer(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large"
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: plain_answer(
        HTTPStatus.SERVICE_UNAVAILABLE, "this server is about to stop; send it again", (b"retry-after", b"5")
    ),
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may ask of us; sizes in bytes, times in seconds.

    ``head`` is the request line and all fields together, ``fields`` how many these may be. ``message`` is the time in
    which a request has to be complete from its first byte, and that byte has to come from the connection's beginning.
    ``idle`` is how long a connection may rest between requests. ``framing`` is what the chunks of a body may need
    (sizes, extensions, trailers) beyond as much again as their content.
    """

    head: int = 32 << 10
    fields: int = 100
    message: float = 10.0
    idle: float = 15.0
    framing: int = 32 << 10


class HeadTooLarge(Exception):
    """Say that a head is above the limits."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within ``limits``.

    What two servers could read in two ways (two lengths, odd chunks, bare line feeds) its parser refuses; here such a
    connection is answered 400 and ends. A head that is too large is answered 431, what does not come in time 408.
    """

    limits: ClassVar[Limits] = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn gives to a protocol."""
        super().__init__(config, server_state, app_state, _loop)
        self._deadline = math.inf
        self._look_every = min(self.limits.message, self.limits.idle)
        self._timer: asyncio.TimerHandle | None = None
        self._is_last = False
        # Of the request that is incomplete: bytes that came so far, those of them that an earlier request may have
        # had, and those that were content of its body; and all bytes with the piece that is being parsed.
        self._arrived = self._doubtful = self._content = self._fed = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a first request."""
        super().connection_made(transport)
        self._wait(self.limits.message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's always closes
        """Say whether the connection stays open: for who has asked to the end and waits for its answer."""
        is_waiting = self.cycle is not None and not self.cycle.response_complete
        stays = is_waiting and not self._in_head() and not self._in_body()
        self._is_last = self._is_last or stays
        return stays

    def data_received(self, data: bytes) -> None:
        """Parse what came. A request that is whole waits for nothing; one that is not gets a deadline."""
        scope, cycle = self.scope, self.cycle
        self._fed = self._arrived + len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self._refuse_unparsed(error)
            return
        now = self.cycle
        if now is not None and now.scope is self.scope and not now.more_body and not now.response_complete:
            self._arrived = self._doubtful = 0
            self._deadline = math.inf
            return
        is_alone = now is cycle and self._fed == len(data)
        self._expect_rest(len(data), is_new=self.scope is not scope, is_alone=is_alone)

    def _feed(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                self._begin_plain()
                rest = rest[upgrade.args[0] :]
            else:
                return

    def _begin_plain(self) -> None:
        """Parse a head again as if it had not asked for another protocol, as a server may (RFC 9110, 7.8).

        Its body would be lost otherwise: the parser takes what follows for that other protocol.
        """
        method, fields = self.scope["method"], self.scope["headers"]
        if method == "CONNECT":
            raise httptools.HttpParserError("this is no proxy")
        lines = [b"%s: %s" % field for field in fields if field[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join([b"%s %s HTTP/1.1" % (method.encode(), self.url), *lines, b"", b""]))

    def _should_upgrade(self) -> bool:
        return True  # uvicorn then leaves such a request to us.

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is above the limits."""
        limits = self.limits
        if len(self.headers) > limits.fields or (self._fed > limits.head and self._head_size() > limits.head):
            raise HeadTooLarge
        self.scope["extensions"] = _EXTENSIONS  # type: ignore[typeddict-item]  # one of ours
        super().on_headers_complete()
        self._content = 0
        self.headers = []  # What follows are trailers. They are no fields of the head, where signatures stand.
        if self.scope["http_version"] != "1.1":
            self._check_version()

    def on_body(self, body: bytes) -> None:
        """Count the content of a body, and hand it on."""
        self._content += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Go on with the request that is next in the queue, or rest."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._deadline = self.loop.time() + self.limits.idle
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._is_last:
            self.transport.close()
        elif self.scope is self.cycle.scope:
            self._deadline = self.loop.time() + self.limits.idle

    def give_up(self) -> None:
        """Close, and answer 503 if a request still waits for its answer."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _check_version(self) -> None:
        """Raise for a version that has no chunks, with chunks (RFC 9112, 6.1), and for those before 1.0."""
        is_chunked = any(name == b"transfer-encoding" for name, _ in self.scope["headers"])
        if is_chunked or self.scope["http_version"] != "1.0":
            raise ValueError("an old version of HTTP")

    def _in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _in_body(self) -> bool:
        return self.cycle is not None and self.cycle.scope is self.scope and self.cycle.more_body

    def _expect_rest(self, size: int, *, is_new: bool, is_alone: bool) -> None:
        """Give an incomplete request its deadline, and refuse a head or framing that grows beyond the limits.

        ``size`` is that of the piece that came; ``is_alone`` says that no earlier request had a part of it.
        """
        in_head = self._in_head()
        if not in_head and (self.cycle is None or self.cycle.response_complete):
            return  # Nothing has begun, or this is the rest of what was answered: the deadline stands.
        self._arrived = size if is_new else self._fed
        if is_new:
            self._doubtful = 0 if is_alone else size
            self._wait(self.limits.message)
        known = self._arrived - self._doubtful
        if in_head and known > self.limits.head:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not in_head and known - 2 * self._content > self.limits.head + self.limits.framing:
            self._refuse(HTTPStatus.BAD_REQUEST)

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._look_again()

    def _look_again(self) -> None:
        delay = min(self._deadline - self.loop.time(), self._look_every)
        self._timer = self.loop.call_later(max(delay, 0.001), self._look)

    def _look(self) -> None:
        """End the connection if its deadline is over."""
        if self.loop.time() < self._deadline:
            self._look_again()
        elif self.transport.is_closing():
            self.transport.abort()  # It does not read its answer.
        elif self.flow.read_paused:
            self._wait(self.limits.message)  # It is we who let it wait.
        elif self._in_head() or (self._in_body() and not self.cycle.response_complete):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()
            self._wait(self.limits.idle)

    def _refuse_unparsed(self, error: Exception) -> None:
        logger.info("refused what is no HTTP/1.1: %s", error)
        too_large = isinstance(error.__context__, HeadTooLarge)
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer the request that is arriving and end; what was asked before it is answered first, and then alone."""
        if self._in_body():
            waits = any(cycle is self.cycle for cycle, _ in self.pipeline)
            if waits and not self._is_last:
                self.pipeline.popleft()
        else:
            waits = self.cycle is not None and not self.cycle.response_complete
        if waits or self._is_last:
            self._is_last = True
            self.flow.pause_reading()
            return
        self._answer(status)

    def _answer(self, status: HTTPStatus) -> None:
        """Write an answer of ours unless one has begun, and end the connection."""
        cycle, transport, loop = self.cycle, self.transport, self.loop
        has_begun = cycle is not None and cycle.response_started and (self._in_body() or not cycle.response_complete)
        self.flow.resume_reading()
        self.connection_lost(ConnectionAbortedError())  # The app hears that its client is gone.
        if has_begun or transport.is_closing():
            transport.close()
            return
        transport.write(_ANSWERS[status])
        Lingering(transport, loop)
