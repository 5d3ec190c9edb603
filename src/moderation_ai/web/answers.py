"""Answers on their way out: header fields, encoded once for the answers that come again and again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

from moderation_ai.core.http import Response, encode
from moderation_ai.pipeline.receiving.refusals import refusal

Field = tuple[bytes, bytes]
NOSNIFF: Field = (b"x-content-type-options", b"nosniff")
CLOSE: Field = (b"connection", b"close")


def fields_of(response: Response) -> list[Field]:
    """Return the header fields of ``response`` as ASGI has them; the list is the caller's own."""
    return list(_encoded(response.content_type, len(response.body), response.headers))


@lru_cache(maxsize=256)
def _encoded(content_type: str, length: int, headers: tuple[tuple[str, str], ...]) -> tuple[Field, ...]:
    given = [(name.lower().encode("latin-1"), encode(value)) for name, value in headers]
    plain = [(b"content-type", encode(content_type)), (b"content-length", b"%d" % length)]
    return (*plain, *([] if NOSNIFF in given else [NOSNIFF]), *given)


def whole_answer(response: Response, server: Sequence[Field], *, closes: bool = False) -> bytes:
    """Return the bytes of an answer; ``server`` holds the fields that the server adds, the date among them."""
    added = b"".join([b"%s: %s\r\n" % field for field in server])
    ending = b"connection: close\r\n\r\n" if closes else b"\r\n"
    return b"".join((_status_line(response.status), added, _own_lines(response), ending, response.body))


@lru_cache(maxsize=256)
def _own_lines(response: Response) -> bytes:
    return b"".join([b"%s: %s\r\n" % field for field in fields_of(response)])


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())


def plain_answer(status: HTTPStatus, message: str, *more: Field) -> bytes:
    """Return the bytes of an error answer after which the connection ends, for where there is no ASGI."""
    response = refusal(status, message)
    fields = [*fields_of(response), *more, CLOSE]
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), *(b"%s: %s" % field for field in fields)]
    return b"\r\n".join([*lines, b"", response.body])
