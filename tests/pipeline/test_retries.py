"""What fails is tried again with back-off, survives restarts, and ends in dead letters with its cause."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from moderation_ai.core.errors import GiveUp, Retry
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.stores.base import EventFilter
from tests.kinds import lasting_store
from tests.pipeline.stage import START, Clock, Stage, created, fails, fails_for, updated

pytestmark = pytest.mark.anyio

FOREVER = 1_000_000


async def test_attempts_are_spaced_by_the_schedule_and_end_in_a_dead_letter() -> None:
    async with Stage() as stage:
        stage.on(act=fails(FOREVER))
        added = await stage.add(created())
        await stage.quiet()
        due = []
        while (await stage.attempt(added.seqs[0])).state == "retry":
            when = (await stage.attempt(added.seqs[0])).due_at
            assert when is not None
            due.append((when - stage.clock.now()).total_seconds())
            await stage.pass_time(due[-1])
        assert due == [10.0, 20.0, 40.0]
        assert len(stage.ran) == 4
        (letter,) = await stage.store.dead_letters(EventFilter())
        assert (letter.handler, letter.attempts, letter.error) == ("h", 4, "ValueError: not yet")
        assert await stage.statuses() == ["dead"]


async def test_no_attempt_is_made_before_its_time() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1))
        await stage.add(created())
        await stage.quiet()
        await stage.pass_time(9.999)
        assert len(stage.ran) == 1
        await stage.pass_time(0.001)
        assert len(stage.ran) == 2


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 8.0), (0.25, 9.0), (0.5, 10.0), (1.0, 12.0)])
async def test_jitter_spreads_a_delay_within_its_bounds(chance: float, seconds: float) -> None:
    async with Stage(chance=lambda: chance) as stage:
        stage.on(act=fails(1), schedule=RetrySchedule(max_attempts=3, first=10.0, jitter=0.2))
        added = await stage.add(created())
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).due_at == START + timedelta(seconds=seconds)


async def test_back_off_goes_on_after_a_restart(tmp_path: Path) -> None:
    clock = Clock(START)
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock) as stage:
        stage.on(act=fails(FOREVER))
        added = await stage.add(created())
        await stage.quiet()
        await stage.pass_time(10)
        assert len(stage.ran) == 2
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="w2") as stage:
        stage.on(act=fails(FOREVER))
        await stage.pass_time(19)
        assert stage.ran == []
        await stage.pass_time(1)
        assert len(stage.ran) == 1
        attempt = await stage.attempt(added.seqs[0])
        assert (attempt.attempts, attempt.due_at) == (3, START + timedelta(seconds=10 + 20 + 40))


async def test_one_failing_handler_hides_no_other() -> None:
    async with Stage() as stage:
        stage.on(name="one", act=fails(FOREVER, KeyError("one")))
        stage.on(name="two")
        stage.on(name="three", act=fails(FOREVER, OSError("three")))
        added = await stage.add(created())
        await stage.quiet()
        states = {a.handler: (a.state, a.error) for a in await stage.store.attempts(added.seqs[0])}
        assert states == {
            "one": ("retry", "KeyError: 'one'"),
            "two": ("done", None),
            "three": ("retry", "OSError: three"),
        }


async def test_only_the_handlers_that_failed_run_again() -> None:
    async with Stage() as stage:
        stage.on(name="good")
        stage.on(name="weak", act=fails(1))
        await stage.add(created())
        await stage.quiet()
        await stage.pass_time(10)
        assert [name for name, _ in stage.ran].count("good") == 1
        assert [name for name, _ in stage.ran].count("weak") == 2
        assert await stage.statuses() == ["done"]


async def test_an_event_is_dead_if_any_handler_gave_up_on_it() -> None:
    async with Stage() as stage:
        stage.on(name="good")
        stage.on(name="bad", act=fails(FOREVER, GiveUp("no use")))
        stage.on(name="weak", act=fails(1))
        await stage.add(created())
        await stage.quiet()
        assert await stage.statuses() == ["pending"]
        await stage.pass_time(10)
        assert await stage.statuses() == ["dead"]


async def test_give_up_ends_it_at_once() -> None:
    async with Stage() as stage:
        stage.on(act=fails(FOREVER, GiveUp("it makes no sense")))
        await stage.add(created())
        await stage.quiet()
        (letter,) = await stage.store.dead_letters(EventFilter())
        assert (letter.attempts, letter.error) == (1, "GiveUp: it makes no sense")


async def test_a_handler_may_say_when_it_wants_to_run_again() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1, Retry("busy", after=123)))
        added = await stage.add(created())
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).due_at == START + timedelta(seconds=123)
        await stage.pass_time(123)
        assert await stage.statuses() == ["done"]


async def test_a_retry_without_a_time_takes_the_schedules() -> None:
    async with Stage() as stage:
        stage.on(act=fails(1, Retry()))
        added = await stage.add(created())
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).due_at == START + timedelta(seconds=10)


@pytest.mark.parametrize("after", [-5, 0, float("inf"), float("nan"), 1e300, "soon", None])
async def test_an_odd_wish_for_a_time_does_not_stop_the_lane(after: object) -> None:
    async with Stage() as stage:
        stage.on(act=fails(1, Retry("busy", after=after)))  # type: ignore[arg-type]  # what a handler may do wrong
        added = await stage.add(created("a"))
        await stage.quiet()
        await stage.pass_time(7 * 86_400)
        assert (await stage.attempt(added.seqs[0])).state == "done"
        await stage.add(updated("a"))
        await stage.quiet()
        assert stage.ran[-1] == ("h", "a updated=second")


async def test_asking_for_retries_does_not_outlast_the_schedule() -> None:
    async with Stage() as stage:
        stage.on(act=fails(FOREVER, Retry("again", after=1)))
        await stage.add(created())
        await stage.quiet()
        for _ in range(10):
            await stage.pass_time(1)
        assert len(stage.ran) == 4
        assert await stage.statuses() == ["dead"]


async def test_a_dead_letter_can_be_retried_by_its_handler_alone() -> None:
    async with Stage() as stage:
        stage.on(name="good")
        stage.on(name="bad", act=fails(1, GiveUp("broken today")))
        added = await stage.add(created())
        await stage.quiet()
        assert await stage.statuses() == ["dead"]
        await stage.store.replay(added.seqs, stage.clock.now(), handlers=["bad"])
        await stage.quiet()
        assert [name for name, _ in stage.ran] == ["good", "bad", "bad"]
        assert await stage.statuses() == ["done"]
        assert await stage.store.dead_letters(EventFilter()) == []


async def test_a_retried_dead_letter_has_all_its_attempts_again() -> None:
    async with Stage() as stage:
        stage.on(act=fails(FOREVER))
        added = await stage.add(created())
        await stage.quiet()
        for _ in range(3):
            await stage.pass_time(60)
        assert await stage.statuses() == ["dead"]
        await stage.store.replay(added.seqs, stage.clock.now(), handlers=["h"])
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).attempts == 1
        assert await stage.statuses() == ["pending"]


async def test_what_was_dropped_is_no_dead_letter_and_does_not_run() -> None:
    async with Stage() as stage:
        stage.on(act=fails(FOREVER, GiveUp("no")))
        added = await stage.add(created())
        await stage.quiet()
        assert await stage.store.drop(added.seqs) == 1
        await stage.pass_time(3600)
        assert len(stage.ran) == 1
        assert await stage.store.dead_letters(EventFilter()) == []


async def test_an_attempt_whose_handler_is_gone_is_dead_with_that_cause(tmp_path: Path) -> None:
    clock = Clock(START)
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock) as stage:
        stage.on(name="old", act=fails(FOREVER))
        stage.on(name="new")
        await stage.add(created())
        await stage.quiet()
    async with Stage(lasting_store(tmp_path / "s.db"), clock=clock, name="w2") as stage:
        stage.on(name="new")
        await stage.pass_time(10)
        (letter,) = await stage.store.dead_letters(EventFilter())
        assert (letter.handler, letter.attempts) == ("old", 1)
        assert letter.error == "no handler is called 'old' any more"
        assert await stage.statuses() == ["dead"]
        assert stage.ran == []


async def test_what_no_handler_takes_is_unhandled() -> None:
    async with Stage() as stage:
        stage.on("post.*")
        await stage.add(created())
        await stage.quiet()
        assert await stage.statuses() == ["unhandled"]
        assert stage.ran == []


async def test_a_dead_event_does_not_stop_the_later_ones_of_its_object() -> None:
    async with Stage() as stage:
        stage.on(act=fails_for("a created"), schedule=RetrySchedule(max_attempts=1))
        await stage.add(created("a"), updated("a", "2"))
        await stage.quiet()
        assert await stage.statuses() == ["dead", "done"]
