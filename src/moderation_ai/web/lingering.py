"""The end of a connection whose answer was sent while its peer still writes."""

from __future__ import annotations

import asyncio

from moderation_ai.web.body import LINGER

MOST = 4 << 20
"""Bytes that are read and dropped before the connection is cut."""


class Lingering(asyncio.Protocol):
    """Read on for a moment and forget it: a socket closed over unread bytes takes the answer from its peer."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float = LINGER) -> None:
        """Take ``transport`` over: no more is written, and what comes is dropped for ``seconds``."""
        self._transport = transport
        self._dropped = 0
        self._timer = loop.call_later(seconds, transport.abort)
        transport.set_protocol(self)
        try:
            if transport.can_write_eof():
                transport.write_eof()
        except OSError:  # The peer is gone already, and there is nobody to linger for.
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Drop what came; cut the connection when it is too much."""
        self._dropped += len(data)
        if self._dropped > MOST:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._timer.cancel()
