"""``start``: the handler's own server, from its first request to its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.errors import AddressInUse, ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from moderation_ai.utils import WebhookHandler
from moderation_ai.webhooks.choosing import served_host, served_port
from tests.kinds import lasting_store, lasting_url
from tests.webhooks.events import Book, envelope
from tests.webhooks.serving import Reply, post

pytestmark = pytest.mark.anyio

SECRET = "a secret of tests"


@asynccontextmanager
async def started(handler: WebhookHandler, **options: Any) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    """Serve on a free port; yield it with the task that serves, which is cancelled at the end."""
    ready: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(handler.start(**{"port": 0, "ready": ready.set_result, **options}))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    address = (await ready)["gateway"]
    try:
        yield int(address.split("://")[1].split("/")[0].rpartition(":")[2]), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(port: int, body: bytes, path: str = "/webhook/generic") -> Reply:
    headers = find_platform("generic").sign(body, SECRET, datetime.now(UTC))
    return await asyncio.to_thread(post, port, path, body, headers)


async def test_handlers_run_on_the_loop_that_serves(tmp_path: Path) -> None:
    handler, book = WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db")), Book()
    book.async_handler(handler)
    book.plain_handler(handler)
    async with started(handler) as (port, _):
        assert (await send(port, envelope())).json() == {"new": 1, "duplicates": 0, "ignored": 0}
        await asyncio.to_thread(book.wait_for, 2)
    assert set(book.loops) == {asyncio.get_running_loop(), None}


async def test_the_endpoint_is_where_it_is_wanted(tmp_path: Path) -> None:
    handler = WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db"), endpoint="hooks/in/")
    async with started(handler) as (port, _):
        assert (await send(port, envelope(), "/hooks/in/generic")).status == 200
        assert (await send(port, envelope(), "/hooks/in")).status == 200
        assert (await send(port, envelope())).status == 404


async def test_its_end_lets_handlers_come_to_theirs(tmp_path: Path) -> None:
    store = lasting_url(tmp_path / "s.db")
    handler = WebhookHandler(secret=SECRET, store=store)
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @handler.on("*")
    async def slow(event: WebhookEvent) -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    async with started(handler) as (port, task):
        await send(port, envelope())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended.is_set()
    opened = lasting_store(tmp_path / "s.db")
    assert [event.status for event in await opened.events(EventFilter())] == ["done"]
    await opened.close()


async def test_it_serves_again_after_its_end(tmp_path: Path) -> None:
    handler, book = WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db")), Book()
    book.async_handler(handler)
    for number in (1, 2):
        async with started(handler) as (port, _):
            await send(port, envelope(f"c{number}"))
            await asyncio.to_thread(book.wait_for, number)
    assert book.ids == ["c1", "c2"]


async def test_only_listed_addresses_may_post(tmp_path: Path) -> None:
    store = lasting_url(tmp_path / "s.db")
    for allowed, status in ((["0.0.0.0/0"], 200), (["127.0.0.0/8"], 200), (["192.0.2.0/24"], 403), ([], 200)):
        async with started(WebhookHandler(secret=SECRET, store=store, allowed_ips=allowed)) as (port, _):
            assert (await send(port, envelope())).status == status


async def test_without_a_secret_it_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="without a secret"):
        await WebhookHandler().start(port=0)


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    handler = WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AddressInUse, match=f"port {taken.getsockname()[1]}.*change port=, or MODERATION_AI_SERVER"):
            await handler.start(port=taken.getsockname()[1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["http", "70000", "-1", "８０"])
async def test_a_port_that_is_none_is_told(port: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODERATION_AI_SERVER__PORT", port)
    with pytest.raises(ConfigurationError, match="MODERATION_AI_SERVER__PORT"):
        await WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db")).start()


async def test_a_file_may_say_where_events_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/said.db\n")
    monkeypatch.delenv("MODERATION_AI_STORE__URL", raising=False)
    monkeypatch.setenv("MODERATION_AI_STORE__URL_FILE", str(tmp_path / "url"))
    async with started(WebhookHandler(secret=SECRET)):
        assert (tmp_path / "said.db").exists()


async def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_AI_SERVER__PORT", "")
    monkeypatch.setenv("MODERATION_AI_SERVER__HOST", "")
    assert (served_host(None), served_port(None)) == ("127.0.0.1", 8080)


async def test_port_and_host_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_AI_SERVER__PORT", "0")
    monkeypatch.setenv("MODERATION_AI_SERVER__HOST", "127.0.0.2")
    handler = WebhookHandler(secret=SECRET, store=lasting_url(tmp_path / "s.db"))
    addresses: list[dict[str, str]] = []
    async with started(handler, port=None) as (port, _):
        assert port > 0
    ready = addresses.append
    task = asyncio.create_task(handler.start(ready=ready))
    while not addresses:
        await asyncio.sleep(0.001)
    task.cancel()
    assert "127.0.0.2" in addresses[0]["gateway"]
    await asyncio.gather(task, return_exceptions=True)
