"""Retention: a housekeeper removes what is too old, a little at a time, and lets nobody wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.retention import Retention
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.handling.worker import PRESSED
from moderation_ai.pipeline.upkeep.retention import FIRST, LOOK, PAUSE, STEP, Housekeeper, horizons_at, prune_all
from moderation_ai.stores.base import EventFilter, Horizons, Removed, Store
from tests.kinds import new_store
from tests.pipeline.stage import START, Stage, created, deleted, many

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


class Asked:
    """A store that notes what it was asked for, and does something else first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: list[str] = []
        self.fails: list[Exception] = []

    async def prune(self, horizons: Horizons, now: datetime, **more: Any) -> Removed:
        self.calls.append("prune")
        if self.fails:
            raise self.fails.pop(0)
        return await self.store.prune(horizons, now, **more)

    async def scrub(self) -> None:
        self.calls.append("scrub")
        await self.store.scrub()


class Clock(ManualClock):
    """A clock that goes on by itself when somebody waits, and notes for how long; it ends by stopping them."""

    def __init__(self, now: datetime, waits: int) -> None:
        super().__init__(now)
        self.pauses: list[float] = []
        self._left = waits

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self._left -= 1
        if not self._left:
            event.set()
        self.set(self.now() + timedelta(seconds=seconds))


@asynccontextmanager
async def filled(count: int) -> AsyncIterator[Asked]:
    """Return a store with so many events, received at ``START``."""
    async with Stage() as stage:
        await stage.add(*many(count))
        yield Asked(stage.store)


async def keep_house(asked: Asked, waits: int, *, now: datetime = START + 40 * DAY, waiting: int = 0) -> list[float]:
    """Let a housekeeper run until it has waited so often; return for how long each time."""
    clock = Clock(now, waits)
    keeper = Housekeeper(asked, clock, Retention(), waiting=lambda: waiting)  # type: ignore[arg-type]  # what it needs
    await keeper.run()
    return clock.pauses


async def bodies(store: Store) -> int:
    """Return how many events have their bodies."""
    found = [await store.raw_body(event.seq) for event in await store.events(EventFilter())]
    return sum(body is not None for body in found)


async def test_it_removes_in_small_steps_and_scrubs_at_the_end() -> None:
    async with filled(2 * STEP + 1) as asked:
        pauses = await keep_house(asked, 5)
        assert await bodies(asked.store) == 0
    assert pauses == [FIRST, PAUSE, PAUSE, LOOK, LOOK]
    assert asked.calls == ["prune", "prune", "prune", "scrub", "prune"], "nothing more to scrub after the last"


async def test_nobody_waits_for_it() -> None:
    async with filled(1) as asked:
        assert await keep_house(asked, 3, waiting=PRESSED) == [FIRST, PAUSE, PAUSE]
        assert asked.calls == []
        assert await bodies(asked.store) == 1


async def test_it_goes_on_after_a_store_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with filled(1) as asked:
        asked.fails = [StoreBusy("no room"), StoreError("gone"), ZeroDivisionError("ours")]
        assert await keep_house(asked, 5) == [FIRST, LOOK, LOOK, LOOK, LOOK]
        assert await bodies(asked.store) == 0
    said = [record.levelname for record in caplog.records if record.name.endswith("retention")]
    assert said == ["INFO", "WARNING", "ERROR"]


async def test_it_stops_at_once() -> None:
    async with filled(1) as asked:
        assert await keep_house(asked, 1) == [FIRST]
        assert asked.calls == []


def test_what_is_kept_for_ever_has_no_horizon() -> None:
    assert horizons_at(Retention(bodies=None, texts=None, deleted=None), START) == Horizons()
    assert horizons_at(Retention(), START) == Horizons(
        bodies=START - 30 * DAY, texts=START - 180 * DAY, deleted=START - DAY
    )


async def test_by_hand_everything_goes_and_is_counted() -> None:
    async with filled(2 * STEP + 1) as asked:
        steps: list[Removed] = []
        removed = await prune_all(asked.store, Retention(), START + 200 * DAY, steps.append)
        assert (removed.bodies, removed.texts) == (1, 2 * STEP + 1), "they share one body"
        assert len(steps) > 2
        assert all(step.texts <= STEP for step in steps)


async def test_the_text_of_what_was_deleted_goes_a_day_after_that_was_handled() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a", at=START - timedelta(seconds=5)), created("b", at=START))
        await stage.add(deleted("a", at=START - timedelta(seconds=1)))
        await stage.quiet()
        await prune_all(stage.store, Retention(), START + DAY - timedelta(seconds=1))
        assert [event.text for event in await stage.store.events(EventFilter(), newest_first=False)][:2] == [
            "first"
        ] * 2
        await prune_all(stage.store, Retention(), START + DAY + timedelta(seconds=1))
        found = await stage.store.events(EventFilter(), newest_first=False)
        assert [(event.text, event.text_removed) for event in found] == [
            (None, "deleted"),
            ("first", None),
            (None, None),
        ]


async def test_a_handler_gets_what_waited_too_long_without_its_text() -> None:
    async with Stage() as stage:
        texts: list[str | None] = []
        await stage.add(created("a"))
        await stage.quiet()
        stage.on(act=lambda event: texts.append(event.text))
        await stage.store.replay([1], START)
        await prune_all(stage.store, Retention(), START + 200 * DAY)
        await stage.quiet()
        assert texts == [None]


async def test_a_store_that_is_empty_has_nothing_to_remove() -> None:
    store = new_store()
    await store.open()
    assert await prune_all(store, Retention(), START) == Removed()
    await store.close()
