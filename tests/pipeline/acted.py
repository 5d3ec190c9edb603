"""What tests of the outbox share: a fake that is served, a store, and an outbox that may be replaced by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation_ai.core.access import Access
from moderation_ai.core.acts import Target
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.acting.outbox import Outbox
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import Action, Wanted
from tests.kinds import new_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["twitter", "instagram", "reddit", "youtube", "tiktok"]


class Stage:
    """A fake that is served, a store, and an outbox that may be replaced by another."""

    def __init__(self, fake: Fake, store: Store, clock: ManualClock, make: Callable[[], Outbox]) -> None:
        self.fake, self.store, self.clock, self._make = fake, store, clock, make
        self.outbox = make()
        self._running: asyncio.Task[None] | None = None

    def restart(self) -> None:
        """Put another outbox in the place of this one, with the tokens that are good now."""
        self.outbox = self._make()

    def begin(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self.outbox.run())

    async def end(self) -> None:
        if self._running is not None:
            await self.outbox.stop(30)
            await self._running
            self._running = None

    async def want(self, thing: Thing, action: str = "hide", *, severity: int = 0, text: str | None = None) -> Action:
        target = Target(
            id=thing.id,
            post_id=thing.post_id,
            parent_id=thing.parent_id,
            author_id=thing.author_id,
            author_username=thing.author_username,
        )
        wanted = Wanted(platform=self.fake.name, action=action, target=target, severity=severity, text=text)
        action_of = await self.store.want(wanted, self.clock.now())
        self.outbox.wake()
        return action_of

    async def until(self, action: Action, *statuses: str) -> Action:
        """Return the action once it has one of ``statuses``."""

        async def is_so() -> bool:
            found = await self.store.action(action.id)
            assert found is not None
            return found.status in statuses

        await self.until_so(is_so)
        found = await self.store.action(action.id)
        assert found is not None
        return found

    async def until_tried(self, action: Action, times: int = 1) -> None:
        async def is_so() -> bool:
            return len(await self.store.receipts(action.id)) >= times

        await self.until_so(is_so)

    async def until_so(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await is_so():
                await asyncio.sleep(0.01)

    def later(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        self.outbox.wake()


class Looks:
    """A store that counts how often somebody looked for actions that are due."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim_actions(self, *arguments: Any, **named: Any) -> list[Action]:
        self.count += 1
        return await self._store.claim_actions(*arguments, **named)


class Slow(Looks):
    """A store whose claims are on their way until the gate opens."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.gate, self.asked = asyncio.Event(), asyncio.Event()

    async def claim_actions(self, *arguments: Any, **named: Any) -> list[Action]:
        self.asked.set()
        await self.gate.wait()
        return await super().claim_actions(*arguments, **named)


@asynccontextmanager
async def staged(name: str, kind: str = "memory", *, times: float = 1000, factor: float = 1) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW)
    fake, store = find_fake(name, clock=clock, times=times), new_store(kind)
    with fake.serve() as served:
        await store.open()

        def make() -> Outbox:
            access = Access(platform=fake.platform, session=fake.session, client=fake.client, limits_factor=factor)
            return Outbox(
                store, [access], clock, lambda: 0.5, name="w1", sender=served.sender(timeout=60, now=clock.now)
            )

        stage = Stage(fake, store, clock, make)
        try:
            yield stage
        finally:
            await stage.end()
            await store.close()
