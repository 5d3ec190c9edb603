"""The generic schemes: the brief's ``X-Signature`` and Standard Webhooks (``webhook-*``, and Svix's ``svix-*``).

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature as NotSigned
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from moderation_ai.core.content import as_id, as_time
from moderation_ai.core.errors import InvalidSignature
from moderation_ai.core.http import Request
from moderation_ai.core.signatures import (
    check_window,
    hmac_digest,
    matching_secret,
    read_base64,
    read_hex,
    read_seconds,
    without_prefix,
)

FAMILIES = ("webhook", "svix")
SECURITY_HEADERS = (
    "x-signature",
    "x-timestamp",
    *(f"{family}-{part}" for family in FAMILIES for part in ("id", "timestamp", "signature")),
)


_MOST_ASYMMETRIC = 4
"""Signatures by public key that are looked at: each of them hashes the whole body again, for each key."""


def is_signed_generically(request: Request) -> bool:
    """Say whether ``request`` carries a signature of one of the generic schemes."""
    return any(request.headers.get(name) is not None for name in SECURITY_HEADERS if name.endswith("signature"))


def verify_generic(request: Request, secrets: Sequence[str], *, timestamp_signed: bool = False) -> int:
    """Return the index of the secret that signed ``request`` by a generic scheme.

    Raises ``InvalidSignature`` or ``StaleTimestamp``, and ``MalformedPayload`` for a security header that stands
    twice. ``timestamp_signed`` asks that ``X-Signature`` covers ``X-Timestamp + "." + body``.
    """
    for family in FAMILIES:
        if request.headers.get(f"{family}-signature") is not None:
            return _verify_standard(request, secrets, family)
    return _verify_brief(request, secrets, timestamp_signed)


def _verify_brief(request: Request, secrets: Sequence[str], timestamp_signed: bool) -> int:
    signature = request.headers.one("x-signature")
    timestamp = request.headers.one("x-timestamp")
    given = read_hex(without_prefix(signature, "sha256=")) if signature else None
    if given is None:
        raise InvalidSignature("the header X-Signature is missing or not a hexadecimal digest")
    content = request.body
    if timestamp_signed:
        content = (timestamp or "").encode("latin-1", "replace") + b"." + content
    if timestamp is not None or timestamp_signed:
        check_window(as_time(timestamp), request.received_at)
    index = matching_secret([secret_bytes(s) for s in secrets], content, [given])
    if index is None:
        raise InvalidSignature("no live secret matches X-Signature")
    return index


def _verify_standard(request: Request, secrets: Sequence[str], family: str) -> int:
    message_id = request.headers.one(f"{family}-id")
    timestamp = request.headers.one(f"{family}-timestamp")
    signature = request.headers.one(f"{family}-signature") or ""
    seconds = read_seconds(timestamp)
    if not message_id or "." in message_id or timestamp is None or seconds is None:
        raise InvalidSignature(f"the header {family}-id or {family}-timestamp is missing or malformed")
    content = f"{message_id}.{timestamp}.".encode("latin-1", "replace") + request.body
    index = _match_standard(content, signature.split(" "), secrets)
    if index is None:
        raise InvalidSignature(f"no live secret matches {family}-signature")
    check_window(datetime.fromtimestamp(seconds, UTC), request.received_at)
    return index


def _match_standard(content: bytes, signatures: Sequence[str], secrets: Sequence[str]) -> int | None:
    """Return the index of the secret that made one of the signatures; versions that we do not know are skipped."""
    by_version: dict[str, list[bytes | None]] = {"v1": [], "v1a": []}
    for item in signatures[:32]:
        version, comma, value = item.partition(",")
        if comma and version in by_version:
            by_version[version].append(read_base64(value))
    asymmetric = [one for one in dict.fromkeys(by_version["v1a"]) if one is not None and len(one) == 64]
    keys = [standard_key(secret) for secret in secrets]
    index = matching_secret(keys, content, by_version["v1"])
    return index if index is not None else _match_ed25519(content, asymmetric[:_MOST_ASYMMETRIC], secrets)


def _match_ed25519(content: bytes, signatures: Sequence[bytes], secrets: Sequence[str]) -> int | None:
    for index, secret in enumerate(secrets):
        raw = read_base64(without_prefix(secret, "whpk_")) if secret.startswith("whpk_") else None
        if raw is None or len(raw) != 32:
            continue
        for signature in signatures:
            if _is_signed(Ed25519PublicKey.from_public_bytes(raw), signature, content):
                return index
    return None


def _is_signed(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except NotSigned:
        return False
    return True


@lru_cache(maxsize=256)
def secret_bytes(secret: str) -> bytes:
    """Return a secret as the bytes of an HMAC key; of a public key nothing, for anyone could sign with that."""
    return b"" if secret.startswith("whpk_") else secret.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=256)
def standard_key(secret: str) -> bytes:
    """Return the HMAC key of a Standard Webhooks secret: ``whsec_`` and base64, or a plain text as it is."""
    if secret.startswith("whsec_"):
        bare = secret.removeprefix("whsec_")
        key = read_base64(bare + "=" * (-len(bare) % 4))
        if key:
            return key
    return secret_bytes(secret)


def sign_brief(body: bytes, secret: str, now: datetime, *, timestamp_signed: bool = False) -> dict[str, str]:
    """Return ``X-Signature`` and ``X-Timestamp`` for ``body``."""
    timestamp = str(int(now.timestamp()))
    content = f"{timestamp}.".encode() + body if timestamp_signed else body
    digest = hmac_digest(secret_bytes(secret), content).hex()
    return {"X-Signature": f"sha256={digest}", "X-Timestamp": timestamp}


def sign_standard(
    body: bytes, secret: str, now: datetime, message_id: str, *, family: str = "webhook"
) -> dict[str, str]:
    """Return the Standard Webhooks header fields for ``body``; a ``whsk_`` secret signs by Ed25519 (v1a)."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    if secret.startswith("whsk_"):
        private = read_base64(without_prefix(secret, "whsk_")) or b""
        value = "v1a," + b64encode(Ed25519PrivateKey.from_private_bytes(private[:32]).sign(content)).decode()
    else:
        value = "v1," + b64encode(hmac_digest(standard_key(secret), content)).decode()
    return {f"{family}-id": message_id, f"{family}-timestamp": timestamp, f"{family}-signature": value}


def message_id_of(body: bytes, headers: Mapping[str, str] | None = None) -> str:
    """Return the ``webhook-id`` that ``headers`` give, else one that is the same for the same body."""
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return given.get("webhook-id") or f"msg_{sha256(body).hexdigest()[:26]}"


def delivery_id(request: Request) -> str | None:
    """Return the id that Standard Webhooks gives a delivery, the same over its retries, or None.

    Only an id that the signature covers counts: by another one, whoever replays a request could make it look new.
    """
    for family in FAMILIES:
        if request.headers.get(f"{family}-signature") is not None:
            return as_id(request.headers.get(f"{family}-id"))
    return None
