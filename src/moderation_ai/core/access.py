"""Access: what an account is acted with: its platform, its tokens, our app there."""

from __future__ import annotations

import msgspec

from moderation_ai.core.flows import Client, Session
from moderation_ai.core.platform import Platform


class Access(msgspec.Struct, kw_only=True):
    """A platform, the account's name in the configuration (empty for the platform's own), its tokens, our app there.

    ``limits_factor`` is how many times the documented limits the platform granted.
    """

    platform: Platform
    account: str = ""
    session: Session
    client: Client = Client()
    limits_factor: float = 1.0

    @property
    def name(self) -> str:
        """Return ``platform``, or ``platform/account``."""
        return f"{self.platform.name}/{self.account}" if self.account else self.platform.name
