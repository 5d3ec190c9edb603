"""What is kept of a request beside its body, so that a later parser can read it again as it came."""

from __future__ import annotations

import msgspec

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential

MAX_HEADERS = 16 << 10
"""Bytes of header fields that are kept of one request; real ones have a tenth of it."""
_LEFT_OUT = (
    "assertion",
    "auth",
    "cookie",
    "credential",
    "jwt",
    "key",
    "oidc",
    "passw",
    "secret",
    "session",
    "signature",
    "token",
    # where a person, or their proxy, is
    "-addr",
    "clientip",
    "connecting-ip",
    "client-ip",
    "forwarded",
    "real-ip",
    "socketip",
    "user-ip",
)
"""Parts of names of fields that may hold what opens something, or where a person is: they are not kept."""


class KeptRequest(msgspec.Struct, frozen=True):
    """The address that a request came to, ``platform`` or ``platform/account``, and its header fields."""

    address: str
    headers: list[tuple[str, str]] = []

    def to_text(self) -> str:
        """Return it as a store keeps it."""
        return msgspec.json.encode(self).decode()

    def to_headers(self) -> Headers:
        """Return the header fields as a request has them."""
        return Headers((name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers)


def keep(request: Request, platform: str, credential: Credential) -> str:
    """Return as a text what is kept of ``request``, which came to the address of ``platform`` under ``credential``."""
    fields: list[tuple[str, str]] = []
    room = MAX_HEADERS
    for name, value in request.headers.raw:
        room -= len(name) + len(value)
        if room >= 0 and not _is_left_out(name):
            fields.append((name.decode("latin-1"), value.decode("latin-1")))
    return KeptRequest(address_of(platform, credential), fields).to_text()


def address_of(platform: str, credential: Credential) -> str:
    """Return the address of a platform's own or of an account's credential, as the configuration names it."""
    return f"{platform}/{credential.name}" if credential.name else platform


def read_kept(text: str | None, platform: str) -> KeptRequest:
    """Return what was kept; of a request of which nothing was, that it came to the address of ``platform``."""
    return KeptRequest(platform) if text is None else msgspec.json.decode(text, type=KeptRequest)


def _is_left_out(name: bytes) -> bool:
    lower = name.lower().decode("latin-1")
    return any(part in lower for part in _LEFT_OUT)
