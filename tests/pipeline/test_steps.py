"""Steps: the first one is done at once, and the rest is as if it had been awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar

import pytest

from moderation_ai.pipeline.handling.steps import Steps

pytestmark = pytest.mark.anyio

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


async def ended(steps: Steps[str]) -> str:
    """Do all steps, as the dispatcher does."""
    return steps.result if steps.begin() else await steps.rest()


async def at_once() -> str:
    return "at once"


async def later() -> str:
    await asyncio.sleep(0)
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "later")
    return await future


async def test_what_waits_for_nothing_is_done_in_its_first_step() -> None:
    steps = Steps(at_once())
    assert steps.begin()
    assert steps.result == "at once"


async def test_what_waits_ends_as_if_it_had_been_awaited() -> None:
    steps = Steps(later())
    assert not steps.begin()
    assert await steps.rest() == "later"


async def fails() -> str:
    raise ZeroDivisionError


async def fails_later() -> str:
    await asyncio.sleep(0)
    raise ZeroDivisionError


@pytest.mark.parametrize("work", [fails, fails_later])
async def test_what_it_raises_comes_out(work: Callable[[], Awaitable[str]]) -> None:
    with pytest.raises(ZeroDivisionError):
        await ended(Steps(work()))  # type: ignore[arg-type]  # a coroutine


async def test_it_hears_of_a_cancellation_and_may_go_on() -> None:
    begun = asyncio.Event()

    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "in spite of it"

    task = asyncio.create_task(ended(Steps(stubborn())))
    await begun.wait()
    task.cancel()
    assert await task == "in spite of it"


async def test_its_time_out_is_its_own_whichever_step_set_it() -> None:
    async def impatient() -> str:
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            assert asyncio.current_task() is task
        return "out of time"

    assert await asyncio.wait_for(ended(Steps(impatient())), 10) == "out of time"


async def test_all_its_steps_are_in_the_context_that_it_was_given() -> None:
    async def named() -> str:
        NAME.set("inside")
        await asyncio.sleep(0)
        seen = [NAME.get(), await asyncio.to_thread(NAME.get), await asyncio.create_task(name())]
        return ",".join(seen)

    async def name() -> str:
        return NAME.get()

    NAME.set("outside")
    assert await ended(Steps(named(), Context())) == "inside,inside,inside"
    assert NAME.get() == "outside"


async def test_one_that_nobody_waits_for_any_more_is_closed() -> None:
    closed = asyncio.Event()

    async def waits() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()
        return ""

    steps = Steps(waits())
    assert not steps.begin()
    rest = steps.rest()
    rest.send(None)
    rest.close()
    assert closed.is_set()
