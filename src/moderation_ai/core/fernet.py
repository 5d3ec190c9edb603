"""Fernet keys, which tokens are encrypted under: how one is written."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode

KEY_BYTES = 32
HOW_TO_MAKE_ONE = "make one by `openssl rand -base64 32`"


def read_key(text: str) -> bytes:
    """Return a key as Fernet takes it; raise ``ValueError`` (without the text) for what is none.

    It is 32 bytes in base64, of either alphabet. Source: https://github.com/fernet/spec/blob/master/Spec.md
    """
    try:
        raw = b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in base64, 44 letters; {HOW_TO_MAKE_ONE}")
    return urlsafe_b64encode(raw)
