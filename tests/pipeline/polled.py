"""What tests of polling share: a board, a store, and a poller that reads the one into the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.coverage import Coverage
from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.polling.poller import Poller
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.register import Cursor
from tests.kinds import new_store
from tests.pipeline.board import Board, Simulated, Wire
from tests.pipeline.stage import START


class Stage:
    """A board, a store, and a poller that reads the one into the other."""

    def __init__(self, store: Store, watch: Watch, *, clock: Simulated, wire: Wire) -> None:
        self.store, self.watch, self.clock, self.wire = store, watch, clock, wire
        self.tally = Tally()
        self.silenced: list[tuple[str, str]] = []
        self._running: list[tuple[Poller, asyncio.Task[None]]] = []
        self.added = 0
        source = Source(platform=watch.access.platform, credential=watch.credential)
        self.intake = Intake(store, {"board": source}, tally=self.tally, on_repeats=self._note)
        self._source = source

    def begin(self, name: str = "w1") -> Poller:
        poller = Poller(
            self.store,
            [self.watch],
            self.clock,
            name=name,
            sender=self.wire,
            tally=self.tally,
            on_added=self._count,
            on_silent=self._hear,
        )
        self._running.append((poller, asyncio.create_task(poller.run())))
        return poller

    async def _note(self, platform: str, seqs: Sequence[int], when: datetime) -> None:
        await self.store.note_repeats(seqs, when)

    async def _hear(self, platform: str, account: str) -> None:
        self.silenced.append((platform, account))
        raise StoreBusy("what is told may fail")

    def _count(self) -> None:
        self.added += 1

    async def end(self) -> None:
        for poller, task in self._running:
            poller.stop()
            await task
        self._running.clear()

    async def kill(self) -> None:
        """End the poller that began last as a killed process ends."""
        _, task = self._running.pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def push(self, item: dict[str, Any]) -> None:
        body = json.dumps(item).encode()
        await self.intake.keep(Request(body=body, received_at=self.clock.now()), self._source)

    async def forward(self, seconds: float) -> None:
        await self.clock.forward(seconds, max(1, len(self._running)))

    async def events(self) -> list[WebhookEvent]:
        return await self.store.events(EventFilter(), newest_first=False)

    async def ids(self) -> list[str]:
        return [event.lane.partition(":")[2] for event in await self.events()]

    async def cursor(self, of: str = "") -> Cursor:
        found = await self.store.cursor("board", self.watch.access.account, f"comments:{of}" if of else "comments")
        assert found is not None
        return found

    async def coverage(self) -> Coverage:
        found = (await self.cursor()).coverage
        assert found is not None
        return found


@asynccontextmanager
async def staged(
    kind: str = "memory",
    *,
    reconciles: bool = False,
    interval: float | None = None,
    watched: tuple[str, ...] = (),
    account: str = "",
    credential: Credential | None = None,
    store: Store | None = None,
) -> AsyncIterator[Stage]:
    clock = Simulated(START)
    opened = store or new_store(kind)
    await opened.open()
    access = Access(platform=Board(reconciles=reconciles), account=account, session=Session(access_token="t"))
    watch = Watch(access=access, credential=credential or Credential(), watched=watched, interval=interval)
    stage = Stage(opened, watch, clock=clock, wire=Wire(clock.now))
    try:
        yield stage
    finally:
        await stage.end()
        await opened.close()
