"""Following: what arrives while a command looks is shown, once and in order."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.cli.events.listing import follow
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.stores.base import DONE, EventFilter, EventOutcome
from moderation_ai.stores.memory import MemoryStore
from tests.cli.filling import NOW, add, comment


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Arrivals(ManualClock):
    """A clock under which an event arrives whenever somebody waits."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(NOW)
        self.store = store
        self.waits = 0

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.waits += 1
        await add(self.store, [comment(10 + self.waits, platform="twitter" if self.waits % 2 else "reddit")])


@pytest.mark.anyio
async def test_shows_each_arrival_once_and_in_order() -> None:
    store = MemoryStore()
    await add(store, [comment(1), comment(2)])
    seen: list[str] = []
    async for events in follow(store, EventFilter(), 0, Arrivals(store)):
        seen += [event.lane for event in events]
        if len(seen) >= 3:
            break
    await store.close()
    assert seen == ["twitter:c11", "reddit:c12", "twitter:c13"]


@pytest.mark.anyio
async def test_what_is_not_meant_is_passed_over() -> None:
    store = MemoryStore()
    async for events in follow(store, EventFilter(platform="reddit"), 0, Arrivals(store)):
        assert [event.lane for event in events] == ["reddit:c12"]
        break
    await store.close()


class Settlements(ManualClock):
    """A clock under which the newer of two events is settled at the first wait, the older one at the second."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(NOW)
        self.store = store
        self.left = [2, 1]

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        seq = self.left.pop(0)
        await self.store.settle([EventOutcome(seq=seq, status=DONE, lane=f"instagram:c{seq}")], NOW)


@pytest.mark.anyio
async def test_what_gets_the_status_late_is_shown_too_and_once() -> None:
    store = MemoryStore()
    await add(store, [comment(1), comment(2)])
    await store.claim("w", 2, NOW, 30)
    seen: list[str] = []
    async for events in follow(store, EventFilter(status="done", since=NOW.replace(year=2020)), 0, Settlements(store)):
        seen += [event.lane for event in events]
        if len(seen) >= 2:
            break
    await store.close()
    assert seen == ["instagram:c2", "instagram:c1"]
