"""``WebhookRetry``: an event is tried until its handlers succeed, or have failed often enough."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.core.errors import GiveUp
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.stores.base import EventFilter
from moderation_ai.utils import WebhookHandler, WebhookRetry
from tests.kinds import new_store
from tests.webhooks.events import ONCE, Book, envelope, made


@pytest.fixture
def handler() -> WebhookHandler:
    return WebhookHandler(secret="s", store=new_store(), retries=RetrySchedule(first=3600))


def failing(handler: WebhookHandler, times: int, error: Exception | None = None) -> list[str]:
    runs: list[str] = []

    @handler.on("*", name="weak")
    async def weak(event: WebhookEvent) -> None:
        runs.append(event.data.comment.id)
        if len(runs) <= times:
            raise error or ValueError(f"failure {len(runs)}")

    return runs


@pytest.mark.anyio
async def test_an_event_is_tried_until_it_succeeds(handler: WebhookHandler) -> None:
    runs = failing(handler, 2)
    report = await WebhookRetry(max_retries=3, first=0.0).process_event(made())
    assert runs == ["c1"] * 3
    assert report.ok
    assert list(report.statuses.values()) == ["done"]


@pytest.mark.anyio
async def test_after_so_many_retries_it_is_a_dead_letter(handler: WebhookHandler) -> None:
    runs = failing(handler, 99)
    report = await WebhookRetry(max_retries=2, first=0.0).process_event(made())
    assert runs == ["c1"] * 3
    assert [(a.state, a.attempts, a.error) for a in report.failures] == [("dead", 3, "ValueError: failure 3")]
    letters = await handler.runtime().parts.store.dead_letters(EventFilter())
    assert len(letters) == 1


@pytest.mark.anyio
async def test_none_means_one_attempt(handler: WebhookHandler) -> None:
    runs = failing(handler, 99)
    await WebhookRetry(max_retries=0).process_event(made())
    assert len(runs) == 1


@pytest.mark.anyio
async def test_give_up_ends_it(handler: WebhookHandler) -> None:
    runs = failing(handler, 99, GiveUp("no use"))
    await WebhookRetry(max_retries=5, first=0.0).process_event(made())
    assert len(runs) == 1


@pytest.mark.anyio
async def test_an_event_that_failed_before_is_tried_again_by_who_failed() -> None:
    handler = WebhookHandler(store=new_store(), retries=ONCE)
    book = Book()
    book.async_handler(handler)
    runs = failing(handler, 2)
    event = handler.parse_event(envelope(), "generic")
    assert not (await handler.handle(event)).ok
    report = await WebhookRetry(max_retries=3, first=0.0).process_event(event)
    assert report.ok
    assert len(runs) == 3
    assert book.ids == ["c1"]
    assert (await WebhookRetry().process_event(event)).duplicates == 1
    assert len(runs) == 3


@pytest.mark.anyio
async def test_it_takes_over_what_waits_for_a_later_retry(handler: WebhookHandler) -> None:
    runs = failing(handler, 1)
    event = handler.parse_event(envelope(), "generic")
    assert list((await handler.handle(event)).statuses.values()) == ["retry"]
    assert (await WebhookRetry(first=0.0).process_event(event)).ok
    assert len(runs) == 2


@pytest.mark.anyio
async def test_not_awaited_it_is_done_all_the_same(handler: WebhookHandler) -> None:
    runs = failing(handler, 2)
    handled = WebhookRetry(first=0.0).process_event(made())
    while not handled.done():
        await asyncio.sleep(0.001)
    assert len(runs) == 3


def test_without_a_loop_it_is_done_when_it_returns(handler: WebhookHandler) -> None:
    runs = failing(handler, 2)
    assert WebhookRetry(first=0.0).process_event(made()).result().ok
    assert len(runs) == 3


@pytest.mark.anyio
async def test_all_events_of_a_delivery_are_tried_and_no_kind_without_use(handler: WebhookHandler) -> None:
    book = Book()
    book.async_handler(handler)
    both = handler.parse_event(b"[" + envelope("a") + b"," + envelope("b") + b"]", "generic")
    await WebhookRetry().process_event(both)
    assert book.ids == ["a", "b"]
    body = b'{"object":"instagram","entry":[{"id":"1","changes":[{"field":"messages","value":{}}]}]}'
    assert (await WebhookRetry().process_event(handler.parse_event(body, "instagram"))).statuses == {}


def test_the_pauses_grow_from_the_first(handler: WebhookHandler) -> None:
    schedule = WebhookRetry(max_retries=3, first=2.0, factor=3.0, handler=handler).schedule
    assert [schedule.delay(n, 0.5) for n in (1, 2, 3, 4)] == [2.0, 6.0, 18.0, None]
