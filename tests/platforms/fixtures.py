"""The fixtures of every platform, found by folder: ``NAME.json`` (or ``.xml``) beside ``NAME.expected.json``.

``NAME.headers.json`` holds what the platform sends beside the signature, and ``keys.json`` the secrets of a platform
for which not every text is one: pairs of what signs and what verifies, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.platforms import all_platforms

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLATFORMS = list(all_platforms().values())


class Fixture(msgspec.Struct, frozen=True):
    """One body of ours in a platform's shape, with what must come of it."""

    platform: str
    name: str
    body: bytes
    expected: Sequence[Mapping[str, Any]]
    headers: Mapping[str, str] = {}


def fixtures() -> Iterator[Fixture]:
    for expected in sorted(HERE.glob("*/*.expected.json")):
        name = expected.name.removesuffix(".expected.json")
        body = next(path for path in sorted(expected.parent.glob(f"{name}.*")) if path.stem == name)
        headers = expected.with_name(f"{name}.headers.json")
        yield Fixture(
            platform=expected.parent.name,
            name=name,
            body=body.read_bytes(),
            expected=json.loads(expected.read_bytes()),
            headers=json.loads(headers.read_bytes()) if headers.exists() else {},
        )


class Key(msgspec.Struct, frozen=True):
    """A secret: what the platform signs with, and what we verify with."""

    signs: str
    verifies: str


def keys_of(platform: Platform) -> list[Key]:
    """Return three keys of a platform, newest first."""
    file = HERE / platform.name / "keys.json"
    if file.exists():
        return [Key(*pair) for pair in json.loads(file.read_bytes())]
    return [Key(secret, secret) for secret in ("the-newest-secret", "an-older-secret", "one-that-was-removed")]


def credential(*keys: Key) -> Credential:
    return Credential(secrets=tuple(key.verifies for key in keys))


def request(
    platform: Platform,
    body: bytes,
    key: Key,
    *,
    headers: Mapping[str, str] | None = None,
    signed_at: datetime = NOW,
    received_at: datetime = NOW,
) -> Request:
    """Return a request as the platform would post it."""
    signed = platform.sign(body, key.signs, signed_at, headers)
    return Request(body=body, headers=Headers.of({**(headers or {}), **signed}), received_at=received_at)
