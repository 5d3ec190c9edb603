"""Where a request and an event belong: addresses of the gateway, and which handler takes which event type."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)


def read_path(path: str, endpoint: str = "/webhook") -> tuple[str | None, str | None] | None:
    """Return the platform and account that ``path`` names below ``endpoint``.

    ``(None, None)`` is the bare endpoint, ``(platform, None)`` and ``(platform, account)`` its children; None is no
    address of ours. A slash at the end changes nothing.
    """
    base = endpoint.rstrip("/")
    if path.rstrip("/") == base:
        return None, None
    if not path.startswith(base + "/"):
        return None
    parts = path[len(base) + 1 :].rstrip("/").split("/")
    if len(parts) > 2 or not all(_NAME.match(part) for part in parts):
        return None
    return parts[0].lower(), parts[1] if len(parts) == 2 else None


def is_name(text: str) -> bool:
    """Say whether ``text`` may name a platform or an account."""
    return _NAME.match(text) is not None


def takes(pattern: str, event_type: str) -> bool:
    """Say whether a handler registered for ``pattern`` takes ``event_type``: exact, ``comment.*`` or ``*``."""
    if pattern in ("*", event_type):
        return True
    return pattern.endswith(".*") and event_type.startswith(pattern[:-1])


def resolve_name(name: str, aliases: Mapping[str, str]) -> str:
    """Return the platform's name for ``name`` or one of its aliases, in lower case."""
    lower = name.lower()
    return aliases.get(lower, lower)
