"""A request that was posted to us and the answer to it, free of any web framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from moderation_ai.core.errors import MalformedPayload


class Headers:
    """Header fields as they arrived: names in lower case, every value kept, in order."""

    __slots__ = ("_first", "raw")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Keep ``raw`` pairs of lower-case name and value, as ASGI hands them over."""
        self.raw = list(raw)
        self._first: dict[bytes, bytes] | None = None

    @classmethod
    def of(cls, fields: Mapping[str, str] | None) -> Headers:
        """Make headers of a plain mapping, as tests and library users have it."""
        pairs = (fields or {}).items()
        return cls((str(name).lower().encode("latin-1", "replace"), encode(value)) for name, value in pairs)

    def get(self, name: str) -> str | None:
        """Return the first value of ``name``, or None."""
        if self._first is None:
            self._first = dict(reversed(self.raw))
        value = self._first.get(_key(name))
        return None if value is None else value.decode("latin-1")

    def one(self, name: str) -> str | None:
        """Return the only value of ``name``, or None; raise ``MalformedPayload`` if it stands twice.

        Two values of a security header are an attempt to have one party check the first and another the second.
        """
        found = self.get(name)
        if found is not None and self._first is not None and len(self._first) != len(self.raw):
            wanted = _key(name)
            if sum(key == wanted for key, _ in self.raw) > 1:
                raise MalformedPayload(f"the header {name} stands twice")
        return found


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return name.lower().encode()


def encode(value: object) -> bytes:
    """Return a header value as bytes; what latin-1 lacks is kept as UTF-8, and so never matches a signature."""
    text = str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted to us: the raw bytes, who sent them and when they arrived."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Headers = msgspec.field(default_factory=Headers)
    body: bytes = b""
    peer: str | None = None
    received_at: datetime

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters; of a repeated one the first.

        Raises ``MalformedPayload`` where there are more than 100, so that no sender makes us build a large table.
        """
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise MalformedPayload("the query has too many parameters") from error
        found: dict[str, str] = {}
        for name, value in pairs:
            found.setdefault(name, value)
        return found


class Response(msgspec.Struct, frozen=True):
    """What is answered: a status, a body, and header fields beside the content type."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
