"""JSON Web Tokens, as far as a push service's are concerned: RS256 alone, with keys from a JSON Web Key Set.

Sources: RFC 7515 (signatures), RFC 7517 (keys), RFC 7519 (claims), RFC 7638 (thumbprints), RFC 8725 (what goes wrong).
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature as NotSigned
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from moderation_ai.core.content import as_dict, as_id, as_list, as_text, read_json
from moderation_ai.core.errors import InvalidSignature, MalformedPayload, StaleTimestamp

ALGORITHM = "RS256"
"""The one algorithm that is taken: a token does not choose how it is checked."""
LEEWAY = 300.0
"""Seconds that our clock and the signer's may differ."""
MAX_TOKEN = 8192
_BITS = range(2048, 8193)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)

Keys = Mapping[str, RSAPublicKey]


class Token(msgspec.Struct, frozen=True):
    """A token that was taken apart and not checked yet."""

    key_id: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read_token(text: str) -> Token:
    """Return the parts of a token; raise ``InvalidSignature`` for what is no RS256 token that names its key."""
    parts = text.split(".") if len(text) <= MAX_TOKEN else []
    decoded = [read_base64url(part) for part in parts]
    if len(decoded) != 3 or None in decoded:
        raise InvalidSignature("the token is not three parts of base64url")
    header, claims, signature = (part or b"" for part in decoded)
    fields = _read_object(header)
    key_id = as_id(fields.get("kid"))
    # "crit" names extensions that must be understood, and we know none.
    if fields.get("alg") != ALGORITHM or key_id is None or "crit" in fields:
        raise InvalidSignature(f"the token is not signed by {ALGORITHM}, or does not name its key")
    return Token(key_id, _read_object(claims), text.rpartition(".")[0].encode("ascii"), signature)


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        value = read_json(text)
    except MalformedPayload as error:
        raise InvalidSignature("the token's JSON cannot be read") from error
    if not isinstance(value, dict):
        raise InvalidSignature("the token's JSON is no object")
    return value


def check_signature(token: Token, keys: Keys) -> None:
    """Return if the key that ``token`` names signed it, else raise ``InvalidSignature``."""
    key = keys.get(token.key_id)
    if key is None:
        raise InvalidSignature("the token names a key that its issuer does not have")
    try:
        key.verify(token.signature, token.signed, PKCS1v15(), SHA256())
    except NotSigned as error:
        raise InvalidSignature("the token's signature is wrong") from error


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Return if the token is valid at ``now``, give or take ``LEEWAY``.

    Raises ``StaleTimestamp`` for one that has expired or was issued in the future, ``InvalidSignature`` for one that
    does not say.
    """
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    if expires is None or issued is None:
        raise InvalidSignature("the token does not say when it was issued and expires")
    at = now.timestamp()
    if at > expires + LEEWAY:
        raise StaleTimestamp(f"the token expired {at - expires:.0f} s ago")
    if at < issued - LEEWAY:
        raise StaleTimestamp(f"the token was issued {issued - at:.0f} s in the future")


def _seconds(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**11 else None


def read_keys(body: bytes) -> Keys:
    """Return the usable keys of a JSON Web Key Set by their ids; others are left out.

    Usable is an RSA key for signatures of 2048 to 8192 bits. Raises ``MalformedPayload`` for what is no key set.
    """
    value = read_json(body)
    if not isinstance(as_dict(value).get("keys"), list):
        raise MalformedPayload("this is no JSON Web Key Set: it has no array named keys")
    found: dict[str, RSAPublicKey] = {}
    for fields in map(as_dict, as_list(value["keys"])):
        key_id, key = as_id(fields.get("kid")), _read_key(fields)
        if key_id is not None and key is not None:
            found.setdefault(key_id, key)
    return found


def _read_key(fields: Mapping[str, Any]) -> RSAPublicKey | None:
    is_meant = fields.get("use", "sig") == "sig" and fields.get("alg", ALGORITHM) == ALGORITHM
    modulus, exponent = (read_base64url(as_text(fields.get(name))) for name in ("n", "e"))
    if fields.get("kty") != "RSA" or not is_meant or modulus is None or exponent is None or len(exponent) > 8:
        return None
    number = int.from_bytes(modulus)
    if number.bit_length() not in _BITS:
        return None
    try:
        return RSAPublicNumbers(int.from_bytes(exponent), number).public_key()
    except ValueError:
        return None


def read_base64url(text: str | None) -> bytes | None:
    """Return the bytes that ``text`` spells in base64url without padding, or None; there is one spelling of each."""
    if text is None or len(text) > MAX_TOKEN or not _BASE64URL.match(text):
        return None
    try:
        plain = binascii.a2b_base64(text.translate(_TO_PLAIN) + "=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error:
        return None
    return plain if write_base64url(plain) == text else None


_TO_PLAIN = str.maketrans("-_", "+/")


def write_base64url(content: bytes) -> str:
    """Return ``content`` in base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def sign_token(claims: Mapping[str, Any], private_key: RSAPrivateKey) -> str:
    """Return a token with these claims, as the owner of ``private_key`` makes it."""
    header = {"alg": ALGORITHM, "kid": thumbprint(private_key.public_key()), "typ": "JWT"}
    signed = ".".join(write_base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{signed}.{write_base64url(private_key.sign(signed.encode('ascii'), PKCS1v15(), SHA256()))}"


def read_private_key(pem: str) -> RSAPrivateKey:
    """Return the RSA key of a PEM text without a password; raise ``ValueError`` for everything else."""
    # It takes longer to load than all that every process needs of that package, and only who signs needs it.
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode("utf-8", "surrogatepass"), None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("the key has a password, or is of a kind that is not known") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the key is no RSA key")
    return key


def write_key(key: RSAPublicKey) -> dict[str, str]:
    """Return a public key as a member of a JSON Web Key Set; its id is its thumbprint."""
    return {**_required(key), "kid": thumbprint(key), "alg": ALGORITHM, "use": "sig"}


def thumbprint(key: RSAPublicKey) -> str:
    """Return the name that a key has by its numbers."""
    return write_base64url(sha256(msgspec.json.encode(_required(key), order="sorted")).digest())


def _required(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _number(value: int) -> str:
    return write_base64url(value.to_bytes((value.bit_length() + 7) // 8))


def to_seconds(when: datetime) -> int:
    """Return a time as a token's claims have it."""
    return int(when.astimezone(UTC).timestamp())
