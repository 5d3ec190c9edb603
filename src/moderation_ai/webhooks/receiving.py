"""Receiving at a user's own endpoint: any framework's request becomes ours, and our answer fits any framework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.routing import read_path
from moderation_ai.web.heads import check_head
from moderation_ai.web.wsgi import headers_of, read_up_to
from moderation_ai.webhooks.handled import Handled

Named = tuple[Request, str | None, str | None]


class Answer:
    """The answer to a received request: await it under an event loop, read it at once where there is none.

    ``status``, ``body``, ``content_type`` and ``headers`` go into your framework's response; unpacked it is
    ``body, status, headers``, which Flask takes as it is.
    """

    def __init__(self, handled: Handled[Response]) -> None:
        """Stand for the answer that ``handled`` will give."""
        self._handled = handled

    def __await__(self) -> Generator[Any, None, Answer]:
        """Wait until the request's events are stored, and return this answer."""
        yield from self._handled.__await__()
        return self

    def _response(self) -> Response:
        if not self._handled.done():
            raise RuntimeError("the answer is not there yet: `answer = await handler.receive(request)`")
        return self._handled.result()

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self._response().status

    @property
    def body(self) -> bytes:
        """Return the body."""
        return self._response().body

    @property
    def content_type(self) -> str:
        """Return the body's content type."""
        return self._response().content_type

    @property
    def headers(self) -> dict[str, str]:
        """Return the header fields, content type included."""
        answer = self._response()
        return {"content-type": answer.content_type, "x-content-type-options": "nosniff", **dict(answer.headers)}

    def __iter__(self) -> Iterator[Any]:
        """Unpack to body, status and headers."""
        return iter((self.body, self.status, self.headers))


class Reading(NamedTuple):
    """How requests are read: below which ``endpoint``, up to how many bytes, when, and on which loop."""

    endpoint: str
    limit: int
    now: datetime
    home: asyncio.AbstractEventLoop | None


async def read_request(request: Any, reading: Reading) -> Named:
    """Return our request of a framework's, with the platform and account that its path names.

    An async framework's body is read on ``reading.home``, the loop that it belongs to. Of a body that is longer than
    ``reading.limit`` only so much is read that it can be refused. Raises ``ConfigurationError`` for an object that is
    no request we know, and ``RequestRejected`` for one whose head tells that its body is not to be read.
    """
    if isinstance(request, Request):
        check_head(request.method, request.headers.raw, reading.limit)
        return (request, *_by_path(request.path, reading.endpoint))
    if hasattr(request, "scope") and hasattr(request, "stream"):
        return await _of_asgi(request, reading)
    if hasattr(request, "environ") and hasattr(request, "get_data"):
        body = partial(_flask_body, request, reading.limit)
        return _of_wsgi(request.environ, body, request.view_args or {}, reading)
    if hasattr(request, "META") and hasattr(request, "resolver_match"):
        match = request.resolver_match
        body = partial(_django_body, request, reading.limit)
        return _of_wsgi(request.META, body, match.kwargs if match else {}, reading)
    if hasattr(request, "raw_headers") and hasattr(request, "match_info"):
        return await _of_aiohttp(request, reading)
    kind = type(request).__name__
    raise ConfigurationError(
        f"receive() takes a Starlette, FastAPI, Litestar, Flask, Django or aiohttp request, not {kind}"
    )


async def _of_asgi(request: Any, reading: Reading) -> Named:
    scope = request.scope
    client = scope.get("client")
    check_head(scope["method"], scope["headers"], reading.limit)
    read = Request(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=Headers(scope["headers"]),
        body=await _on(reading.home, _counted(request.stream(), reading.limit)),
        peer=client[0] if client else None,
        received_at=reading.now,
    )
    return _named(read, scope.get("path_params") or {}, reading.endpoint)


async def _counted(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Return a body, or so much of it that it is over the limit."""
    whole = bytearray()
    async for chunk in chunks:
        whole += chunk
        if len(whole) > limit:
            break
    return bytes(whole)


async def _of_aiohttp(request: Any, reading: Reading) -> Named:
    fields = [(name.lower(), value) for name, value in request.raw_headers]
    check_head(request.method, fields, reading.limit)
    read = Request(
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers=Headers(fields),
        body=await _on(reading.home, _aiohttp_body(request, reading.limit)),
        peer=request.remote,
        received_at=reading.now,
    )
    return _named(read, dict(request.match_info), reading.endpoint)


async def _aiohttp_body(request: Any, limit: int) -> bytes:
    """Return the body by our limit instead of the app's ``client_max_size``; one that was read before is kept there."""
    if request.content.at_eof():
        return bytes(await request.read())
    return await _counted(request.content.iter_any(), limit)


def _django_body(request: Any, limit: int) -> bytes:
    """Return the body by our limit instead of ``DATA_UPLOAD_MAX_MEMORY_SIZE``, which answers 400 to what is longer."""
    try:
        return bytes(request.body)
    except Exception as error:
        if type(error).__name__ != "RequestDataTooBig":
            raise
        return bytes(request.read(limit + 1))


def _flask_body(request: Any, limit: int) -> bytes:
    # A body in chunks has no length, and get_data() would read it to its end, wherever that is. What was read before
    # we are asked is not in the stream any more.
    if request.content_length is None:
        return read_up_to(request.stream, limit + 1) or bytes(request.get_data())
    return bytes(request.get_data())


def _of_wsgi(environ: Any, read_body: Callable[[], bytes], params: Any, reading: Reading) -> Named:
    method, fields = environ.get("REQUEST_METHOD", "POST"), list(headers_of(environ))
    check_head(method, fields, reading.limit)
    read = Request(
        method=method,
        path=environ.get("PATH_INFO", "/"),
        query=environ.get("QUERY_STRING", ""),
        headers=Headers(fields),
        body=read_body(),
        peer=environ.get("REMOTE_ADDR"),
        received_at=reading.now,
    )
    return _named(read, params, reading.endpoint)


async def _on(home: asyncio.AbstractEventLoop | None, body: Coroutine[Any, Any, bytes]) -> bytes:
    """Return the body that a framework's coroutine reads, run on the loop it belongs to."""
    if home is None or home is asyncio.get_running_loop():
        return await body
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(body, home))


def _named(request: Request, params: Any, endpoint: str) -> Named:
    if params.get("platform"):
        return request, str(params["platform"]), params.get("account")
    return (request, *_by_path(request.path, endpoint))


def _by_path(path: str, endpoint: str) -> tuple[str | None, str | None]:
    return read_path(path, endpoint) or (None, None)
