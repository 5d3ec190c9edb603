"""The gateway: a plain ASGI app between the HTTP server and intake, without a framework because it is the hot path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from moderation_ai.core.errors import RequestRejected
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.pipeline.clock import Clock, SystemClock
from moderation_ai.pipeline.receiving.refusals import not_now
from moderation_ai.web.answers import CLOSE, Field, fields_of
from moderation_ai.web.body import DEADLINE, Body, Gone, Message, Receive, Send
from moderation_ai.web.driving import Driven
from moderation_ai.web.heads import NOWHERE, Receiver, Route, check_head, find_route, has_body

logger = logging.getLogger(__name__)

READ_TIMEOUT = 10.0
"""Seconds in which a body has to be complete."""
_ROUTES, _SPELLING = 1024, 512


class Gateway:
    """Answer what platforms post below ``endpoint``: ``/webhook/{platform}`` and ``/webhook/{platform}/{account}``.

    An ASGI 3 app: serve it alone, or mount it in FastAPI, Starlette or Litestar. It refuses what is too large, of an
    unsupported form or for an unconfigured address before a body is read or a signature computed, gives the raw bytes
    to ``intake`` and sends its answer; ``read_timeout`` is in seconds. It answers no 5xx but 503.
    """

    def __init__(
        self,
        intake: Receiver,
        *,
        endpoint: str = "/webhook",
        read_timeout: float = READ_TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        """Keep the parts; nothing is opened here."""
        self._intake = intake
        self._endpoint = endpoint
        self._read_timeout = read_timeout
        self._now = (clock or SystemClock()).now
        self._routes: dict[tuple[str, str, bytes], Route] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; see ASGI's specification for the arguments."""
        if scope["type"] != "http":
            await _answer_other(scope, receive, send)
            return
        body = Body(receive)
        route = NOWHERE
        headers = Headers(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else None
        try:
            route = self._route(scope.get("root_path", ""), scope["path"], scope.get("raw_path") or b"")
            check_head(scope["method"], scope["headers"], route.limit)
            self._intake.check_address(peer, headers)
            content = await self._read(scope, body, route.limit) if scope["method"] == "POST" else b""
        except RequestRejected as error:
            await _send_closing(scope, body, send, self._intake.refuse(route.platform, error))
            return
        except Gone:
            return
        request = Request(
            method=scope["method"],
            path=route.path,
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=content,
            peer=peer,
            received_at=self._now(),
        )
        response = await self._receive(request, route)
        await send({"type": "http.response.start", "status": response.status, "headers": fields_of(response)})
        await send({"type": "http.response.body", "body": response.body})

    def take(
        self, target: bytes, fields: list[Field], body: bytes, peer: str | None, answer: Callable[[Response], None]
    ) -> bool:
        """Take a whole POST from our own server, without ASGI, and call ``answer`` once.

        Returns False, with nothing done, for one that is refused before its body counts: the usual way tells why.
        """
        try:
            route = self._route("", target.decode("latin-1"), target)
            check_head("POST", fields, route.limit)
        except RequestRejected:
            return False
        request = Request(path=route.path, headers=Headers(fields), body=body, peer=peer, received_at=self._now())
        Driven(self._receive(request, route), answer)
        return True

    def _route(self, mount: str, path: str, raw_path: bytes) -> Route:
        """Return where a path leads, below its mount or whole; raise ``UnknownPlatform`` if nothing is there."""
        key = (mount, path, raw_path)
        route = self._routes.get(key)
        if route is None:
            route = find_route(self._intake, _paths_of(*key), self._endpoint)
            # A configured address has many spellings, of up to a head's length, and strangers choose them.
            if len(self._routes) < _ROUTES and len(path) + len(raw_path) <= _SPELLING:
                self._routes[key] = route
        return route

    async def _read(self, scope: Message, body: Body, limit: int) -> bytes:
        if DEADLINE in scope.get("extensions", ()):
            return await body.read(limit)
        return await body.read_within(limit, self._read_timeout)

    async def _receive(self, request: Request, route: Route) -> Response:
        """Return intake's answer; a defect of ours or of a platform's file is a 503, so that the sender tries again."""
        try:
            return await self._intake.receive(request, route.platform, route.account)
        except Exception:
            logger.exception("a request for %s could not be taken and was answered 503", route.path)
            return not_now("this cannot be taken now")


def _paths_of(root_path: str, path: str, raw_path: bytes) -> Iterable[str]:
    """Return the path below the mount, then the whole path: a mount may stand at the endpoint itself."""
    if root_path and path.startswith(root_path):
        return path[len(root_path) :] or "/", path
    # Litestar cuts the mount off the path without a word in root_path; the raw path still has it.
    return path, raw_path.partition(b"?")[0].decode("latin-1")


async def _send_closing(scope: Message, body: Body, send: Send, response: Response) -> None:
    """Answer what is refused before its body was taken, drop what is left of the body, and close."""
    fields = fields_of(response)
    is_unread = False
    if has_body(scope["headers"]):
        is_unread = not body.ended
        fields.append(CLOSE)
    await send({"type": "http.response.start", "status": response.status, "headers": fields})
    await send({"type": "http.response.body", "body": response.body, "more_body": is_unread})
    if is_unread:
        await body.drop()
        await send({"type": "http.response.body", "body": b""})


async def _answer_other(scope: Message, receive: Receive, send: Send) -> None:
    """Answer the server's start and end; refuse WebSockets."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
