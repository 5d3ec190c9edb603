"""What Instagram, Facebook Pages and Threads share: Meta's handshake, its signature, and the frame of its bodies.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started (v25.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from moderation_ai.core.content import as_dict, as_id, as_list
from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.generic import secret_bytes
from moderation_ai.core.http import Request, Response
from moderation_ai.core.signatures import hmac_digest, matching_secret, read_hex, same_text

SIGNATURE = "x-hub-signature-256"
_PREFIX = "sha256="
# The challenge is reflected text that a stranger may choose.
_CHALLENGE = re.compile(r"[A-Za-z0-9_.:-]{1,256}\Z", re.ASCII)
_NOSNIFF = (("X-Content-Type-Options", "nosniff"),)


def verify_meta(request: Request, secrets: Sequence[str]) -> int:
    """Return the index of the app secret that signed the raw body; raise ``InvalidSignature`` if none did.

    The body arrives with its non-ASCII characters escaped, as Meta signs it, so the bytes as received are right. The
    older SHA-1 header is not looked at.
    """
    text = request.headers.one(SIGNATURE) or ""
    digest = read_hex(text[len(_PREFIX) :]) if text.startswith(_PREFIX) else None
    if digest is None:
        raise InvalidSignature("the header X-Hub-Signature-256 is missing or malformed")
    index = matching_secret([secret_bytes(secret) for secret in secrets], request.body, [digest])
    if index is None:
        raise InvalidSignature("no live secret matches X-Hub-Signature-256")
    return index


def sign_meta(body: bytes, secret: str) -> dict[str, str]:
    """Return the header field that Meta sends with ``body``."""
    return {"X-Hub-Signature-256": _PREFIX + hmac_digest(secret_bytes(secret), body).hex()}


def answer_meta(request: Request, verify_token: str | None) -> Response | None:
    """Return the answer to Meta's handshake, or None if ``request`` is none.

    Raises ``RequestRejected`` with 403 for another token or mode, and ``MalformedPayload`` for a challenge that is no
    plain token. ``hub_mode`` counts like ``hub.mode``: what passes through PHP arrives so.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    parameters = request.parameters()
    mode, token, challenge = [
        parameters.get(f"hub.{name}", parameters.get(f"hub_{name}")) for name in ("mode", "verify_token", "challenge")
    ]
    if mode is None and challenge is None:
        return None
    if mode != "subscribe" or not same_text(token, verify_token):
        raise RequestRejected("the verify token is not the configured one", status=403)
    if challenge is None or not _CHALLENGE.match(challenge):
        raise MalformedPayload("the challenge is missing or no plain token")
    return Response(200, challenge.encode("ascii"), headers=_NOSNIFF)


class Change(msgspec.Struct, frozen=True):
    """One change that an entry tells of: its field, its value, the asset's id and the time Meta sent it."""

    field: str
    value: Any
    account_id: str | None
    time: Any


def changes_of(body: object, thing: str) -> Iterator[Change]:
    """Yield the changes in a body about ``thing`` (``instagram``, ``page``, ``threads``), in order.

    Takes ``entry[].changes[]``, the flat ``entry[].field/value``, and ``entry[].messaging[]``, whose field is called
    ``messages``; a body inside an array, as the docs print it; and a body that does not name its object. Raises
    ``MalformedPayload`` for a body about something else or without entries.
    """
    for frame in body if isinstance(body, list) else [body]:
        if not isinstance(frame, dict) or frame.get("object", thing) != thing:
            raise MalformedPayload(f"the body is not about {thing}")
        if not isinstance(frame.get("entry"), list):
            raise MalformedPayload("the body has no entries")
        for entry in frame["entry"]:
            yield from _changes_of_entry(entry)


def _changes_of_entry(entry: object) -> Iterator[Change]:
    fields = as_dict(entry)
    account_id, time = as_id(fields.get("id")), fields.get("time")
    found = [*as_list(fields.get("changes"))]
    if "field" in fields:
        found.append({"field": fields["field"], "value": fields.get("value")})
    for name in ("messaging", "standby"):
        found += [{"field": "messages", "value": None}] * bool(as_list(fields.get(name)))
    for change in found or [entry]:
        named = as_dict(change)
        field = named.get("field")
        if isinstance(field, str):
            yield Change(field, named.get("value"), account_id, time)
        else:
            yield Change("", change, account_id, time)
