"""The brief's verify and validate functions: they answer True or False, whatever they are given."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from moderation_ai.core.content import read_json
from moderation_ai.core.envelope import is_envelope
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.http import Request
from moderation_ai.core.signatures import is_fresh, is_generic_signature
from moderation_ai.platforms import all_platforms

logger = logging.getLogger(__name__)

_MAX_LOOKS = 100
"""Unsigned bodies that are looked at for the hint: strangers must not make us parse for ever."""
_MAX_BODY = 1 << 16
"""Bytes of a body that is looked at: a larger one takes every platform's reader long."""


def verify_webhook_signature(payload: Any, signature: Any, secret: Any) -> bool:
    """Say whether ``signature`` is the hex HMAC-SHA256 of ``payload`` under ``secret``; never raises.

    This is the brief's ``X-Signature``, with or without ``sha256=`` before it; ``secret`` may be a list of live
    secrets. The platforms sign by schemes of their own: ``WebhookHandler.receive(request)`` knows them all.
    """
    return verify_with_hint(payload, signature, secret, _hints)


def validate_webhook_timestamp(timestamp: Any, max_age: Any = 300) -> bool:
    """Say whether ``timestamp`` lies within ``max_age`` seconds of now, in the past or in the future; never raises.

    Takes Unix seconds (a number or ASCII digits) and ISO 8601. A time that the signature does not cover proves
    nothing: whoever replays a request can write a new one.
    """
    try:
        return is_fresh(timestamp, max_age, datetime.now(UTC))
    except Exception:  # noqa: BLE001  # an object that raises whatever it is asked is no time
        return False


class Hints:
    """Tell a user, once for each platform, that a request is signed by a scheme which this function does not know."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._looks = 0
        self._given: set[str] = set()

    def consider(self, payload: object, signature: object) -> None:
        """Log what to do if ``payload`` came without the generic signature and is a platform's own."""
        is_unsigned = signature is None or signature == "" or signature == b""
        if not is_unsigned or not isinstance(payload, bytes) or len(payload) > _MAX_BODY or self._looks >= _MAX_LOOKS:
            return
        self._looks += 1
        name = _platform_of(payload)
        if name is not None and name not in self._given:
            self._given.add(name)
            logger.warning(
                "a request without X-Signature looks like %s's own, which is signed by another scheme: give the whole "
                "request to `handler.receive(request)` instead of verify_signature and parse_event",
                name,
            )


_hints = Hints()


def verify_with_hint(payload: Any, signature: Any, secret: Any, hints: Hints) -> bool:
    """Verify by the generic scheme; where no signature was found on a platform's own request, log what to do."""
    try:
        if is_generic_signature(payload, signature, secret):
            return True
        hints.consider(payload, signature)
    except Exception:
        # What raises whatever it is asked is no signature, and a hint must not be what fails.
        logger.debug("a signature could not be looked at", exc_info=True)
    return False


def _platform_of(payload: bytes) -> str | None:
    """Return the platform with a scheme of its own that understands ``payload``, or None."""
    try:
        if is_envelope(read_json(payload)):
            return None
    except MalformedPayload:
        return None
    request = Request(body=payload, received_at=datetime.now(UTC))
    for platform in all_platforms().values():
        if not platform.own_scheme:
            continue
        try:
            parsed = platform.parse(request)
        except MalformedPayload:
            continue
        if parsed.ignored or any(fact.event_type != "unknown" for fact in parsed.facts):
            return platform.name
    return None
