"""Whatever a handler does ends as its attempt: time-outs, odd errors, odd functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.handling.calling import current_event
from tests.pipeline.stage import START, STEADY, Stage, created, deleted, label, updated

pytestmark = pytest.mark.anyio

ONCE = RetrySchedule(max_attempts=1)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I do not want to be written down")


ODD_ERRORS: list[tuple[Callable[[], BaseException], str]] = [
    (lambda: ValueError("plain"), "ValueError: plain"),
    (lambda: asyncio.CancelledError("of its own"), "CancelledError: of its own"),
    (lambda: SystemExit(3), "SystemExit: 3"),
    (lambda: BaseExceptionGroup("many", [SystemExit(1), ValueError("x")]), "BaseExceptionGroup: many (2 sub-"),
    (lambda: ExceptionGroup("many", [ValueError("x")]), "ExceptionGroup: many (1 sub-"),
    (lambda: StopIteration("ran dry"), "RuntimeError: coroutine raised StopIteration"),
    (lambda: StopAsyncIteration("ran dry"), "StopAsyncIteration: ran dry"),
    (lambda: TimeoutError("of its own"), "TimeoutError: of its own"),
    (lambda: ValueError("half a pair: \ud800"), "ValueError: half a pair: ?"),
    (lambda: ValueError("a\x00b"), "ValueError: a\x00b"),
    (lambda: ValueError("long " * 1000), "ValueError: long long"),
    (Unspeakable, "Unspeakable"),
]


# On a loop these two belong to whoever ends the loop; out of a thread they are a handler's like any other.
ONLY_FROM_THREADS: list[tuple[Callable[[], BaseException], str]] = [
    (lambda: GeneratorExit("odd"), "GeneratorExit: odd"),
    (lambda: KeyboardInterrupt("pressed by the handler"), "KeyboardInterrupt: pressed by"),
]
CASES = [(*case, is_async) for case in ODD_ERRORS for is_async in (True, False)]
CASES += [(*case, False) for case in ONLY_FROM_THREADS]


@pytest.mark.parametrize(("make", "cause", "is_async"), CASES)
async def test_whatever_a_handler_raises_is_its_attempts_error(
    make: Callable[[], BaseException], cause: str, is_async: bool
) -> None:
    async with Stage() as stage:

        def plain(event: WebhookEvent) -> None:
            raise make()

        async def waiting(event: WebhookEvent) -> None:
            await asyncio.sleep(0)
            raise make()

        stage.handlers.add(waiting if is_async else plain, ("comment.created",), name="odd", schedule=ONCE)
        stage.on(name="good")
        added = await stage.add(created("a"), updated("a"))
        await stage.quiet()
        attempt = await stage.attempt(added.seqs[0], "odd")
        assert attempt.state == "dead"
        assert attempt.error is not None
        if not is_async:
            cause = cause.replace("RuntimeError: coroutine raised StopIteration", "StopIteration: ran dry")
        assert attempt.error.startswith(cause)
        assert len(attempt.error) <= 500
        assert stage.ran == [("good", "a created"), ("good", "a updated=second")]
        assert await stage.statuses() == ["dead", "done"]


async def test_what_cannot_be_dispatched_is_a_dead_letter_and_its_lane_goes_on() -> None:
    beyond_numbers = RetrySchedule(max_attempts=9, first=1.0, factor=1e200, longest=5.0, jitter=0.0)
    async with Stage() as stage:
        stage.on("comment.created", act=lambda event: 1 / 0, schedule=beyond_numbers)
        added = await stage.add(created("a"))
        await stage.quiet()
        await stage.pass_time(5)
        await stage.pass_time(5)
        attempt = await stage.attempt(added.seqs[0])
        assert attempt.state == "dead"
        assert attempt.error == "OverflowError: (34, 'Numerical result out of range')"
        await stage.add(updated("a"))
        await stage.quiet()
        assert await stage.statuses() == ["dead", "unhandled"]


async def test_an_async_handler_that_takes_too_long_is_cancelled() -> None:
    ended: list[str] = []

    async def hang(event: WebhookEvent) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async with Stage() as stage:
        stage.on(act=hang, timeout=0.0, schedule=ONCE)
        added = await stage.add(created())
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).error == "TimeoutError: it took longer than 0 s"
        assert ended == ["cleaned up"]


async def test_a_plain_handler_that_takes_too_long_is_left_behind() -> None:
    go_on = threading.Event()

    def hang(event: WebhookEvent) -> None:
        go_on.wait()

    async with Stage() as stage:
        stage.handlers.add(hang, ("*",), name="h", timeout=0.05, schedule=ONCE)
        added = await stage.add(created())
        await stage.quiet()
        assert (await stage.attempt(added.seqs[0])).error == "TimeoutError: it took longer than 0.05 s"
        go_on.set()


async def test_a_plain_handler_runs_on_a_thread_of_its_own() -> None:
    threads: list[str] = []
    async with Stage() as stage:
        stage.handlers.add(lambda event: threads.append(threading.current_thread().name), ("*",), name="h")
        await stage.add(created())
        await stage.quiet()
        assert threads == ["moderation-ai"]
        assert threading.current_thread().name != "moderation-ai"


async def test_a_plain_handler_that_returns_a_coroutine_is_awaited() -> None:
    ran: list[str] = []

    async def later(event: WebhookEvent) -> None:
        ran.append(label(event))

    async with Stage() as stage:
        stage.handlers.add(lambda event: later(event), ("*",), name="h")
        await stage.add(created("a"))
        await stage.quiet()
        assert ran == ["a created"]


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_handler_may_ask_which_event_it_runs_for(kind: str) -> None:
    seen: list[str] = []

    def plain(event: WebhookEvent) -> None:
        about = current_event.get()
        seen.append(label(about) if about else "")

    async def waiting(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        plain(event)

    async with Stage() as stage:
        stage.handlers.add(plain if kind == "plain" else waiting, ("*",), name="h")
        await stage.add(created("a"), created("b"), deleted("a"))
        await stage.quiet()
        assert sorted(seen) == ["a created", "a deleted", "b created"]
    assert current_event.get() is None


class Callable_:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, event: WebhookEvent) -> None:
        self.seen.append(label(event))

    def method(self, event: WebhookEvent) -> None:
        self.seen.append(label(event))


class AsyncCallable(Callable_):
    async def __call__(self, event: WebhookEvent) -> None:  # type: ignore[override]  # as users have it
        self.seen.append(label(event))


def with_prefix(prefix: str, seen: list[str], event: WebhookEvent) -> None:
    seen.append(prefix + label(event))


async def with_prefix_later(prefix: str, seen: list[str], event: WebhookEvent) -> None:
    seen.append(prefix + label(event))


async def test_partials_and_callable_objects_are_handlers_with_a_name() -> None:
    seen: list[str] = []
    plain, waiting = Callable_(), AsyncCallable()
    async with Stage() as stage:
        names = [
            stage.handlers.add(function, ("*",)).name
            for function in (
                partial(with_prefix, "1 ", seen),
                partial(partial(with_prefix_later, "2 "), seen),
                plain,
                waiting,
                plain.method,
            )
        ]
        await stage.add(created("a"))
        await stage.quiet()
        assert await stage.statuses() == ["done"]
        assert sorted(seen) == ["1 a created", "2 a created"]
        assert plain.seen == ["a created"] * 2
        assert waiting.seen == ["a created"]
        here = __name__
        assert names == [
            f"{here}.with_prefix",
            f"{here}.with_prefix_later",
            f"{here}.Callable_",
            f"{here}.AsyncCallable",
            f"{here}.Callable_.method",
        ]


def test_one_function_may_be_registered_for_several_types() -> None:
    stage = Stage()
    seen = Callable_()
    for pattern in ("comment.created", "post.*"):
        stage.handlers.add(seen.method, (pattern,))
    (name,) = stage.handlers.names()
    handler = stage.handlers.named(name)
    assert handler is not None
    assert handler.patterns == ("comment.created", "post.*")


def test_two_handlers_of_one_name_are_refused() -> None:
    stage = Stage()
    stage.on(name="one")
    with pytest.raises(ConfigurationError, match="two handlers are called 'one'"):
        stage.on(name="one")


async def a_generator(event: WebhookEvent):  # type: ignore[no-untyped-def]  # the mistake that is meant
    yield event


def another_generator(event: WebhookEvent):  # type: ignore[no-untyped-def]  # the same without async
    yield event


@pytest.mark.parametrize("function", [a_generator, another_generator, "no function", None])
def test_what_would_never_run_is_refused_as_a_handler(function: object) -> None:
    with pytest.raises(ConfigurationError):
        Stage().handlers.add(function, ("*",))  # type: ignore[arg-type]  # what a user may do wrong


async def test_a_wildcard_takes_its_family_and_no_other() -> None:
    async with Stage() as stage:
        stage.on("comment.*", name="family")
        stage.on("comment.created", name="exact")
        stage.on("*", name="all")
        stage.on("com*", name="no pattern of ours")
        await stage.add(created("a"), deleted("b"))
        await stage.quiet()
        assert sorted(stage.ran) == [
            ("all", "a created"),
            ("all", "b deleted"),
            ("exact", "a created"),
            ("family", "a created"),
            ("family", "b deleted"),
        ]


async def test_runs_are_counted_by_handler_and_state() -> None:
    async with Stage() as stage:
        stage.on(name="good")
        stage.on(name="bad", act=lambda event: 1 / 0)
        await stage.add(created("a"))
        await stage.quiet()
        await stage.pass_time(10)
        assert dict(stage.dispatcher.tally.runs) == {("good", "done"): 1, ("bad", "retry"): 2}


def test_the_schedules_delays_grow_to_their_limit() -> None:
    schedule = RetrySchedule(max_attempts=100, first=1.0, factor=3.0, longest=50.0, jitter=0.0)
    assert [schedule.delay(n, 0.5) for n in range(1, 7)] == [1.0, 3.0, 9.0, 27.0, 50.0, 50.0]
    assert schedule.delay(99, 0.0) == 50.0
    assert schedule.delay(100, 0.0) is None
    assert STEADY.delay(1, 0.9) == 10.0
    assert START.tzinfo is not None


@pytest.mark.fuzz
@given(
    attempts=st.integers(1, 200),
    chance=st.floats(0, 1, exclude_max=True),
    first=st.floats(0, 1e4),
    factor=st.floats(1, 100),
    longest=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)
def test_a_delay_lies_within_its_jitter(
    attempts: int, chance: float, first: float, factor: float, longest: float, jitter: float
) -> None:
    schedule = RetrySchedule(max_attempts=201, first=first, factor=factor, longest=longest, jitter=jitter)
    delay = schedule.delay(attempts, chance)
    plain = structs.replace(schedule, jitter=0.0).delay(attempts, chance)
    assert delay is not None
    assert plain is not None
    assert 0 <= plain <= longest
    assert plain * (1 - jitter) - 1e-6 <= delay <= plain * (1 + jitter) + 1e-6
