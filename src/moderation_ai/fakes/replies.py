"""What a fake answers: a body of its own making, or the documented example of a failure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from moderation_ai.core.calls import Failure


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: the status, the body's bytes, and header fields."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Refusal(Exception):
    """Say that a call is answered by a documented failure, with these header fields.

    It never leaves a fake: it is how what stands deep inside of a call ends it.
    """

    def __init__(self, failure: Failure, headers: Mapping[str, str] | None = None) -> None:
        """Keep the row."""
        super().__init__(failure.says)
        self.failure = failure
        self.headers = dict(headers or {})

    @property
    def reply(self) -> Reply:
        """Return the answer: the row's own example."""
        return Reply(status=self.failure.status, body=self.failure.example.encode(), headers=self.headers)


def say(value: Any, status: int = 200) -> Reply:
    """Return an answer with a JSON value."""
    return Reply(status=status, body=written(value))


def written(value: Any) -> bytes:
    """Return JSON in UTF-8; half a character that somebody wrote is escaped, as platforms do."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def row_of(failures: Iterable[Failure], status: int, code: str | None) -> Failure:
    """Return the documented failure of that status and code; every one that a fake answers stands in the table."""
    return next(row for row in failures if row.status == status and row.code == code)
