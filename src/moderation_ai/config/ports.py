"""Where we listen: what platforms post to and what is ours are two ports."""

from __future__ import annotations

from moderation_ai.config.settings import Settings
from moderation_ai.core.errors import ConfigurationError

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, not listened on


def require_two_ports(settings: Settings) -> None:
    """Return if gateway and console have an address each, else raise ``ConfigurationError``.

    The system lets one process have an address twice; then one of the two would never get a request.
    """
    server, console = settings.server, settings.console
    may_meet = server.host == console.host or server.host in _EVERYWHERE or console.host in _EVERYWHERE
    if server.role != "worker" and server.port == console.port != 0 and may_meet:
        raise ConfigurationError(
            f"server.port and console.port are both {server.port}; give one of them another (--port, --console-port)"
        )
