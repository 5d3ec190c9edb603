"""The fixtures of every platform, found by folder: ``NAME.json`` (or ``.xml``) beside ``NAME.expected.json``.

``NAME.headers.json`` holds what the platform sends beside the signature, and ``keys.json`` the secrets of a platform
for which not every text is one: pairs of what signs and what verifies, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.jwt import thumbprint
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.pubsub import Pubsub, PushKey
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
    """A secret: what the platform signs with, and what we verify with; ``public`` for tokens of Pub/Sub."""

    signs: str
    verifies: str = ""
    public: Any = None


AUDIENCE, SERVICE_ACCOUNT = "https://hooks.example.org/webhook/youtube", "pusher@sample.iam.gserviceaccount.com"


@cache
def private_keys() -> list[RSAPrivateKey]:
    """Return three RSA keys of ours, as a push service has them."""
    return [generate_private_key(65537, 2048) for _ in range(3)]


def pem_of(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def push_key(key: RSAPrivateKey, *, audience: str = AUDIENCE, service_account: str = SERVICE_ACCOUNT) -> str:
    """Return what signs push tokens, as one text."""
    return PushKey(private_key=pem_of(key), audience=audience, service_account=service_account).to_text()


def trust(*keys: RSAPublicKey, **changes: Any) -> Pubsub:
    """Return what is configured of Pub/Sub, with the keys that were fetched."""
    fetched = {thumbprint(key): key for key in keys}
    return Pubsub(**{"audience": AUDIENCE, "service_account": SERVICE_ACCOUNT, "keys": fetched, **changes})


def keys_of(platform: Platform, scheme: str = "") -> list[Key]:
    """Return three keys of a platform's scheme, newest first."""
    if scheme == "pubsub":
        return [Key(push_key(key), public=key.public_key()) for key in private_keys()]
    file = HERE / platform.name / "keys.json"
    if file.exists():
        return [Key(*pair) for pair in json.loads(file.read_bytes())]
    return [Key(secret, secret) for secret in ("the-newest-secret", "an-older-secret", "one-that-was-removed")]


def credential(*keys: Key) -> Credential:
    public = [key.public for key in keys if key.public is not None]
    secrets = tuple(key.verifies for key in keys if key.verifies)
    return Credential(secrets=secrets, pubsub=trust(*public) if public else None)


class Signing(msgspec.Struct, frozen=True):
    """One of the schemes that a platform's requests are signed by, with an example."""

    platform: Platform
    sample: Sample

    @property
    def keys(self) -> list[Key]:
        return keys_of(self.platform, self.sample.scheme)

    @property
    def signs_the_body(self) -> bool:
        """Say whether the signature covers the body: a push service's token says who sends, and no more."""
        return self.sample.scheme != "pubsub"

    @property
    def is_by_hub(self) -> bool:
        """Say whether a hub signs it: WebSub wants a bad signature acknowledged and ignored."""
        return self.sample.scheme == "websub"

    def request(self, key: Key, *, received_at: datetime = NOW) -> Request:
        """Return the example as it is posted, signed with ``key`` at NOW."""
        return request(self.platform, self.sample.body, key, headers=self.sample.headers, received_at=received_at)


def signings() -> Iterator[Signing]:
    """Yield every scheme of every platform."""
    for platform in PLATFORMS:
        by_scheme: dict[str, Sample] = {}
        for sample in platform.samples(NOW, 1):
            by_scheme.setdefault(sample.scheme, sample)
        yield from (Signing(platform, sample) for sample in by_scheme.values())


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
