"""Sources: the platforms that are configured here, each with what was agreed with it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from moderation_ai.core.access import Access
from moderation_ai.core.platform import Credential, Platform


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A platform as it is configured here: what it is, what was agreed with it, and how long it may be silent (s)."""

    platform: Platform
    credential: Credential
    silence_after: float | None = None

    def names(self, account: str) -> bool:
        """Say whether ``account`` is one that this source speaks for."""
        return self.credential.name == account or account in self.credential.accounts.values()


def closed(sources: Iterable[Source], accesses: Iterable[Access] = ()) -> frozenset[str]:
    """Return the platforms of which only their own addresses tell: all that are configured here but for the open ones.

    A platform is open where it takes what is signed by the generic schemes, or by nobody.
    """
    known = tuple(sources)
    names = {each.platform.name for each in known} | {each.platform.name for each in accesses}
    opened = {each.platform.name for each in known if each.credential.generic or each.credential.allow_unverified}
    return frozenset(names - opened)
