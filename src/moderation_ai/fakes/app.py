"""A fake over HTTP: its Starlette app, and a free port on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from moderation_ai.core.http import Headers
from moderation_ai.fakes.replies import Reply
from moderation_ai.sender import Sender
from moderation_ai.web.doors import Door, bind

_PATIENCE = 30.0


class Played(Protocol):
    """What is served: it answers a request, and says how the answer fails on its way."""

    def handle(self, method: str, url: str, headers: Headers, body: bytes) -> tuple[Reply, str | None]:
        """Return the answer and its fault."""


class Served:
    """A fake that is being served: ``url`` is its address."""

    def __init__(self, url: str, hosts: tuple[str, ...]) -> None:
        """Keep where it is, and whose place it takes."""
        self.url = url
        self.stand_ins = dict.fromkeys(hosts, url)
        """The platform's hosts with this address: the argument ``stand_ins`` of a ``Sender``."""

    def sender(self, **arguments: Any) -> Sender:
        """Return a sender that asks this fake in the platform's place; ``arguments`` are those of ``Sender``."""
        return Sender(stand_ins=self.stand_ins, **arguments)


class _Endpoint:
    def __init__(self, fake: Played, stop: asyncio.Event) -> None:
        self._fake = fake
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        reply, fault = self._fake.handle(request.method, _address(scope), Headers(scope["headers"]), body)
        if fault == "hangs":
            await self._hang(receive)
            return
        await _answer(reply, send, breaks=fault == "lost")

    async def _hang(self, receive: Receive) -> None:
        """Return when the client has enough, or the fake is served no more."""
        waits = [asyncio.ensure_future(receive()), asyncio.ensure_future(self._stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def app_of(fake: Played, stop: asyncio.Event) -> Starlette:
    """Return the app that answers as the platform's API does, whatever the address; what hangs ends with ``stop``."""
    return Starlette(routes=[Route("/{path:path}", _Endpoint(fake, stop))])


def _address(scope: Scope) -> str:
    """Return the address as the client meant it: the platform's host stands in the header."""
    host = (Headers(scope["headers"]).get("host") or "").partition(":")[0]
    path = (scope.get("raw_path") or b"/").decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"https://{host}{path}{'?' if query else ''}{query}"


async def _answer(reply: Reply, send: Send, *, breaks: bool) -> None:
    length = len(reply.body) + breaks
    fields = {"content-type": "application/json; charset=utf-8", **reply.headers, "content-length": str(length)}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    # An answer breaks off before its last byte, and the server closes the connection; a 204 would have no byte.
    await send({"type": "http.response.start", "status": 200 if breaks else reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if breaks else reply.body, "more_body": breaks})


@contextmanager
def serve_fake(fake: Played, hosts: tuple[str, ...]) -> Iterator[Served]:
    """Serve ``fake`` in the place of ``hosts`` on a free port of loopback, from a thread of its own."""
    (bound,) = bind("127.0.0.1", 0)
    is_open, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    door = Door(app_of(fake, stop), [bound])

    async def run() -> None:
        await door.open()
        is_open.set()
        await stop.wait()
        await door.close(1.0)

    def run_all() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=run_all, daemon=True)
    thread.start()
    is_open.wait(_PATIENCE)
    try:
        yield Served(door.address, hosts)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_PATIENCE)
