"""One object in order: lanes, the sixty seconds that a retry may hold one, and what passes by."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from moderation_ai.core.events import WebhookEvent
from tests.pipeline.stage import Stage, created, fails, fails_for, label, many, updated

pytestmark = pytest.mark.anyio


async def test_events_of_one_object_run_one_after_the_other_in_the_order_of_arrival() -> None:
    running = Counter[str]()
    together: list[str] = []

    async def slowly(event: WebhookEvent) -> None:
        running[event.lane] += 1
        together.extend([event.lane] * (running[event.lane] > 1))
        for _ in range(5):
            await asyncio.sleep(0)
        running[event.lane] -= 1

    async with Stage() as stage:
        stage.on(act=slowly)
        await stage.add(created("a"), created("b"), updated("a", "2"))
        await stage.add(updated("b", "2"), updated("a", "3"))
        await stage.quiet()
        assert [ran for _, ran in stage.ran if ran.startswith("a")] == ["a created", "a updated=2", "a updated=3"]
        assert [ran for _, ran in stage.ran if ran.startswith("b")] == ["b created", "b updated=2"]
        assert together == []
        assert await stage.statuses() == ["done"] * 5


async def test_a_lane_that_arrives_in_one_delivery_runs_in_order() -> None:
    async with Stage() as stage:
        stage.on()
        texts = [str(number) for number in range(300)]
        await stage.add(created("a"), *(updated("a", text) for text in texts))
        await stage.quiet()
        assert [ran for _, ran in stage.ran] == ["a created", *(f"a updated={text}" for text in texts)]


async def test_a_retry_holds_its_lane_and_no_other() -> None:
    async with Stage() as stage:
        stage.on(act=fails_for("a created"))
        await stage.add(created("a"), updated("a"), created("b"))
        await stage.quiet()
        assert stage.ran == [("h", "a created"), ("h", "b created")]


async def test_what_waited_for_a_retry_runs_after_it_succeeded() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1))
        await stage.add(created("a"), updated("a", "2"))
        await stage.add(updated("a", "3"))
        await stage.quiet()
        await stage.pass_time(9.9)
        assert stage.ran == [("h", "a created")]
        await stage.pass_time(0.2)
        assert stage.ran == [("h", "a created"), ("h", "a created"), ("h", "a updated=2"), ("h", "a updated=3")]
        assert await stage.statuses() == ["done"] * 3


async def test_later_events_of_the_lane_do_not_overtake_what_already_waits() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1))
        await stage.add(created("a"))
        await stage.quiet()
        for text in "2345":
            await stage.add(updated("a", text))
            await stage.quiet()
        await stage.pass_time(10)
        assert [ran for _, ran in stage.ran][2:] == [f"a updated={text}" for text in "2345"]


async def test_after_sixty_seconds_later_events_pass_a_retry() -> None:
    async with Stage() as stage:
        stage.on(act=fails_for("a created"))
        await stage.add(created("a"), updated("a", "2"))
        await stage.quiet()
        for _ in range(5):
            await stage.pass_time(10)
        assert ("h", "a updated=2") not in stage.ran
        await stage.pass_time(11)
        assert stage.ran[-1] == ("h", "a updated=2")


async def test_what_was_put_off_and_never_ran_is_not_passed_by_an_event_of_the_same_claim() -> None:
    reached, let_go = asyncio.Event(), asyncio.Event()

    async def stands_still(event: WebhookEvent) -> None:
        if label(event) == "a updated=2":
            reached.set()
            await let_go.wait()

    async with Stage() as stage:
        stage.on(name="weak", act=fails(1))
        stage.on(name="slow", act=stands_still, timeout=600)
        await stage.add(created("a"), updated("a", "2"), updated("a", "3"))
        await reached.wait()
        stage.clock.forward(61)  # The hold of the failed attempt is over, and what it put off has not run.
        let_go.set()
        for _ in range(3):
            await stage.pass_time(1)
        assert [ran for name, ran in stage.ran if name == "weak"][-2:] == ["a updated=2", "a updated=3"]


async def test_a_second_failure_of_the_retry_does_not_prolong_the_hold() -> None:
    async with Stage() as stage:
        stage.on(act=fails_for("a created"))
        added = await stage.add(created("a"))
        await stage.quiet()
        first = (await stage.attempt(added.seqs[0])).holds_until
        await stage.pass_time(10)
        attempt = await stage.attempt(added.seqs[0])
        assert attempt.attempts == 2
        assert attempt.holds_until == first


async def test_one_handlers_retry_does_not_hold_another_handler() -> None:
    async with Stage() as stage:
        stage.on(name="weak", act=fails(1))
        stage.on(name="strong")
        await stage.add(created("a"), updated("a", "2"))
        await stage.quiet()
        assert [ran for name, ran in stage.ran if name == "strong"] == ["a created", "a updated=2"]
        assert [ran for name, ran in stage.ran if name == "weak"] == ["a created"]
        await stage.pass_time(10)
        assert [ran for name, ran in stage.ran if name == "strong"] == ["a created", "a updated=2"]
        assert [ran for name, ran in stage.ran if name == "weak"] == ["a created", "a created", "a updated=2"]


async def test_order_holds_where_every_first_run_fails() -> None:
    async with Stage() as stage:
        done: list[str] = []
        failed: set[str] = set()

        def the_second_time(event: WebhookEvent) -> None:
            if label(event) not in failed:
                failed.add(label(event))
                raise ValueError("the first time fails")
            done.append(label(event))

        stage.on(act=the_second_time)
        await stage.add(created("a"), updated("a", "2"))
        await stage.quiet()
        await stage.add(updated("a", "3"), updated("a", "4"))
        for _ in range(5):
            await stage.pass_time(10)
        assert done == ["a created", "a updated=2", "a updated=3", "a updated=4"]
        assert await stage.statuses() == ["done"] * 4


async def test_a_thousand_lanes_run_at_once() -> None:
    async with Stage(limit=1000) as stage:
        started: list[str] = []
        all_started = asyncio.Event()

        async def wait_for_all(event: WebhookEvent) -> None:
            started.append(event.lane)
            if len(started) == 1000:
                all_started.set()
            await all_started.wait()

        stage.on(act=wait_for_all)
        await stage.add(*many(1000))
        await stage.quiet()
        assert len(started) == 1000
        assert len(stage.outcomes) == 1000
        assert {outcome.status for outcome in stage.outcomes} == {"done"}


async def test_more_lanes_than_a_worker_may_hold_all_run() -> None:
    async with Stage(limit=16) as stage:
        held = running = most = 0

        async def look(event: WebhookEvent) -> None:
            nonlocal held, running, most
            running += 1
            held, most = max(held, stage.worker.held), max(most, running)
            await asyncio.sleep(0)
            running -= 1

        stage.on(act=look)
        await stage.add(*many(200))
        await stage.quiet()
        assert len(stage.ran) == 200
        assert most <= 16
        assert held <= 32, "what is handled waits for its settlement, and others have its place"


async def test_a_lane_that_is_slow_and_long_keeps_no_other_waiting() -> None:
    async with Stage(limit=16) as stage:
        may_end = asyncio.Event()

        async def hang_on_one(event: WebhookEvent) -> None:
            if event.lane == "generic:a":
                await may_end.wait()

        stage.on(act=hang_on_one)
        edits = [updated("a", str(number)) for number in range(100)]
        await stage.add(created("a"), *edits)
        await stage.add(created("b"))
        for _ in range(10):
            await stage.look()
        assert [ran for _, ran in stage.ran] == ["a created", "b created"]
        may_end.set()
        await stage.quiet()
        assert [ran for _, ran in stage.ran[2:]] == [f"a updated={number}" for number in range(100)]
