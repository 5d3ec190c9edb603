"""Sources: the platforms that are configured here, each with what was agreed with it."""

from __future__ import annotations

import msgspec

from moderation_ai.core.platform import Credential, Platform


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A platform as it is configured here: what it is, what was agreed with it, and how long it may be silent (s)."""

    platform: Platform
    credential: Credential
    silence_after: float | None = None

    def names(self, account: str) -> bool:
        """Say whether ``account`` is one that this source speaks for."""
        return self.credential.name == account or account in self.credential.accounts.values()
