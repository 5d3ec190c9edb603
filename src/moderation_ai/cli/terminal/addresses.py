"""Addresses: where this configuration's servers are reached from this machine."""

from __future__ import annotations

from moderation_ai.config import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not listened on


def reachable_host(host: str) -> str:
    """Return the host to ask for a server that listens on ``host``, as a URL has it."""
    host = _ANY.get(host, host)
    return f"[{host}]" if ":" in host else host


def gateway_url(settings: Settings, platform: str = "", account: str | None = None) -> str:
    """Return the address of the gateway's endpoint, or of a platform or account there."""
    base = f"http://{reachable_host(settings.server.host)}:{settings.server.port}"
    return base + "/".join(part for part in (settings.server.endpoint, platform, account) if part)


def public_url(settings: Settings, platform: str = "", account: str | None = None) -> str | None:
    """Return the address of the same from outside, through the proxy or tunnel of ``server.public_url``, or None."""
    if settings.server.public_url is None:
        return None
    base = settings.server.public_url.rstrip("/")
    return base + "/".join(part for part in (settings.server.endpoint, platform, account) if part)


def console_url(settings: Settings) -> str:
    """Return the address of the console."""
    return f"http://{reachable_host(settings.console.host)}:{settings.console.port}"
