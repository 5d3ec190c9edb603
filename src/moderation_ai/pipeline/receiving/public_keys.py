"""Public keys: those of push services, fetched when a token names one, and remembered as long as they say.

Strangers can make us want a key at any time, by a token that names one nobody has. So one fetch serves all who wait,
a set that is fresh is asked again for an unknown key once in a while only, and a failure is not repeated at once.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec import structs

from moderation_ai.core.errors import (
    ConfigurationError,
    KeyNeeded,
    MalformedPayload,
    PlatformError,
    PlatformUnavailable,
)
from moderation_ai.core.http import Response
from moderation_ai.core.jwt import Keys, read_keys
from moderation_ai.core.platform import Credential, Platform

logger = logging.getLogger(__name__)

Get = Callable[[str, Collection[str]], Awaitable[Response]]
"""Asks a URL on one of some hosts, and returns the answer."""

UNKNOWN_AGAIN = timedelta(seconds=60)
"""How long after a fetch a key that was not in the set is not looked for again."""
FAILED_AGAIN = timedelta(seconds=5)
"""How long after a fetch that failed none is tried."""
SHORTEST, USUAL, LONGEST = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
"""How long keys are remembered: at least, where the answer does not say, and at most."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE | re.ASCII)
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)


class _KeySet:
    """What is known of one address: its keys, until when they count, and what is going on."""

    def __init__(self) -> None:
        self.keys: Keys = {}
        self.asked_at: datetime | None = None
        self.fresh_until: datetime | None = None
        self.failed_at: datetime | None = None
        self.fetching: asyncio.Task[None] | None = None

    def answers(self, key_id: str, now: datetime) -> bool:
        """Say whether nothing has to be fetched: the key is there, or it is known not to be."""
        if self.fresh_until is None or self.asked_at is None or now >= self.fresh_until:
            return False
        return key_id in self.keys or now - self.asked_at < UNKNOWN_AGAIN

    def has_just_failed(self, now: datetime) -> bool:
        """Say whether the last fetch failed a moment ago."""
        return self.failed_at is not None and now - self.failed_at < FAILED_AGAIN


class KeyRing:
    """Find the keys that tokens name, by ``get``; on one event loop."""

    def __init__(self, get: Get) -> None:
        """Begin with no key known."""
        self._get = get
        self._sets: dict[str, _KeySet] = {}

    async def complete(
        self, needed: KeyNeeded, platform: Platform, credential: Credential, now: datetime
    ) -> Credential:
        """Return ``credential`` with the keys that ``platform`` needs to check a token; raises what ``find`` does.

        Only hosts are asked that the platform names, and the configured one.
        """
        trust = credential.pubsub
        if trust is None:
            raise needed
        hosts = {*platform.hosts, urlsplit(trust.keys_url).hostname or ""}
        keys = await self.find(needed, hosts, now)
        return structs.replace(credential, pubsub=structs.replace(trust, keys=keys))

    async def find(self, needed: KeyNeeded, hosts: Collection[str], now: datetime) -> Keys:
        """Return the keys at the address that ``needed`` names; the one it names may not be among them.

        Raises ``PlatformUnavailable`` where they cannot be had now, and ``ConfigurationError`` for an address that is
        on none of ``hosts``.
        """
        held = self._sets.setdefault(needed.url, _KeySet())
        if held.answers(needed.key_id, now):
            return held.keys
        if held.fetching is None and not held.has_just_failed(now):
            held.fetching = asyncio.get_running_loop().create_task(self._fetch(held, needed.url, hosts, now))
        if held.fetching is not None:
            # Whoever waits may go away; the others still want the answer.
            await asyncio.shield(held.fetching)
        if held.failed_at is not None:
            raise PlatformUnavailable("the keys cannot be fetched now", retry_after=FAILED_AGAIN.total_seconds())
        return held.keys

    async def _fetch(self, held: _KeySet, url: str, hosts: Collection[str], now: datetime) -> None:
        try:
            answer = await self._get(url, hosts)
            if answer.status != 200:
                raise PlatformUnavailable(f"it answered {answer.status}")
            held.keys = read_keys(answer.body)
        except (PlatformError, MalformedPayload, ConfigurationError) as error:
            held.failed_at = now
            logger.warning("the keys at %s cannot be fetched: %s", url, error)
        else:
            lifetime = lifetime_of(answer)
            held.asked_at, held.fresh_until, held.failed_at = now, now + lifetime, None
            logger.info("fetched %s: %d keys, good for %d s", url, len(held.keys), lifetime.total_seconds())
        finally:
            held.fetching = None

    async def close(self) -> None:
        """Give up what is being fetched."""
        running = [held.fetching for held in self._sets.values() if held.fetching is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def lifetime_of(answer: Response) -> timedelta:
    """Return how long an answer may be remembered, by its ``Cache-Control`` and ``Age``, within bounds."""
    fields = dict(answer.headers)
    control = fields.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return SHORTEST
    found = _MAX_AGE.search(control)
    if found is None:
        return USUAL
    age = fields.get("age", "")
    old = int(age) if re.fullmatch(r"\d{1,9}", age, re.ASCII) else 0
    return min(max(timedelta(seconds=int(found.group(1)) - old), SHORTEST), LONGEST)
