"""What a request's head tells before its body is read: where it goes, and whether its body may be read at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from moderation_ai.core.errors import RequestRejected, UnknownPlatform
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.routing import read_path
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.tally import OTHER
from moderation_ai.web.body import too_large

Fields = Iterable[tuple[bytes, bytes]]

METHODS = frozenset({"GET", "HEAD", "POST"})
_LOOKED_AT = frozenset({b"content-length", b"content-type", b"content-encoding", b"transfer-encoding"})


class Receiver(Protocol):
    """Who takes requests in: intake, or what stands for it on another event loop."""

    def find(self, platform: str, account: str | None = None) -> Source:
        """Return what is configured for a platform's address; raise ``UnknownPlatform`` if nothing is."""

    def limit(self, source: Source | None) -> int:
        """Return how many bytes a body may have."""

    def check_address(self, peer: str | None, headers: Headers) -> None:
        """Return if the sender's address may post to us, else raise ``AddressNotAllowed``."""

    def refuse(self, platform: str | None, error: RequestRejected) -> Response:
        """Count and log a refusal, and return the answer to it."""

    async def receive(self, request: Request, platform: str | None, account: str | None = None) -> Response:
        """Return the answer to a request, once its events are on disk."""


class Route(msgspec.Struct, frozen=True):
    """Where an address leads: its path below the mount, the platform and account it names, its bodies' limit."""

    path: str
    platform: str | None
    account: str | None
    limit: int


NOWHERE = Route("", OTHER, None, 0)
"""The route of a request that has none."""


def find_route(intake: Receiver, paths: Iterable[str], endpoint: str) -> Route:
    """Return where the first of ``paths`` that is an address of ours leads; raise ``UnknownPlatform`` if none is."""
    for path in paths:
        found = read_path(path, endpoint)
        if found is not None:
            platform, account = found
            source = intake.find(platform, account) if platform is not None else None
            return Route(path, platform, account, intake.limit(source))
    raise UnknownPlatform("nothing is configured at this address")


def check_head(method: str, headers: Fields, limit: int) -> None:
    """Return if a body of up to ``limit`` bytes may be read after such a head, else raise ``RequestRejected``."""
    if method not in METHODS:
        raise RequestRejected("only GET and POST are answered here", status=405)
    for name, value in headers:
        if name in _LOOKED_AT:
            _check_field(name, value, limit)


def _check_field(name: bytes, value: bytes, limit: int) -> None:
    if name == b"content-length":
        if value.isdigit() and int(value[:20]) > limit:
            raise too_large(limit)
    elif name == b"content-type":
        if value[:20].lstrip().lower().startswith(b"multipart/"):
            raise RequestRejected("multipart bodies are not taken here", status=415)
    elif name == b"content-encoding":
        if value.strip().lower() not in (b"", b"identity"):
            raise RequestRejected("compressed bodies are not taken here", status=415)
    elif value.strip().lower() != b"chunked":
        raise RequestRejected("of transfer codings only chunked is understood here", status=400)


def has_body(headers: Fields) -> bool:
    """Say whether a body stands, or may stand, behind such a head."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 ") != b"")
        for name, value in headers
    )
