"""Leases, crashes, stops and a store that fails: nothing that was stored is lost or stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Claimed, EventOutcome
from moderation_ai.stores.memory import MemoryStore
from tests.kinds import lasting_store
from tests.pipeline.stage import START, Clock, Stage, created, many, updated

pytestmark = pytest.mark.anyio


class Hanging:
    """An act that begins and does not end until it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, event: WebhookEvent) -> None:
        self.begun.set()
        await self.go_on.wait()


class FailingStore(MemoryStore):
    """A memory store whose claims or settlements fail for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[Exception] = []
        self.settlements: list[Exception] = []

    async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
        if self.claims:
            raise self.claims.pop()
        return await super().claim(worker, limit, now, lease)

    async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
        if self.settlements:
            raise self.settlements.pop()
        await super().settle(outcomes, now, worker=worker)


async def test_what_a_crashed_worker_held_runs_elsewhere_once_its_lease_has_ended(tmp_path: Path) -> None:
    clock = Clock(START)
    one = Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="one", lease=30)
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="two") as two:
        hanging = Hanging()
        one.on(act=hanging)
        two.on()
        await two.quiet()  # Asleep, so that it is not the first to look.
        await one.store.open()
        one.begin()
        await one.add(created("a"))
        await hanging.begun.wait()
        await one.crash()
        await two.quiet()
        await two.pass_time(29)
        assert two.ran == []
        await two.pass_time(2)
        assert two.ran == [("h", "a created")]
        assert await two.statuses() == ["done"]
    await one.store.close()


async def test_a_living_worker_keeps_what_it_holds_beyond_its_lease(tmp_path: Path) -> None:
    clock = Clock(START)
    hanging = Hanging()
    async with (
        Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="one", lease=30) as one,
        Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="two") as two,
    ):
        one.on(act=hanging, timeout=600)
        two.on()
        await two.quiet()
        await one.add(created("a"))
        await hanging.begun.wait()
        for _ in range(12):
            clock.forward(10)
            await one.look()
            await two.quiet()
        assert two.ran == []
        hanging.go_on.set()
        await one.quiet()
        assert one.ran == [("h", "a created")]


async def test_what_stands_behind_an_event_in_hand_is_not_given_to_another_worker(tmp_path: Path) -> None:
    clock = Clock(START)
    hanging = Hanging()
    async with (
        Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="one") as one,
        Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="two") as two,
    ):
        one.on("comment.created", act=hanging)
        one.on("comment.updated", name="later")
        two.on("comment.created", act=Hanging())
        two.on("comment.updated", name="later")
        await two.quiet()
        await one.add(created("a"))
        await hanging.begun.wait()
        await two.add(updated("a"))
        await two.quiet()
        assert two.ran == []
        hanging.go_on.set()
        await one.quiet()
        await two.quiet()
        assert sorted(one.ran + two.ran) == [("h", "a created"), ("later", "a updated=second")]


async def test_stop_lets_what_runs_come_to_its_end() -> None:
    stage = Stage()
    hanging = Hanging()
    stage.on(act=hanging)
    async with stage:
        await stage.add(created("a"))
        await hanging.begun.wait()
        stopping = asyncio.create_task(stage.end(deadline=20))
        await asyncio.sleep(0)
        hanging.go_on.set()
        assert await stopping is True
        assert await stage.statuses() == ["done"]


async def test_stop_gives_back_what_did_not_end_in_time(tmp_path: Path) -> None:
    clock = Clock(START)
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="one") as one:
        hanging = Hanging()
        one.on(act=hanging)
        one.on(name="quick")
        await one.add(created("a"), updated("a"), created("b"))
        await hanging.begun.wait()
        stopping = asyncio.create_task(one.end(deadline=20))
        while not stopping.done():
            clock.forward(21)
            await asyncio.sleep(0)
        assert await stopping is False
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="two") as two:
        two.on()
        two.on(name="quick")
        await two.quiet()
        assert sorted(ran for name, ran in two.ran if name == "h") == ["a created", "a updated=second", "b created"]
        assert await two.statuses() == ["done"] * 3


@pytest.mark.parametrize("is_late", [False, True], ids=["claimed before", "claimed while it stops"])
async def test_a_stopped_worker_runs_nothing_that_it_was_just_handed(is_late: bool) -> None:
    class SlowStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.asked, self.answer = asyncio.Event(), asyncio.Event()

        async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
            if is_late and worker == "w1" and (await self.counts()).total:
                self.asked.set()
                await self.answer.wait()
            claimed = await super().claim(worker, limit, now, lease)
            if claimed:
                self.asked.set()
                await self.answer.wait()
            return claimed

    store = SlowStore()
    async with Stage(store) as stage:
        stage.on()
        await stage.add(created("a"))
        await store.asked.wait()
        stopping = asyncio.create_task(stage.end(deadline=5))
        await asyncio.sleep(0)
        store.answer.set()
        assert await stopping is True
        assert stage.ran == []
        other = Stage(store, name="two", clock=stage.clock)
        other.on()
        other.begin()
        await other.quiet()
        assert other.ran == [("h", "a created")]
        await other.end()


async def test_a_store_that_cannot_be_claimed_from_is_asked_again() -> None:
    store = FailingStore()
    store.claims = [StoreBusy("later"), StoreError("broken"), StoreBusy("later")]
    async with Stage(store) as stage:
        stage.on()
        await stage.add(created("a"))
        while store.claims:
            stage.clock.forward(10)
            await asyncio.sleep(0)
        await stage.quiet()
        assert stage.ran == [("h", "a created")]


async def test_a_store_that_cannot_settle_loses_nothing_and_runs_nothing_twice() -> None:
    store = FailingStore()
    store.settlements = [StoreBusy("later"), StoreError("broken"), StoreBusy("later")]
    async with Stage(store) as stage:
        stage.on()
        await stage.add(created("a"), updated("a"), created("b"))
        while len(stage.outcomes) < 3:
            stage.clock.forward(10)
            await asyncio.sleep(0)
        await stage.quiet()
        assert sorted(ran for _, ran in stage.ran) == ["a created", "a updated=second", "b created"]
        assert await stage.statuses() == ["done"] * 3


async def test_a_lease_that_cannot_be_given_back_does_not_hold_up_the_end() -> None:
    class ClosedStore(MemoryStore):
        async def release(self, worker: str) -> None:
            raise StoreError("the store is closed")

    async with Stage(ClosedStore()) as stage:
        stage.on()
        await stage.add(created("a"))
        await stage.quiet()
        assert await stage.end() is True


async def test_a_store_that_fails_in_an_odd_way_does_not_end_the_worker() -> None:
    store = FailingStore()
    store.claims = [KeyError("a defect of the store's")]
    store.settlements = [KeyError("another")]
    async with Stage(store) as stage:
        stage.on()
        await stage.add(created("a"))
        while not stage.outcomes:
            stage.clock.forward(10)
            await asyncio.sleep(0)
        assert await stage.statuses() == ["done"]


async def test_settlements_are_written_many_at_once() -> None:
    class CountingStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.settlements: list[int] = []

        async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
            self.settlements.append(len(outcomes))
            await super().settle(outcomes, now, worker=worker)

    store = CountingStore()
    async with Stage(store) as stage:
        stage.on()
        await stage.add(*many(400))
        await stage.quiet()
        assert sum(store.settlements) == 400
        assert len(store.settlements) < 40


async def test_one_claim_hands_out_what_is_due_in_many_lanes() -> None:
    class CountingStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.handed: list[int] = []

        async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
            claimed = await super().claim(worker, limit, now, lease)
            self.handed += [len(claimed)] * bool(claimed)
            return claimed

    store = CountingStore()
    async with Stage(store) as stage:
        stage.on()
        await stage.add(*many(100))
        await stage.quiet()
        assert store.handed == [100]


async def test_an_idle_worker_finds_what_another_process_stored_by_itself(tmp_path: Path) -> None:
    async with Stage(lasting_store(tmp_path / "s.db")) as stage:
        stage.on()
        await stage.quiet()
        other = Stage(lasting_store(tmp_path / "s.db"), clock=stage.clock, name="other")
        await other.add(created("a"))
        while not stage.ran:
            stage.clock.forward(1.1)
            await asyncio.sleep(0)
        assert stage.ran == [("h", "a created")]
        await other.store.close()


async def test_two_workers_share_the_lanes_and_run_each_event_once(tmp_path: Path) -> None:
    clock = Clock(START)
    path = str(tmp_path / "s.db")
    async with (
        Stage(lasting_store(path), clock=clock, name="one", limit=8) as one,
        Stage(lasting_store(path), clock=clock, name="two", limit=8) as two,
    ):
        both_began = asyncio.Event()

        async def wait_for_both(event: WebhookEvent) -> None:
            if one.ran and two.ran:
                both_began.set()
            await both_began.wait()

        one.on(act=wait_for_both)
        two.on(act=wait_for_both)
        await one.add(*many(60))
        await asyncio.gather(*(one.add(updated(f"c{number}")) for number in range(60)))
        while len(one.outcomes) + len(two.outcomes) < 120:
            await asyncio.gather(one.look(), two.look())
        ran = [ran for _, ran in one.ran + two.ran]
        assert len(ran) == len(set(ran)) == 120
