"""Answering hubs: what they may ask about beside the configured topics, and what becomes of the register by it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from msgspec.structs import replace

from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import LEAVING, Subscription
from moderation_ai.core.websub import Subscribed
from moderation_ai.pipeline.subscribing import terms

LOOKS = 20
"""Looks into the store in a second, at most: strangers may ask as often as they like."""


class HubRegister(Protocol):
    """The part of the register that hubs are about."""

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        """Return the subscriptions."""

    async def change_subscription(
        self, platform: str, subscription_id: str, change: terms.Change
    ) -> Subscription | None:
        """Put in the place of a subscription what ``change`` makes of it."""

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        """Forget a subscription."""


class Hubs:
    """Know which topics were asked for by any process that shares the store, and write down what hubs answer.

    ``monotonic`` gives seconds that only grow.
    """

    def __init__(self, register: HubRegister, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Keep the parts."""
        self._register = register
        self._monotonic = monotonic
        self._looks: deque[float] = deque(maxlen=LOOKS)
        self._rows: list[Subscription] = []

    async def credential(self, request: Request, source: Source) -> Credential:
        """Return what ``request``, which a hub may have sent, is answered by: with the topics that were asked for."""
        if "hub." not in request.query:
            return source.credential
        rows = [row for row in await self._look() if row.platform == source.platform.name and row.topic]
        # It may deny what it granted long ago.
        is_denial = request.parameters().get("hub.mode") == "denied"
        awaited = [row for row in rows if is_denial or terms.is_awaited(row, request.received_at)]
        topics = (row.topic for row in awaited if row.status != LEAVING and row.topic)
        leaving = (row.topic for row in awaited if row.status == LEAVING and row.topic)
        given = source.credential
        return replace(given, topics=(*given.topics, *topics), leaving=tuple(leaving))

    async def note(self, request: Request, source: Source, answer: Subscribed) -> None:
        """Write down what a hub said of a topic of ours, before it is answered; raises ``StoreError``."""
        spelled = source.platform.spell_topic
        ours = [row for row in self._rows if row.platform == source.platform.name and row.topic]
        about = [row for row in ours if row.topic and spelled(row.topic) == spelled(answer.topic)]
        here = [row for row in about if urlsplit(row.url).path.endswith(request.path)]
        for row in here or about:
            await self._note(row, answer, request.received_at)

    async def _note(self, row: Subscription, answer: Subscribed, now: datetime) -> None:
        if answer.mode == "unsubscribe":
            if row.status == LEAVING:
                await self._register.delete_subscription(row.platform, row.id)
            return

        def change(each: Subscription) -> Subscription | None:
            if answer.reason is not None:
                return terms.denied(each, answer.reason, now)
            return terms.confirmed(each, answer.lease, now)

        if change(row) is not None:
            await self._register.change_subscription(row.platform, row.id, change)

    async def _look(self) -> list[Subscription]:
        """Return the register's rows: as they are now, or under a flood as they were a moment ago."""
        now = self._monotonic()
        if len(self._looks) == LOOKS and now - self._looks[0] < 1:
            return self._rows
        self._looks.append(now)
        self._rows = await self._register.subscriptions()
        return self._rows
