"""The direct way: a POST that arrived in one piece goes to the app as what it is, without ASGI's round trip.

That is how webhooks arrive. Scope, task, ``receive`` and two times ``send`` cost more than to verify and to parse what
they carry. Whatever is not of this simplest form, or would be refused, goes the usual way from its first byte on: this
room only ever takes the good.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from moderation_ai.core.http import Response
from moderation_ai.web.answers import Field, whole_answer
from moderation_ai.web.limits import LimitedProtocol

_UNUSUAL = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})
_POST, _VERSION = b"POST ", b" HTTP/1.1\r\n"


class Taker(Protocol):
    """An app that takes whole requests."""

    def take(
        self, target: bytes, fields: list[Field], body: bytes, peer: str | None, answer: Callable[[Response], None]
    ) -> bool:
        """Take a POST and call ``answer`` once, now or later; or return False, with nothing done, for the usual way."""


class Whole:
    """Read a piece that may be one whole request; ``target``, ``fields`` and ``body`` are its parts then."""

    def __init__(self) -> None:
        """Begin with no request."""
        self._renew()

    def _renew(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)

    def read(self, data: bytes) -> bool:
        """Say whether ``data`` is exactly one POST that has its length and asks for nothing special."""
        line_end = data.find(b"\r\n", 0, 2048)
        if not data.startswith(_POST) or data[line_end - 9 : line_end + 2] != _VERSION:
            return False
        self.target = self.body = b""
        self.fields: list[Field] = []
        self._begun = self._ended = 0
        self._is_usual = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._ended = 0
        if self._ended != 1 or self._begun != 1 or not self._is_usual:
            self._renew()  # It is in the middle of something, or at the end of what is the last.
            return False
        return True

    def close(self) -> None:
        """Let go of the parser, which points back here; twice is once."""
        self._parser = None

    def on_message_begin(self) -> None:
        """Count the requests in a piece."""
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        """Keep what stands behind the method."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field as ASGI has it."""
        name = name.lower()
        if name in _UNUSUAL and (name, value.lower()) != (b"connection", b"keep-alive"):
            self._is_usual = False
        self.fields.append((name, value))

    def on_body(self, body: bytes) -> None:
        """Keep the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Count the requests that are whole."""
        self._ended += 1


class DirectProtocol(LimitedProtocol):
    """The protocol that takes the direct way where the app is a ``Taker``.

    One request of a connection is on this way at a time: what comes before its answer waits unread.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn gives to a protocol."""
        super().__init__(config, server_state, app_state, _loop)
        self._take: Callable[..., bool] = getattr(self.app, "take", _take_nothing)
        self._whole = Whole()
        self._is_waiting = self._ends = False
        self._held = b""

    def data_received(self, data: bytes) -> None:
        """Take a whole request the direct way, anything else the usual one."""
        if self._is_waiting:
            self._held += data
            self.flow.pause_reading()
        elif not self._is_between() or not self._go(data):
            super().data_received(data)

    def _is_between(self) -> bool:
        """Say whether all that was asked the usual way is answered, and nothing of a next request has come."""
        if self._is_last or self.flow.write_paused:
            return False
        cycle = self.cycle
        if cycle is None:
            return self.scope is None
        return cycle.response_complete and not cycle.more_body and cycle.scope is self.scope

    def _go(self, data: bytes) -> bool:
        """Begin with a request that is whole and within the limits; return False if it has to go the usual way."""
        whole, limits = self._whole, self.limits
        if not whole.read(data) or len(whole.fields) > limits.fields or len(data) - len(whole.body) > limits.head:
            return False
        peer = self.client[0] if self.client else None
        self._is_waiting, self._deadline = True, math.inf
        if self._take(whole.target, whole.fields, whole.body, peer, self._tell):
            return True
        self._is_waiting = False
        return False

    def _tell(self, response: Response) -> None:
        """Write the answer, unless nobody is there any more, and go on with what came meanwhile."""
        if not self._is_waiting:
            return
        self._is_waiting = False
        self.server_state.total_requests += 1
        self._deadline = self.loop.time() + self.limits.idle
        closes = self._ends and not self._held
        self.transport.write(whole_answer(response, self.server_state.default_headers, closes=closes))
        if closes:
            self.transport.close()
        elif self._held:
            self._go_on()

    def _go_on(self) -> None:
        held, self._held = self._held, b""
        self.flow.resume_reading()
        self.data_received(held)
        if self._ends and not self._is_waiting and not self.eof_received():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; who still waits is not told."""
        self._is_waiting = False
        self._whole.close()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's always closes
        """Say whether the connection stays open: for who has asked to the end and waits for its answer."""
        self._ends = self._is_waiting
        return self._is_waiting or super().eof_received()

    def shutdown(self) -> None:
        """End the connection once its request is answered."""
        if self._is_waiting:
            self._ends, self._held = True, b""
        else:
            super().shutdown()

    def give_up(self) -> None:
        """Close, and answer 503 if a request still waits for its answer."""
        if self._is_waiting:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            super().give_up()


def _take_nothing(*request: object) -> bool:
    """Take what an app takes that knows of no direct way."""
    return False
