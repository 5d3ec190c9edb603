"""A clock that jumps, forth or back: nothing is lost, nothing runs twice at a time, nothing waits for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.core.retention import Retention
from moderation_ai.pipeline.upkeep.retention import prune_all
from moderation_ai.stores.base import EventFilter
from tests.kinds import new_store
from tests.pipeline.stage import START, Clock, Stage, created, deleted, fails, many, updated

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
JUMPS = [timedelta(hours=-1), -400 * DAY, 400 * DAY]


@pytest.mark.parametrize("jump", JUMPS)
async def test_what_arrives_after_a_jump_is_handled_at_once_and_in_order(jump: timedelta) -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a"))
        await stage.quiet()
        stage.clock.set(START + jump)
        await stage.add(updated("a"), created("b"))
        await stage.quiet()
        assert stage.ran == [("h", "a created"), ("h", "a updated=second"), ("h", "b created")]
        found = await stage.store.events(EventFilter(), newest_first=False)
        assert [one.seq for one in found] == [1, 2, 3], "arrival is told by seq, not by the clock"
        assert [one.received_at for one in found] == [START, START + jump, START + jump]


async def test_a_retry_that_was_put_off_by_a_clock_that_ran_ahead_runs_when_that_time_comes() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1))
        stage.clock.set(START + DAY)
        await stage.add(created("a"))
        await stage.quiet()
        stage.clock.set(START)
        await stage.quiet()
        assert len(stage.ran) == 1
        await stage.pass_time(DAY.total_seconds() + 11)
        assert len(stage.ran) == 2
        assert await stage.statuses() == ["done"]


async def test_a_clock_that_falls_back_holds_no_lane_for_longer_than_it_fell() -> None:
    async with Stage() as stage:
        stage.on(act=fails(99))
        await stage.add(created("a"))
        await stage.quiet()
        stage.clock.set(START - timedelta(hours=1))
        stage.on("comment.updated", name="later")
        await stage.add(updated("a"))
        await stage.quiet()
        assert ("later", "a updated=second") in stage.ran, "a handler that did not fail does not wait"
        await stage.pass_time(3600 + 61)
        assert ("h", "a updated=second") in stage.ran


@pytest.mark.parametrize("jump", JUMPS)
async def test_two_workers_share_a_store_over_a_jump(jump: timedelta) -> None:
    store, clock = new_store(lease_clock="database"), Clock(START)
    async with Stage(store, clock=clock, name="w1", limit=8) as one:
        other = Stage(store, clock=clock, name="w2", limit=8)
        for stage in (one, other):
            stage.on()
        await store.open()
        other.begin()
        await one.add(*many(40))
        clock.set(START + jump)
        await one.add(*[updated(f"c{number}") for number in range(40)])
        other.worker.wake()
        clock.set(START)
        while set(await one.statuses()) != {"done"}:
            clock.forward(1)
            await one.quiet()
            await other.quiet()
        assert await other.end()
    ran = one.ran + other.ran
    assert len(set(ran)) == 80, "each event"
    # A clock that jumps ahead ends leases, as if their workers were gone: what these hold may run again.
    assert len(ran) == 80 or (jump > timedelta(0) and len(ran) <= 80 + 8)


async def test_the_lease_of_a_worker_that_is_gone_ends_though_the_clock_fell_back() -> None:
    clock = Clock(START)
    store = new_store()
    await store.open()
    async with Stage(store, clock=clock, name="gone") as gone:
        gone.on(act=fails(99))
        await gone.add(created("a"))
        await gone.look()
        await gone.crash()
        clock.set(START - timedelta(hours=2))
        next_one = Stage(store, clock=clock, name="next")
        next_one.on()
        next_one.begin()
        await next_one.pass_time(2 * 3600 + 100)
        await next_one.pass_time(100)
        assert await next_one.end()
        assert await next_one.statuses() == ["done"]
        gone.begin()  # so that the stage can end it


async def test_a_deletion_and_a_creation_are_compared_by_the_platforms_times_alone() -> None:
    async with Stage() as stage:
        stage.on()
        stage.clock.set(START + DAY)
        await stage.add(deleted("a", at=START))
        await stage.quiet()
        stage.clock.set(START - DAY)
        await stage.add(created("a", at=START - timedelta(hours=1)))
        await stage.quiet()
        assert await stage.statuses() == ["done", "superseded"]


async def test_retention_waits_where_the_clock_fell_back_and_goes_on_after() -> None:
    async with Stage() as stage:
        stage.on()
        await stage.add(created("a"))
        stage.clock.set(START + 31 * DAY)
        assert (await prune_all(stage.store, Retention(), stage.clock.now())).bodies == 1
        stage.clock.set(START - 31 * DAY)
        await stage.add(created("b"))
        assert (await prune_all(stage.store, Retention(), stage.clock.now())).bodies == 0
        stage.clock.set(START + 31 * DAY)
        assert (await prune_all(stage.store, Retention(), stage.clock.now())).bodies == 1
