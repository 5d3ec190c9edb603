"""``receive``: any framework's request, its answer, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.http import Headers, Request
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from moderation_ai.utils import WebhookHandler
from tests.kinds import new_store
from tests.webhooks.events import Book, envelope, made

SECRET = "a secret of tests"


@pytest.fixture
def handler() -> WebhookHandler:
    return WebhookHandler(secret=SECRET, store=new_store())


def ours(name: str = "generic", body: bytes | None = None, **changes: Any) -> Request:
    content = envelope() if body is None else body
    now = datetime.now(UTC)
    headers = Headers.of(find_platform(name).sign(content, SECRET, now))
    return Request(**{"path": f"/webhook/{name}", "body": content, "headers": headers, "received_at": now, **changes})


def starlette_request(chunks: AsyncIterator[dict[str, Any]], body: bytes = b"") -> StarletteRequest:
    headers = [
        (n.lower().encode(), v.encode())
        for n, v in find_platform("generic").sign(body, SECRET, datetime.now(UTC)).items()
    ]
    scope = {"type": "http", "method": "POST", "path": "/webhook/generic", "headers": headers, "query_string": b""}
    return StarletteRequest(scope, chunks.__anext__)


@pytest.mark.anyio
async def test_the_answer_has_what_a_frameworks_response_needs(handler: WebhookHandler) -> None:
    answer = await handler.receive(ours())
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.body == b'{"new":1,"duplicates":0,"ignored":0}'
    assert answer.headers == {"content-type": "application/json", "x-content-type-options": "nosniff"}
    assert tuple(answer) == (answer.body, answer.status, answer.headers)


@pytest.mark.anyio
async def test_an_answer_that_was_not_awaited_says_so(handler: WebhookHandler) -> None:
    answer = handler.receive(ours())
    with pytest.raises(RuntimeError, match=r"await handler\.receive"):
        _ = answer.status
    await answer


def test_without_a_loop_the_answer_is_there(handler: WebhookHandler) -> None:
    assert handler.receive(ours()).status == 200


@pytest.mark.anyio
async def test_a_refusal_is_an_answer(handler: WebhookHandler) -> None:
    for request, status in (
        (ours(headers=Headers.of({"X-Signature": "00"})), 401),
        (ours(path="/webhook/nowhere"), 404),
        (ours(method="PUT"), 405),
        (ours(body=b"x" * ((1 << 20) + 1)), 413),
    ):
        assert (await handler.receive(request)).status == status


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fields", [{"Content-Type": "multipart/form-data; boundary=b"}, {"Content-Encoding": "gzip"}], ids=str
)
async def test_what_would_have_to_be_unpacked_is_refused_before_it_is_read(
    handler: WebhookHandler, fields: dict[str, str]
) -> None:
    async def unread() -> AsyncIterator[dict[str, Any]]:
        raise AssertionError("the body was read")
        yield {}

    signed = ours().headers.raw
    named = Request(body=envelope(), headers=Headers([*signed, *Headers.of(fields).raw]), received_at=datetime.now(UTC))
    assert (await handler.receive(named, "generic")).status == 415
    theirs = starlette_request(unread())
    theirs.scope["headers"] += Headers.of(fields).raw
    assert (await handler.receive(theirs)).status == 415


@pytest.mark.anyio
async def test_platform_and_account_may_be_named(handler: WebhookHandler) -> None:
    named = WebhookHandler(secret=SECRET, store=new_store(), accounts={"instagram": {"shop": "178"}})
    body = b'{"object":"instagram","entry":[{"id":"178","changes":[{"field":"comments","value":{"id":"1"}}]}]}'
    request = ours("instagram", body, path="/elsewhere")
    assert (await named.receive(request, "instagram", "shop")).status == 200
    assert (await named.receive(request, "instagram", "nobody")).status == 404
    (event,) = await named.runtime().parts.store.events(EventFilter())
    assert event.account == "shop"


@pytest.mark.anyio
async def test_addresses_that_are_not_listed_are_refused() -> None:
    handler = WebhookHandler(secret=SECRET, store=new_store(), allowed_ips=["192.0.2.0/24"])
    assert (await handler.receive(ours(peer="192.0.2.1"))).status == 200
    assert (await handler.receive(ours(peer="198.51.100.1"))).status == 403


def test_a_handler_without_a_secret_receives_nothing() -> None:
    with pytest.raises(ConfigurationError, match="without a secret"):
        WebhookHandler(store=new_store()).receive(ours())


def test_unless_that_is_named() -> None:
    handler = WebhookHandler(store=new_store(), allow_unverified=True)
    assert handler.receive(ours(headers=Headers())).status == 200


@pytest.mark.parametrize("secret", ["", [""], ["a", ""], [None], 5, b"bytes"])
def test_an_empty_or_odd_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ConfigurationError):
        WebhookHandler(secret=secret)


@pytest.mark.anyio
@pytest.mark.parametrize("request_", [None, b"body", {}, object()], ids=str)
async def test_what_is_no_request_is_refused(handler: WebhookHandler, request_: Any) -> None:
    with pytest.raises(ConfigurationError, match="receive"):
        await handler.receive(request_)


@pytest.mark.anyio
async def test_a_body_without_end_is_read_to_the_limit_only() -> None:
    handler = WebhookHandler(secret=SECRET, store=new_store(), max_body=10_000)
    read = 0

    async def endless() -> AsyncIterator[dict[str, Any]]:
        nonlocal read
        while True:
            read += 1000
            yield {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    assert (await handler.receive(starlette_request(endless()))).status == 413
    assert read <= 12_000


@pytest.mark.anyio
async def test_a_client_that_leaves_before_its_body_is_complete_leaves_nothing(handler: WebhookHandler) -> None:
    async def cut_off() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": b"half", "more_body": True}
        yield {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await handler.receive(starlette_request(cut_off()))
    assert await handler.runtime().parts.store.events(EventFilter()) == []


@pytest.mark.anyio
async def test_a_client_that_leaves_after_its_body_loses_nothing(handler: WebhookHandler) -> None:
    book, begun = Book(), asyncio.Event()
    book.async_handler(handler)
    body = envelope("left")

    async def whole() -> AsyncIterator[dict[str, Any]]:
        begun.set()
        yield {"type": "http.request", "body": body, "more_body": False}
        yield {"type": "http.disconnect"}

    async def endpoint() -> None:
        await handler.receive(starlette_request(whole(), body))

    task = asyncio.create_task(endpoint())
    await begun.wait()
    task.cancel()
    await asyncio.to_thread(book.wait_for, 1)
    assert book.ids == ["left"]
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.anyio
async def test_handlers_of_received_events_run_on_the_loop_that_received(handler: WebhookHandler) -> None:
    book = Book()
    book.async_handler(handler)
    await handler.receive(ours())
    await asyncio.to_thread(book.wait_for, 1)
    assert book.loops == [asyncio.get_running_loop()]


@pytest.mark.anyio
async def test_receive_and_handle_know_each_others_events(handler: WebhookHandler) -> None:
    book = Book()
    book.async_handler(handler)
    await handler.handle(handler.parse_event(envelope(), "generic"))
    assert (await handler.receive(ours())).body == b'{"new":0,"duplicates":1,"ignored":0}'
    await handler.handle(made("other"))
    assert book.ids == ["c1", "other"]


@pytest.mark.anyio
async def test_a_hub_is_confirmed_the_topics_that_were_named() -> None:
    topic = "https://www.youtube.com/feeds/videos.xml?channel_id=UCours"
    handler = WebhookHandler(secret=SECRET, store=new_store(), topics=[topic])
    answers = []
    for asked in (topic, topic + "s"):
        query = urlencode({"hub.mode": "subscribe", "hub.topic": asked, "hub.challenge": "42"})
        answers.append(await handler.receive(ours("youtube", b"", method="GET", query=query)))
    assert [(answer.status, answer.body) for answer in answers[:1]] == [(200, b"42")]
    assert answers[1].status == 404


@pytest.mark.anyio
async def test_a_hubs_push_becomes_events_for_handlers_of_new_and_of_changed_posts() -> None:
    handler = WebhookHandler(secret=SECRET, store=new_store())
    seen: list[str] = []
    done = asyncio.Event()

    @handler.on("post.*")
    async def note(event: Any) -> None:
        seen.append(f"{event.event_type} {event.data.title}")
        if len(seen) == 2:
            done.set()

    platform = find_platform("youtube")
    changed = next(sample for sample in platform.samples(datetime.now(UTC), 1) if sample.name == "entry.changed")
    answer = await handler.receive(ours("youtube", changed.body))
    assert answer.body == b'{"new":2,"duplicates":0,"ignored":0}'
    async with asyncio.timeout(60):
        await done.wait()
    assert seen == ["post.created Why crust matters", "post.updated Why crust matters"]
