"""The second port: health and metrics for machines, and the API by which people's tools look in and replay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from moderation_ai.core.errors import ConfigurationError, RequestRejected, StoreBusy, StoreError
from moderation_ai.core.http import Headers
from moderation_ai.web.body import Message, Receive, Send
from moderation_ai.web.endpoints import Endpoints, Parts, to_json_response
from moderation_ai.web.guard import Hosts, check_host, check_token
from moderation_ai.web.openapi import Operation
from moderation_ai.web.operations import OPERATIONS
from moderation_ai.web.state import State

Endpoint = Callable[[Request], Awaitable[Response]]

_PROBES = ("/healthz", "/readyz")
_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class ConsoleApp:
    """Serve health, metrics and the API (and ``pages``, which look after themselves) to who is allowed to see them.

    Everything but ``/healthz`` and ``/readyz`` asks for ``Authorization: Bearer <token>`` and for a ``Host`` that is
    loopback's or one of ``hosts`` (names or URLs): to listen on loopback alone is no authentication. Raises
    ``ConfigurationError`` for an empty token.
    """

    def __init__(
        self,
        parts: Parts,
        token: str,
        *,
        hosts: Iterable[str] = (),
        state: State | None = None,
        pages: Sequence[BaseRoute] = (),
    ) -> None:
        """Keep the parts; nothing is opened here."""
        if not token:
            raise ConfigurationError("the console needs a token; an empty one would let everyone in")
        self._hosts = Hosts(hosts)
        api = Endpoints(parts, state or State())
        routes = [_route(operation, getattr(api, operation.name), token) for operation in OPERATIONS]
        self._app = Starlette(routes=[*routes, *pages], exception_handlers=_ERRORS)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; see ASGI's specification for the arguments."""
        if scope["type"] == "http":
            send = _with_headers(send)
            if scope["path"] not in _PROBES:
                try:
                    check_host(Headers(scope["headers"]), self._hosts)
                except RequestRejected as error:
                    await _refused(error)(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(field for field in _HEADERS if field[0] not in there)]
        await send(message)

    return send_with_headers


def _route(operation: Operation, endpoint: Endpoint, token: str) -> Route:
    async def guarded(request: Request) -> Response:
        if operation.needs_token:
            check_token(Headers(request.scope["headers"]), token)
        return await endpoint(request)

    return Route(operation.path, guarded, methods=[operation.method], name=operation.name)


def _refused(error: RequestRejected) -> Response:
    headers = {"www-authenticate": 'Bearer realm="moderation-ai"'} if error.status == 401 else None
    return to_json_response({"error": str(error)}, error.status, headers)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRejected)
    return _refused(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return to_json_response({"error": error.detail}, error.status_code, error.headers)


async def _on_store(request: Request, error: Exception) -> Response:
    seconds = error.retry_after if isinstance(error, StoreBusy) else 5.0
    return to_json_response({"error": str(error)}, 503, {"retry-after": str(max(1, round(seconds)))})


async def _on_defect(request: Request, error: Exception) -> Response:
    return to_json_response({"error": "this is a defect of ours; it was logged"}, 500)


_ERRORS = {
    RequestRejected: _on_refusal,
    HTTPException: _on_http,
    StoreError: _on_store,
    Exception: _on_defect,
}
