"""``handle``: from wherever it is called, awaited or not, the work is done, once, on the right loop."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Delivery
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.utils import WebhookHandler
from tests.kinds import lasting_url
from tests.webhooks.events import ONCE, Book, envelope, made

OURS = "moderation-ai-loop"


# With a loop


@pytest.mark.anyio
async def test_awaited_it_returns_the_report(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    book.plain_handler(handler)
    report = await handler.handle(made())
    assert book.ids == ["c1", "c1"]
    assert list(report.statuses.values()) == ["done"]
    assert {attempt.handler: attempt.state for attempt in report.attempts} == {"async": "done", "plain": "done"}
    assert report.ok
    assert report.raise_for_failures() is report


@pytest.mark.anyio
async def test_async_handlers_run_on_the_callers_loop_and_plain_ones_on_threads(
    handler: WebhookHandler, book: Book
) -> None:
    book.async_handler(handler)
    await handler.handle(made())
    book.plain_handler(handler)
    await handler.handle(made())
    assert asyncio.get_running_loop() in book.loops
    assert book.loops.count(None) == 1
    assert book.threads.count("moderation-ai") == 1
    assert OURS not in book.threads


@pytest.mark.anyio
async def test_not_awaited_it_is_done_all_the_same(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    handled = handler.handle(made())
    while not handled.done():
        await asyncio.sleep(0.001)
    assert book.ids == ["c1"]
    assert (await handled).ok
    assert (await handled) == handled.result()


@pytest.mark.anyio
async def test_it_does_not_stop_the_loop_to_wait(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    handled = handler.handle(made())
    with pytest.raises(RuntimeError, match="await"):
        handled.result()
    await handled


@pytest.mark.anyio
async def test_a_caller_that_is_cancelled_loses_nothing(handler: WebhookHandler) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @handler.on("*")
    async def slow(event: WebhookEvent) -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    async def request() -> None:
        await handler.handle(made())

    task = asyncio.create_task(request())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await ended.wait()


@pytest.mark.anyio
async def test_many_at_once_open_the_store_once_and_each_run_once(book: Book) -> None:
    class CountingStore(MemoryStore):
        opened = 0

        async def open(self) -> None:
            self.opened += 1
            await super().open()

    store = CountingStore()
    handler = WebhookHandler(store=store)
    book.async_handler(handler)
    await asyncio.gather(*(handler.handle(made(f"c{number}")) for number in range(100)))
    assert sorted(book.ids) == sorted(f"c{number}" for number in range(100))
    assert store.opened == 1


def test_one_loop_after_the_other(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)

    async def main(comment_id: str) -> asyncio.AbstractEventLoop:
        await handler.handle(made(comment_id))
        return asyncio.get_running_loop()

    loops = [asyncio.run(main(comment_id)) for comment_id in ("a", "b", "c")]
    assert book.ids == ["a", "b", "c"]
    assert book.loops == loops


def test_a_loop_that_ends_before_the_handler_begins_loses_nothing(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)

    async def main() -> None:
        handler.handle(made())

    for count in (1, 2, 3):
        asyncio.run(main())
        book.wait_for(count)
    assert book.ids == ["c1"] * 3


def test_a_loop_that_ends_in_the_middle_of_a_handler_loses_nothing(handler: WebhookHandler, book: Book) -> None:
    runs: list[str] = []
    begun = asyncio.Event()

    @handler.on("*")
    async def slow(event: WebhookEvent) -> None:
        runs.append(threading.current_thread().name)
        if len(runs) == 1:
            begun.set()
            await asyncio.Event().wait()
        book.note(event)

    async def main() -> None:
        handler.handle(made())
        await begun.wait()

    asyncio.run(main())
    book.wait_for(1)
    assert runs == ["MainThread", OURS]


@pytest.mark.parametrize("close", [True, False])
def test_a_loop_that_was_stopped_with_queued_work_loses_nothing(
    handler: WebhookHandler, book: Book, close: bool
) -> None:
    book.async_handler(handler)
    loop = asyncio.new_event_loop()

    async def main() -> None:
        handler.handle(made())

    loop.run_until_complete(main())
    if close:
        loop.close()
    book.wait_for(1)
    assert book.threads == [OURS]
    loop.close()


# Without a loop


def test_without_a_loop_it_is_done_when_it_returns(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    book.plain_handler(handler)
    handled = handler.handle(made())
    assert handled.done()
    assert sorted(book.threads) == ["moderation-ai", OURS]
    assert handled.result().ok
    assert handled.result(timeout=0).ok


@pytest.mark.anyio
async def test_from_a_thread_while_a_loop_runs_handlers_run_on_that_loop(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    await handler.handle(made("a"))
    report = (await asyncio.to_thread(handler.handle, made("b"))).result()
    assert report.ok
    assert book.loops == [asyncio.get_running_loop()] * 2


@pytest.mark.anyio
async def test_from_a_thread_while_a_foreign_loop_runs_handlers_run_on_ours(
    handler: WebhookHandler, book: Book
) -> None:
    book.async_handler(handler)
    await asyncio.to_thread(handler.handle, made())
    assert book.threads == [OURS]


def test_many_threads_at_once(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    threads = [threading.Thread(target=handler.handle, args=(made(f"c{number}"),)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(book.ids) == sorted(f"c{number}" for number in range(30))


# Handlers inside handlers


@pytest.mark.anyio
@pytest.mark.parametrize("comment_id", ["same", "other"])
async def test_an_async_handler_may_handle_another_event(handler: WebhookHandler, book: Book, comment_id: str) -> None:
    statuses: list[str] = []

    @handler.on("comment.created")
    async def outer(event: WebhookEvent) -> None:
        report = await handler.handle(made(comment_id, "comment.updated"))
        statuses.extend(report.statuses.values())

    book.async_handler(handler, "comment.updated")
    assert (await handler.handle(made("same"))).ok
    assert statuses == ["pending" if comment_id == "same" else "done"]
    await asyncio.to_thread(book.wait_for, 1)


@pytest.mark.parametrize("comment_id", ["same", "other"])
def test_a_plain_handler_may_handle_another_event(handler: WebhookHandler, book: Book, comment_id: str) -> None:
    statuses: list[str] = []

    @handler.on("comment.created")
    def outer(event: WebhookEvent) -> None:
        statuses.extend(handler.handle(made(comment_id, "comment.updated")).result().statuses.values())

    book.plain_handler(handler, "comment.updated")
    assert handler.handle(made("same")).result().ok
    assert statuses == ["pending" if comment_id == "same" else "done"]
    book.wait_for(1)


@pytest.mark.anyio
async def test_a_chain_of_handlers_that_comes_back_to_its_first_object_ends(
    handler: WebhookHandler, book: Book
) -> None:
    statuses: list[str] = []

    @handler.on("comment.*")
    async def chain(event: WebhookEvent) -> None:
        following = {("a", "created"): "b", ("b", "updated"): "a"}
        wanted = following.get((event.data.comment.id, event.event_type.rpartition(".")[2]))
        book.note(event)
        if wanted:
            report = await handler.handle(made(wanted, "comment.updated" if wanted == "b" else "comment.held"))
            statuses.extend(report.statuses.values())

    assert (await handler.handle(made("a"))).ok
    await asyncio.to_thread(book.wait_for, 3)
    assert book.ids == ["a", "b", "a"]
    assert statuses == ["pending", "done"]


# Context variables


request_id: ContextVar[str] = ContextVar("request_id", default="nobody's")


@pytest.mark.anyio
async def test_handlers_see_the_context_variables_of_who_called_and_of_no_other(handler: WebhookHandler) -> None:
    seen: list[tuple[str, str]] = []

    @handler.on("*", name="async")
    async def note(event: WebhookEvent) -> None:
        seen.append((event.text or "", request_id.get()))
        request_id.set("changed by a handler")

    @handler.on("*", name="plain")
    def note_too(event: WebhookEvent) -> None:
        seen.append((event.text or "", request_id.get()))

    async def request(name: str) -> None:
        request_id.set(name)
        await handler.handle(made("one comment", text=name))

    await asyncio.gather(*(request(f"request {number}") for number in range(10)))
    assert len(seen) == 20
    assert [text for text, _ in seen] == [variable for _, variable in seen]


@pytest.mark.anyio
async def test_events_that_nobody_waits_for_see_nobodys_context_variables(handler: WebhookHandler, book: Book) -> None:
    seen: list[str] = []

    @handler.on("*")
    async def note(event: WebhookEvent) -> None:
        seen.append(request_id.get())
        book.note(event)

    request_id.set("the first request's")
    await handler.handle(made("first"))
    body = envelope("second")
    await handler.runtime().parts.store.add(_delivery(handler, body))
    handler.runtime().parts.worker.wake()
    await asyncio.to_thread(book.wait_for, 2)
    assert seen == ["the first request's", "nobody's"]


def _delivery(handler: WebhookHandler, body: bytes) -> Delivery:
    event = handler.parse_event(body, "generic")
    assert event.received_at is not None
    from moderation_ai.core.events import KeyedEvent

    keyed = KeyedEvent(event, event.__dict__["key"])
    return Delivery(platform="generic", received_at=event.received_at, body=body, events=[keyed])


@pytest.mark.anyio
async def test_half_a_character_in_a_comment_does_not_keep_it_from_the_handlers(tmp_path: Path) -> None:
    seen: list[str | None] = []
    handler = WebhookHandler(secret="s", store=lasting_url(tmp_path / "halves.db"), retries=ONCE)
    handler.on("comment.*")(lambda event: seen.append(event.text))
    assert (await handler.handle(made(text="spam \ud800"))).ok
    assert seen == ["spam \ufffd"]
