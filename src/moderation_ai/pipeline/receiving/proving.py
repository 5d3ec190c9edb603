"""Proving who sent a request: which live secret signed it, and what a signature proves nothing about."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from moderation_ai.core.errors import InvalidSignature, KeyNeeded, RequestRejected
from moderation_ai.core.generic import is_signed_generically
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Platform
from moderation_ai.core.sources import Source

logger = logging.getLogger(__name__)


def matching_secret(request: Request, source: Source) -> int:
    """Return which secret signed ``request``; raise ``RequestRejected``, and nothing else, if none did."""
    try:
        return source.platform.verify(request, source.credential)
    except RequestRejected:
        raise
    except Exception as error:  # A defect must open nothing, and tell a stranger nothing.
        logger.exception("a signature for %s could not be looked at; the request was refused", source.platform.name)
        raise InvalidSignature("the signature cannot be looked at") from error


def is_signed(request: Request, source: Source) -> bool:
    """Say whether a live secret of ``source`` signed ``request``, or none is asked for there."""
    if source.credential.allow_unverified:
        return True
    try:
        matching_secret(request, source)
    except (InvalidSignature, KeyNeeded):
        return False
    return True


def lent_by(sources: Mapping[str, Source]) -> list[tuple[re.Pattern[bytes], str]]:
    """Return what can be had signed by a handshake, and by which secret."""
    return [
        (source.platform.signed_tokens, source.credential.secrets[0])
        for source in sources.values()
        if source.platform.signed_tokens is not None and source.credential.secrets
    ]


def is_unsigned(request: Request, platform: Platform) -> bool:
    """Say whether a request carries no header that a signature could stand in."""
    none_of_its_own = all(request.headers.get(name) is None for name in platform.security_headers)
    return none_of_its_own and not is_signed_generically(request)
