"""Sealing: what must be kept and shown to nobody is encrypted and signed under keys of ours (Fernet)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.fernet import read_key

NO_KEY = (
    "put it behind the newest in credentials.keys (MODERATION_AI_CREDENTIALS__KEYS), or copy the key file that belongs "
    "to the store; if it is lost, `moderation-ai accounts forget ACCOUNT` and authorise the accounts again"
)
"""What to do where the key is not here."""


class Sealer:
    """Encrypt under the first of ``keys``, open what any of them encrypted; nothing of them shows in a repr.

    Source: https://cryptography.io/en/latest/fernet/ (AES-128-CBC, HMAC-SHA256 over all of it).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Keep the keys, newest first, at least one; raise ``ValueError`` for what is no key."""
        made = [Fernet(read_key(key)) for key in keys]
        self._newest = made[0]
        self._all = MultiFernet(made)

    def seal(self, plain: bytes) -> bytes:
        """Return ``plain`` as nobody without the key can read or change it."""
        return self._newest.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raise ``ConfigurationError`` where none of the keys opens it."""
        try:
            return self._all.decrypt(sealed)
        except InvalidToken as error:
            raise ConfigurationError(
                f"the tokens in the store are encrypted under a key that is not among those here: {NO_KEY}"
            ) from error

    def is_newest(self, sealed: bytes) -> bool:
        """Say whether the newest key is what opens it."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True
