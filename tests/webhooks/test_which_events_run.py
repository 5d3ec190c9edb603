"""Which events run, how often, and what is stored of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Added, Delivery, EventFilter
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.utils import WebhookHandler
from tests.kinds import lasting_url
from tests.webhooks.events import Book, envelope, handle_now, in_thread, made


@pytest.mark.anyio
async def test_a_parsed_event_runs_once(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    first = await handler.handle(handler.parse_event(envelope(), "generic"))
    again = await handler.handle(handler.parse_event(envelope(), "generic"))
    assert (first.duplicates, list(first.statuses)) == (0, ["evt_c1_comment.created"])
    assert (again.duplicates, again.statuses, again.attempts) == (1, {}, [])
    assert book.ids == ["c1"]


@pytest.mark.anyio
async def test_parsed_at_the_same_time_it_runs_once(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    reports = await asyncio.gather(*(handler.handle(handler.parse_event(envelope(), "generic")) for _ in range(20)))
    assert book.ids == ["c1"]
    assert sum(report.duplicates for report in reports) == 19


@pytest.mark.anyio
async def test_an_event_made_by_hand_runs_every_time(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    for _ in range(3):
        assert list((await handler.handle(made())).statuses.values()) == ["done"]
    event = made()
    for _ in range(2):
        await handler.handle(event)
    assert book.ids == ["c1"] * 5


@pytest.mark.anyio
async def test_an_event_made_by_hand_runs_every_time_at_the_same_time_too(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    reports = await asyncio.gather(*(handler.handle(made()) for _ in range(5)))
    assert book.ids == ["c1"] * 5
    assert all(report.ok and report.duplicates == 0 for report in reports)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "event",
    [
        WebhookEvent(),
        WebhookEvent(event_type="comment.created"),
        WebhookEvent(event_type="comment.deleted", data={"comment_id": "c9"}),
        WebhookEvent(event_type="of.ours", platform="of ours", data={"anything": [1, 2]}),
        WebhookEvent(event_type="comment.created", timestamp=datetime(2026, 3, 1), data={"comment": {"id": "n"}}),
        WebhookEvent(event_type="comment.created", timestamp="2026-03-01T12:00:00", data={"comment": {"id": "n"}}),
    ],
    ids=["nothing", "no subject", "a deletion", "of another kind", "a naive time", "a naive text"],
)
async def test_whatever_is_made_by_hand_can_be_handled(handler: WebhookHandler, event: WebhookEvent) -> None:
    seen: list[WebhookEvent] = []
    handler.on("*", name="note")(seen.append)
    assert (await handler.handle(WebhookEvent(event_type="comment.deleted", data={"comment_id": "n"}))).ok
    assert (await handler.handle(event)).ok
    assert seen[1].event_id
    assert seen[1].lane
    assert seen[1].received_at is not None


@pytest.mark.anyio
async def test_all_events_of_a_delivery_are_handled(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    body = b"[" + b",".join(envelope(comment_id) for comment_id in "abc") + b"]"
    event = handler.parse_event(body, "generic")
    assert [one.data.comment.id for one in (event, *event.rest)] == ["a", "b", "c"]
    report = await handler.handle(event)
    assert book.ids == ["a", "b", "c"]
    assert len(report.statuses) == 3
    stored = await handler.runtime().parts.store.events(EventFilter())
    assert await handler.runtime().parts.store.raw_body(stored[0].seq) == body


@pytest.mark.anyio
async def test_a_kind_that_we_have_no_use_for_is_neither_stored_nor_run(handler: WebhookHandler, book: Book) -> None:
    book.async_handler(handler)
    body = b'{"object":"instagram","entry":[{"id":"1","changes":[{"field":"story_insights","value":{}}]}]}'
    event = handler.parse_event(body, "instagram")
    assert (event.event_type, event.data.kind) == ("unknown", "story_insights")
    report = await handler.handle(event)
    assert (report.statuses, report.attempts) == ({}, [])
    assert await handler.runtime().parts.store.events(EventFilter()) == []


@pytest.mark.anyio
async def test_what_no_handler_takes_is_unhandled(handler: WebhookHandler) -> None:
    report = await handler.handle(made())
    assert list(report.statuses.values()) == ["unhandled"]
    assert report.ok


@pytest.mark.anyio
async def test_what_another_process_handles_is_known_to_who_waits_for_it(tmp_path: Path, book: Book) -> None:
    one, two = [WebhookHandler(store=lasting_url(tmp_path / "s.db")) for _ in range(2)]
    begun, go_on = asyncio.Event(), asyncio.Event()

    @one.on("comment.created", name="h")
    async def slow(event: WebhookEvent) -> None:
        begun.set()
        await go_on.wait()

    book.async_handler(one, "comment.updated", "comment.held")
    book.async_handler(two, "comment.updated", "comment.held")
    first = one.handle(made("same"))
    await begun.wait()
    second = two.handle(made("same", "comment.updated"))
    third = two.handle(two.parse_event(envelope("same", "comment.held"), "generic"))
    while len(await two.runtime().parts.store.events(EventFilter())) < 3:
        await asyncio.sleep(0.001)
    assert book.ids == []
    go_on.set()
    assert (await first).ok
    for report in (await second, await third):
        assert list(report.statuses.values()) == ["done"]
        assert [attempt.handler for attempt in report.attempts] == ["async"]
    assert book.ids == ["same", "same"]


# The store


class BusyStore(MemoryStore):
    async def add(self, delivery: Delivery, *, worker: str | None = None) -> Added:
        raise StoreBusy("the store is full")


@pytest.fixture
def busy() -> Iterator[WebhookHandler]:
    yield WebhookHandler(store=BusyStore())


def test_a_store_that_cannot_take_an_event_is_told_to_who_waits(
    busy: WebhookHandler, with_loop: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoreBusy):
        handle_now(busy, made(), with_loop)
    assert not [message for message in caplog.messages if "nobody waits" in message]


@pytest.mark.anyio
async def test_a_store_that_cannot_take_an_event_is_logged_where_nobody_waits(
    busy: WebhookHandler, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        handled = busy.handle(made())
        while "work that nobody waits for failed: StoreBusy: the store is full" not in caplog.messages:
            await asyncio.sleep(0.001)
    with pytest.raises(StoreBusy):
        await handled


def test_memory_is_warned_about_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODERATION_AI_STORE__URL", raising=False)
    for _ in range(2):
        in_thread(lambda: WebhookHandler().handle(made()))
    assert len([message for message in caplog.messages if "kept in memory alone" in message]) <= 1


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_AI_STORE__URL", f"sqlite:///{tmp_path}/named.db")
    assert WebhookHandler().handle(made()).result().statuses
    assert (tmp_path / "named.db").exists()
