"""Asking platforms from a command: the configured accounts with their tokens, the store, and one sender."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moderation_ai.cli.accounts.speaking import speaking
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.config import sites_of
from moderation_ai.pipeline.subscribing.subscriber import Subscriber


@asynccontextmanager
async def asking(invocation: Invocation) -> AsyncIterator[Subscriber]:
    """Open the store, and yield what speaks with the configured platforms."""
    settings, clock, sender = invocation.settings, invocation.clock, invocation.sender
    sites = sites_of(settings.platforms, settings.server)
    async with opened(invocation.store_url) as store:
        accesses = [each.access for each in sites]
        async with speaking(invocation, store, accesses) as tokens:
            yield Subscriber(store, sites, clock, sender=sender, tokens=tokens)
