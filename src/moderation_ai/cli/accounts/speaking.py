"""Speaking for accounts from a command: their tokens in the store, beside the processes that serve it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.config import accesses_of
from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Store
from moderation_ai.webhooks.parts import credentials_here


@asynccontextmanager
async def speaking(invocation: Invocation, store: Store, accesses: Iterable[Access]) -> AsyncIterator[Credentials]:
    """Yield the tokens of ``accesses``; what was begun with them is seen through to the end."""
    keys = invocation.settings.credentials.keys
    credentials = credentials_here(store, accesses, invocation.clock, keys=keys, sender=invocation.sender)
    try:
        yield credentials
    finally:
        await credentials.stop()


def chosen(invocation: Invocation, names: Iterable[str]) -> list[Access]:
    """Return the configured accounts of those names, ``platform`` or ``platform/account``; without a name all.

    Raises ``ConfigurationError`` where one has no token.
    """
    known = {each.name: each for each in accesses_of(invocation.settings.platforms)}
    wanted = [full_name(name) for name in names] or list(known)
    missing = [name for name in wanted if name not in known]
    if missing:
        there = ", ".join(known) or "none"
        raise ConfigurationError(f"no token is configured for {missing[0]}; there is one for: {there}")
    return [known[name] for name in wanted]


def full_name(name: str) -> str:
    """Return an account's name with its platform's own name: ``x/shop`` is ``twitter/shop``."""
    platform, slash, account = name.partition("/")
    return find_platform(platform).name + slash + account
