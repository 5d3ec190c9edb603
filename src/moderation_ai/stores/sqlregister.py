"""The register's verbs of every store that runs SQL: each is a transaction by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores import polling, registering
from moderation_ai.stores.register import Cursor, Duty
from moderation_ai.stores.sqlverbs import SqlVerbs
from moderation_ai.stores.times import to_micros


class SqlRegister(SqlVerbs):
    """Keep the register in a database."""

    def _clock_of_leases(self, now: datetime) -> int | None:
        """Return the time that leases end by, or None for the database's own."""
        return to_micros(now)

    async def take_duty(self, name: str, worker: str, now: datetime, lease: float) -> bool:
        """Say whether ``worker`` alone has the duty ``name``."""
        at = self._clock_of_leases(now)
        return await self._change(lambda: polling.take_duty(name, worker, at, lease))

    async def drop_duty(self, name: str, worker: str) -> bool:
        """Give a duty back."""
        return await self._change(lambda: polling.drop_duty(name, worker))

    async def duties(self) -> list[Duty]:
        """Return who has which duty."""
        return await self._look(polling.duties)

    async def note_repeats(self, seqs: Sequence[int], now: datetime) -> None:
        """Keep that events were pushed once more."""
        await self._change(lambda: polling.note_repeats(seqs, now))

    async def repeats(self, seqs: Sequence[int]) -> set[int]:
        """Return which events were pushed once more."""
        return await self._look(lambda: polling.repeats(seqs))

    async def cursor(self, platform: str, account: str, feed: str) -> Cursor | None:
        """Return how far a feed was read."""
        return await self._look(lambda: polling.cursor(platform, account, feed))

    async def save_cursor(self, cursor: Cursor) -> None:
        """Keep how far a feed was read."""
        await self._change(lambda: polling.save_cursor(cursor))

    async def cursors(self) -> list[Cursor]:
        """Return how far each feed was read."""
        return await self._look(polling.cursors)

    async def change_subscription(
        self, platform: str, subscription_id: str, change: Callable[[Subscription], Subscription | None]
    ) -> Subscription | None:
        """Put in the place of a subscription what ``change`` makes of it."""
        return await self._change(lambda: registering.change(platform, subscription_id, change))
