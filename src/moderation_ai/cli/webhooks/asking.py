"""Asking platforms from a command: the configured accounts, the store, and one sender."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.config import sites_of
from moderation_ai.pipeline.subscribing import Subscriber


@asynccontextmanager
async def asking(invocation: Invocation) -> AsyncIterator[Subscriber]:
    """Open the store, and yield what speaks with the configured platforms."""
    settings = invocation.settings
    sites = sites_of(settings.platforms, settings.server)
    async with opened(invocation.store_url) as store:
        yield Subscriber(store, sites, invocation.clock, sender=invocation.sender)
