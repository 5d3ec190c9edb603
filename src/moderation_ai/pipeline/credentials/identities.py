"""Identities: who we are on each platform, as it is configured, and as the platform tells by our token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ModerationError
from moderation_ai.pipeline.clock import Clock

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that a platform may take to say whose token it is."""
AGAIN = timedelta(minutes=10)
"""After which it is asked again, where it did not say."""


class Identities:
    """Know the ids of our accounts; ask a platform, when it is first needed, where none is configured."""

    def __init__(
        self, accesses: Mapping[tuple[str, str], Access], ask: Callable[[Access], Awaitable[str]], clock: Clock
    ) -> None:
        """Keep what we act with; ``ask`` returns the id that a token belongs to, or raises one of our errors."""
        self._accesses = accesses
        self._ask = ask
        self._clock = clock
        self._told: dict[tuple[str, str], str] = {}
        self._asked: dict[tuple[str, str], datetime] = {}
        self._turn = asyncio.Lock()

    def known(self, platform: str) -> set[str]:
        """Return the ids that are known now."""
        found = {self._told.get(key) or access.session.account_id for key, access in self._of(platform).items()}
        return {each for each in found if each}

    def all_known(self, platform: str) -> bool:
        """Say whether each account's id is known."""
        return not self._unknown(platform)

    async def learn(self, platform: str) -> set[str]:
        """Return the ids of our accounts on a platform; those that cannot be had are left out, with a warning."""
        if self._unknown(platform):
            async with self._turn:
                for key, access in self._unknown(platform).items():
                    await self._learn(key, access)
        return self.known(platform)

    async def _learn(self, key: tuple[str, str], access: Access) -> None:
        now = self._clock.now()
        if key in self._asked and now - self._asked[key] < AGAIN:
            return
        self._asked[key] = now
        try:
            async with asyncio.timeout(PATIENCE):
                self._told[key] = await self._ask(access)
        except (ModerationError, TimeoutError) as error:
            advice = "set the account's id, so that what it writes is not moderated"
            logger.warning("%s does not say whose token it is (%s): %s", access.name, error or "it is slow", advice)

    def _of(self, platform: str) -> dict[tuple[str, str], Access]:
        return {key: access for key, access in self._accesses.items() if key[0] == platform}

    def _unknown(self, platform: str) -> dict[tuple[str, str], Access]:
        return {
            key: access
            for key, access in self._of(platform).items()
            if access.session.account_id is None and key not in self._told
        }
