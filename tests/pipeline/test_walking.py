"""How a worker walks its lanes: handlers that wait for nothing share a task, and notice nothing of that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime

import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import EventOutcome
from moderation_ai.stores.memory import MemoryStore
from tests.pipeline.stage import Stage, many

pytestmark = pytest.mark.anyio

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


async def test_what_a_handler_sets_in_its_context_no_other_sees() -> None:
    seen: list[tuple[str, str]] = []

    async def set_and_wait(event: WebhookEvent) -> None:
        seen.append((event.lane, NAME.get()))
        NAME.set(event.lane)
        if event.lane == "generic:c1":
            await asyncio.sleep(0)
        seen.append((event.lane, NAME.get()))

    async with Stage() as stage:
        stage.on(act=set_and_wait)
        await stage.add(*many(3))
        await stage.quiet()
    lanes = [f"generic:c{number}" for number in range(3)]
    assert sorted(seen) == sorted([*((lane, "nobody") for lane in lanes), *((lane, lane) for lane in lanes)])


async def test_handlers_that_wait_have_a_task_each_from_their_first_step_on() -> None:
    tasks: dict[str, set[object]] = {}

    async def wait_now_and_then(event: WebhookEvent) -> None:
        tasks[event.lane] = {asyncio.current_task()}
        for _ in range(3):
            await asyncio.sleep(0)
            tasks[event.lane].add(asyncio.current_task())

    async with Stage() as stage:
        stage.on(act=wait_now_and_then)
        await stage.add(*many(200))
        await stage.quiet()
    assert {len(of_lane) for of_lane in tasks.values()} == {1}
    assert len(set().union(*tasks.values())) == 200


async def test_a_handler_that_cancels_the_task_it_is_in_keeps_no_other_lane_from_being_walked() -> None:
    async def cancel(event: WebhookEvent) -> None:
        task = asyncio.current_task()
        assert task is not None
        if event.lane in ("generic:c1", "generic:c63"):
            task.cancel()

    async with Stage() as stage:
        stage.on(act=cancel)
        await stage.add(*many(200))
        await stage.quiet()
        assert await stage.statuses() == ["done"] * 200


class SlowStore(MemoryStore):
    """A memory store that settles nothing before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_settle = asyncio.Event()

    async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
        await self.may_settle.wait()
        await super().settle(outcomes, now, worker=worker)


async def test_what_is_handled_leaves_its_place_before_it_is_settled_as_often_as_once() -> None:
    store = SlowStore()
    async with Stage(store, limit=4) as stage:
        stage.on()
        await stage.add(*many(20))
        for _ in range(10):
            await stage.look()
        assert len(stage.ran) == 8
        store.may_settle.set()
        await stage.quiet()
        assert len(stage.ran) == 20
