"""What handlers do wrong is in the report, ends nothing else, and is steered by what they raise."""

from __future__ import annotations

import asyncio
import threading

import pytest

from moderation_ai.core.errors import GiveUp, HandlerError, Retry
from moderation_ai.core.events import WebhookEvent
from moderation_ai.utils import WebhookHandler
from tests.kinds import new_store
from tests.webhooks.events import AT_ONCE, ONCE, Book, handle_now, made

ERRORS: list[tuple[BaseException, str]] = [
    (ValueError("x"), "ValueError: x"),
    (SystemExit(2), "SystemExit: 2"),
    (asyncio.CancelledError("mine"), "CancelledError: mine"),
    (BaseExceptionGroup("g", [SystemExit(1)]), "BaseExceptionGroup: g (1 sub-exception)"),
    (StopIteration("x"), "RuntimeError: coroutine raised StopIteration"),
]


@pytest.mark.parametrize(("error", "cause"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
def test_what_an_async_handler_raises_is_in_the_report(
    handler: WebhookHandler, error: BaseException, cause: str, with_loop: bool
) -> None:
    @handler.on("*", name="bad")
    async def bad(event: WebhookEvent) -> None:
        raise error

    report = handle_now(handler, made(), with_loop)
    assert [(attempt.state, attempt.error) for attempt in report.failures] == [("dead", cause)]


def test_ctrl_c_of_a_handlers_own_does_not_end_our_loop(handler: WebhookHandler, book: Book) -> None:
    @handler.on("comment.created", name="bad")
    async def bad(event: WebhookEvent) -> None:
        raise KeyboardInterrupt("of its own")

    book.async_handler(handler, "comment.updated")
    assert handler.handle(made()).result().failures[0].error == "KeyboardInterrupt: of its own"
    assert handler.handle(made("other", "comment.updated")).result().ok


def test_a_handler_whose_task_somebody_cancels_failed(handler: WebhookHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        running: asyncio.Future[asyncio.Task[object]] = asyncio.get_running_loop().create_future()

        @handler.on("*")
        async def bad(event: WebhookEvent) -> None:
            task = asyncio.current_task()
            assert task is not None
            if not running.done():
                running.set_result(task)
            await asyncio.Event().wait()

        handled = handler.handle(made())
        (await running).cancel()
        return (await handled).failures[0].error or ""

    assert asyncio.run(main()) == "CancelledError: its task was cancelled"


def test_several_failing_handlers_hide_no_other(handler: WebhookHandler, book: Book, with_loop: bool) -> None:
    @handler.on("*", name="first")
    async def first(event: WebhookEvent) -> None:
        raise KeyError("one")

    book.async_handler(handler)

    @handler.on("*", name="second")
    def second(event: WebhookEvent) -> None:
        raise OSError("two")

    book.plain_handler(handler)
    report = handle_now(handler, made(), with_loop)
    assert book.ids == ["c1", "c1"]
    assert not report.ok
    with pytest.raises(HandlerError) as caught:
        report.raise_for_failures()
    assert str(caught.value) == "2 of 4 attempts failed: first: KeyError: 'one'; second: OSError: two"


def test_an_async_handler_has_a_time_out_and_is_cancelled(handler: WebhookHandler, with_loop: bool) -> None:
    cancelled = threading.Event()

    @handler.on("*", timeout=0.05)
    async def hang(event: WebhookEvent) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    report = handle_now(handler, made(), with_loop)
    assert report.failures[0].error == "TimeoutError: it took longer than 0.05 s"
    assert cancelled.wait(10)


def test_a_plain_handler_has_a_time_out(handler: WebhookHandler, with_loop: bool) -> None:
    go_on = threading.Event()
    handler.on("*", name="hang", timeout=0.05)(lambda event: go_on.wait())
    report = handle_now(handler, made(), with_loop)
    go_on.set()
    assert report.failures[0].error == "TimeoutError: it took longer than 0.05 s"


def test_the_time_out_of_the_handler_object_is_the_default() -> None:
    handler = WebhookHandler(store=new_store(), timeout=0.05, retries=ONCE)

    @handler.on("*")
    async def hang(event: WebhookEvent) -> None:
        await asyncio.Event().wait()

    assert handler.handle(made()).result().failures


def test_give_up_and_retry_are_steered_by_the_handler(with_loop: bool) -> None:
    handler = WebhookHandler(store=new_store())

    @handler.on("*", name="gives up")
    async def gives_up(event: WebhookEvent) -> None:
        raise GiveUp("no use")

    @handler.on("*", name="later")
    async def later(event: WebhookEvent) -> None:
        raise Retry("busy", after=3600)

    report = handle_now(handler, made(), with_loop)
    states = {attempt.handler: attempt for attempt in report.attempts}
    assert states["gives up"].state == "dead"
    assert states["later"].state == "retry"
    assert (states["later"].due_at - states["later"].ran_at).total_seconds() == 3600
    assert list(report.statuses.values()) == ["retry"]


@pytest.mark.anyio
async def test_handle_returns_after_the_first_run_and_leaves_retries_to_the_worker(book: Book) -> None:
    handler = WebhookHandler(store=new_store(), retries=AT_ONCE)
    failed = []

    @handler.on("*")
    async def weak(event: WebhookEvent) -> None:
        if not failed:
            failed.append(event)
            raise ValueError("the first time fails")
        book.note(event)

    report = await handler.handle(made())
    assert list(report.statuses.values()) == ["retry"]
    await asyncio.to_thread(book.wait_for, 1)
    assert book.loops == [asyncio.get_running_loop()]
