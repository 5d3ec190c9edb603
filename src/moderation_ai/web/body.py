"""A body on its way in: counted while it is read, bounded in length and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from moderation_ai.core.errors import BodyTooLarge, RequestRejected

Message = MutableMapping[str, Any]  # Any: ASGI's messages are dictionaries of mixed values
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DEADLINE = "moderation_ai.deadline"
"""The ASGI extension by which our server says that it ends what stays incomplete itself, so that no timer is set."""
LINGER = 2.0
"""Seconds for which the rest of a refused body is read and dropped, so that its sender gets to read the answer."""


class Gone(Exception):
    """Say that the client went away before its body was complete."""


class Body:
    """The body of one request; ``ended`` says that nothing of it is left to read."""

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Receive) -> None:
        """Begin with nothing read."""
        self._receive = receive
        self.ended = False

    async def read(self, limit: int) -> bytes:
        """Return the whole body.

        Raises ``BodyTooLarge`` as soon as it is longer than ``limit`` bytes, and ``Gone`` if it breaks off.
        """
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= limit:
            self.ended = True
            return body
        return await self._read_on(message, limit)

    async def _read_on(self, message: Message, limit: int) -> bytes:
        whole = bytearray()
        while message["type"] == "http.request":
            self.ended = not message.get("more_body", False)
            whole += message.get("body", b"")
            if len(whole) > limit:
                raise too_large(limit)
            if self.ended:
                return bytes(whole)
            message = await self._receive()
        raise Gone

    async def read_within(self, limit: int, seconds: float) -> bytes:
        """Return what ``read`` does; raise ``RequestRejected`` with 408 if that takes longer than ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                return await self.read(limit)
        except TimeoutError as error:
            raise RequestRejected("the body was not complete in time", status=408) from error

    async def drop(self) -> None:
        """Read on for a moment and forget it: a socket closed over unread bytes takes the answer from its sender."""
        try:
            async with asyncio.timeout(LINGER):
                while not self.ended:
                    message = await self._receive()
                    self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        except TimeoutError:
            return


def too_large(limit: int) -> BodyTooLarge:
    """Return the refusal of a body above ``limit`` bytes."""
    return BodyTooLarge(f"the body is longer than {limit} bytes")
