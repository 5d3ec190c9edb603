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
    def __init__(self, fake: Played) -> None:
        self._fake = fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        reply, fault = self._fake.handle(request.method, _address(scope), Headers(scope["headers"]), body)
        if fault == "hangs":
            while (await receive())["type"] != "http.disconnect":
                pass  # Until the client has enough.
            return
        await _answer(reply, send, breaks=fault == "lost")


def app_of(fake: Played) -> Starlette:
    """Return the app that answers as the platform's API does, whatever the address."""
    return Starlette(routes=[Route("/{path:path}", _Endpoint(fake))])


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
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    # Where the answer breaks off, its last byte is never sent, and the server closes the connection.
    await send({"type": "http.response.body", "body": b"" if breaks else reply.body, "more_body": breaks})


@contextmanager
def serve_fake(fake: Played, hosts: tuple[str, ...]) -> Iterator[Served]:
    """Serve ``fake`` in the place of ``hosts`` on a free port of loopback, from a thread of its own."""
    (bound,) = bind("127.0.0.1", 0)
    door = Door(app_of(fake), [bound])
    is_open, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

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
