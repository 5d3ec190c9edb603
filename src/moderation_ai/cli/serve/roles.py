"""Roles: what one process of ``serve`` does, where several share a store."""

from __future__ import annotations

from typing import NamedTuple

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.memory import MEMORY_URL

POLL_OF_OTHERS = 0.2
"""Seconds after which an idle worker looks for events, where all of them come from other processes."""


class Role(NamedTuple):
    """``gateway``, ``worker`` or ``all``."""

    name: str

    @property
    def receives(self) -> bool:
        """Say whether requests are taken."""
        return self.name != "worker"

    @property
    def works(self) -> bool:
        """Say whether events are handled, and what is too old is removed."""
        return self.name != "gateway"


def require_shared(url: str, role: Role) -> None:
    """Return if the store can be shared where the role needs that, else raise ``ConfigurationError``."""
    if role.name != "all" and url == MEMORY_URL:
        raise ConfigurationError(
            f"a {role.name} shares its store with other processes, and {MEMORY_URL} lives in one: name a store in "
            "PostgreSQL or in a file by --store"
        )
