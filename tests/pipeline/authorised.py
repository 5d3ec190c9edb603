"""What tests of tokens share: a fake that is served, a store, and as many processes as are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation_ai.core.access import Access
from moderation_ai.core.errors import StoreError
from moderation_ai.core.flows import Session
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import SavedSession
from tests.fakes.stage import Serving
from tests.kinds import ANY, new_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["twitter", "instagram", "reddit", "youtube", "tiktok"]
ROTATING = ["twitter", "tiktok"]
BY_REFRESH_TOKEN = ["twitter", "reddit", "youtube", "tiktok"]
SERVING = Serving()
KEY, OLDER = "A" * 43 + "=", "B" * 42 + "A="


class Faulty:
    """A store that cannot save tokens so many times, and tells what it was asked to save."""

    def __init__(self, store: Store, fails: int = 0) -> None:
        self._store = store
        self.fails = fails
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save_session(self, session: SavedSession) -> bool:
        if session.version:
            self.asked.set()
            if self.gate is not None:
                await self.gate.wait()
            if self.fails:
                self.fails -= 1
                raise StoreError("the disk is full")
        return await self._store.save_session(session)


class Stage:
    """A fake that is served, a store, and as many processes' credentials as are wanted."""

    def __init__(self, fake: Fake, store: Store, clock: ManualClock, sender: Sender) -> None:
        self.fake, self.store, self.clock, self.sender = fake, store, clock, sender
        self.configured = fake.session

    def access(self, session: Session | None = None) -> Access:
        return Access(platform=self.fake.platform, session=session or self.configured, client=self.fake.client)

    def credentials(
        self,
        name: str = "w1",
        *,
        session: Session | None = None,
        keys: tuple[str, ...] = (KEY,),
        store: Any = None,
        patience: float = 30.0,
    ) -> tuple[Credentials, Access]:
        access = self.access(session)
        made = Credentials(
            store or self.store,
            [access],
            self.sender,
            self.clock,
            lambda is_new: Sealer(keys),
            name=name,
            patience=patience,
        )
        return made, access

    def later(self, **more: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**more))

    def near_the_end(self) -> None:
        """Turn the clock to a minute before the token ends."""
        ends = self.fake.session.expires_at
        assert ends is not None
        self.clock.set(ends - timedelta(minutes=1))

    @property
    def refreshes(self) -> int:
        return sum(asked.call in ("refresh", "exchange") for asked in self.fake.calls)

    async def saved(self) -> SavedSession:
        (found,) = await self.store.sessions()
        return found


@asynccontextmanager
async def staged(name: str, kind: str = ANY, store: Store | None = None) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW)
    fake, store = find_fake(name, clock=clock), store or new_store(kind)
    await store.open()
    try:
        yield Stage(fake, store, clock, SERVING.of(fake).sender(timeout=30, now=clock.now))
    finally:
        await store.close()
