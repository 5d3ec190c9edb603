"""Clocks: the machine's, and one that the test turns."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from moderation_ai.pipeline.clock import ManualClock, SystemClock

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, tzinfo=UTC)


async def waiting(clock: ManualClock, seconds: float, event: asyncio.Event | None = None) -> asyncio.Task[None]:
    task = asyncio.create_task(clock.wait(event or asyncio.Event(), seconds))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(START)
    task = await waiting(clock, 1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    assert clock.now() == START
    task.cancel()


async def test_who_waits_goes_on_when_the_time_has_come() -> None:
    clock = ManualClock(START)
    short, long = await waiting(clock, 10), await waiting(clock, 20)
    clock.set(START + timedelta(seconds=9))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not short.done()
    clock.set(START + timedelta(seconds=10))
    await short
    assert not long.done()
    clock.set(START + timedelta(seconds=60))
    await long


async def test_an_event_ends_the_waiting_early() -> None:
    clock = ManualClock(START)
    event = asyncio.Event()
    task = await waiting(clock, 1000, event)
    event.set()
    await task


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock(START)])
async def test_nothing_is_waited_for_that_has_happened(clock: SystemClock | ManualClock) -> None:
    event = asyncio.Event()
    event.set()
    await clock.wait(event, 1000)
    await clock.wait(asyncio.Event(), 0)


def test_the_systems_clock_tells_aware_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
