"""The gateway for WSGI servers: Flask, Django, gunicorn's sync workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from moderation_ai.core.errors import RequestRejected
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.routing import read_path
from moderation_ai.pipeline.clock import Clock, SystemClock
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.pipeline.receiving.refusals import not_now, refusal
from moderation_ai.web.answers import fields_of
from moderation_ai.web.body import too_large
from moderation_ai.web.heads import check_head

if TYPE_CHECKING:
    from wsgiref.types import InputStream, StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

ReceiveSync = Callable[[Request, str | None, str | None], Response]
_PIECE = 1 << 16


class WsgiGateway:
    """Answer what platforms post below ``endpoint``, as a WSGI app; its answers are those of ``Gateway``.

    ``receive_sync`` takes a request, the platform and the account, and returns the answer once everything is stored.
    ``max_body`` is the largest body that any platform may send. WSGI servers join fields that stand twice, so a
    doubled signature is a malformed one here: 401 where ASGI says 400.
    """

    def __init__(
        self,
        receive_sync: ReceiveSync,
        *,
        endpoint: str = "/webhook",
        max_body: int = MAX_BODY,
        clock: Clock | None = None,
    ) -> None:
        """Keep the parts; nothing is opened here."""
        self._receive = receive_sync
        self._endpoint = endpoint
        self._max_body = max_body
        self._now = (clock or SystemClock()).now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; see PEP 3333 for the arguments."""
        response = self._answer(environ)
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields_of(response)]
        start_response(f"{response.status} {_phrase(response.status)}", fields)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _answer(self, environ: WSGIEnvironment) -> Response:
        found = find_address(environ, self._endpoint)
        if found is None:
            return refusal(404, "nothing is configured at this address")
        try:
            return self._receive(self._read(environ), *found)
        except RequestRejected as error:
            return refusal(error.status, str(error))
        except Exception:
            logger.exception("a request for %s could not be taken and was answered 503", found[0] or "the endpoint")
            return not_now("this cannot be taken now")

    def _read(self, environ: WSGIEnvironment) -> Request:
        headers = list(headers_of(environ))
        method = environ["REQUEST_METHOD"]
        check_head(method, headers, self._max_body)
        return Request(
            method=method,
            path=environ.get("PATH_INFO") or "/",
            query=environ.get("QUERY_STRING", ""),
            headers=Headers(headers),
            body=read_body(environ, self._max_body) if method == "POST" else b"",
            peer=environ.get("REMOTE_ADDR") or None,
            received_at=self._now(),
        )


def find_address(environ: WSGIEnvironment, endpoint: str) -> tuple[str | None, str | None] | None:
    """Return the platform and account that the path below the mount names, or the whole path; None if neither does."""
    path = environ.get("PATH_INFO") or "/"
    return read_path(path, endpoint) or read_path(environ.get("SCRIPT_NAME", "") + path, endpoint)


def headers_of(environ: WSGIEnvironment) -> Iterator[tuple[bytes, bytes]]:
    """Yield the header fields of a WSGI environment, names in lower case."""
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield _name(name[5:]), value.encode("latin-1", "replace")
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield _name(name), str(value).encode("latin-1", "replace")


def _name(variable: str) -> bytes:
    return variable.replace("_", "-").lower().encode("latin-1", "replace")


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Return the body; raise ``RequestRejected`` for one above ``limit`` bytes (413) or one that breaks off (400).

    A body without a length is read only where the server says that its input ends by itself.
    """
    stream: InputStream = environ["wsgi.input"]
    text = environ.get("CONTENT_LENGTH") or ""
    if text:
        length = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
        if length < 0:
            raise RequestRejected("the length of the body is no number", status=400)
        body = read_up_to(stream, length)
        if len(body) < length:
            raise RequestRejected("the body broke off", status=400)
        return body
    if not environ.get("wsgi.input_terminated"):
        if "HTTP_TRANSFER_ENCODING" in environ:
            raise RequestRejected("this server needs to be told the length of a body", status=411)
        return b""
    body = read_up_to(stream, limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    return body


def read_up_to(stream: InputStream, most: int) -> bytes:
    """Return what ``stream`` still holds, ``most`` bytes at most."""
    pieces: list[bytes] = []
    left = most
    while left > 0 and (piece := stream.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
