"""Access: what an account is acted with (its platform, its tokens, our app there), and what is polled with it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from moderation_ai.core.flows import Client, Session
from moderation_ai.core.platform import Credential, Platform


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


def choose_access(accesses: Mapping[tuple[str, str], Access], platform: str, account: str | None) -> Access | None:
    """Return what an account is acted with: its own token, else the platform's, else the only one there is."""
    ours = [each for (name, _), each in accesses.items() if name == platform]
    own = accesses.get((platform, account or "")) or accesses.get((platform, ""))
    return own or (ours[0] if len(ours) == 1 and account is None else None)


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is polled with one access: ``watched`` names it as the configuration does (subreddits, channels, feeds).

    ``credential`` is what requests of the same account are verified by: its name and accounts make the keys of events,
    so that what was pushed and what was polled are one. ``interval`` (seconds) counts in place of the feeds' own.
    ``pushes`` says that the platform also posts to us, so that it is to be noticed if it stops.
    ``spend_cap`` is in dollars a day, where what is read is billed; without it such feeds are left alone.
    """

    access: Access
    credential: Credential = Credential()
    watched: tuple[str, ...] = ()
    interval: float | None = None
    spend_cap: float | None = None
    pushes: bool = True
