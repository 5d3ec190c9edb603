"""What the servers are doing, for those who ask ``/readyz``."""

from __future__ import annotations


class State:
    """``starting``, ``ready`` or ``draining``, and the addresses that are listened on."""

    def __init__(self) -> None:
        """Begin before the beginning."""
        self.status = "starting"
        self.addresses: dict[str, str] = {}
