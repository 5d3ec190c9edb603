"""Serving: two ports in one process, opened together, stopped in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from moderation_ai.core.errors import AddressInUse, ConfigurationError
from moderation_ai.web.body import Message, Receive, Send
from moderation_ai.web.doors import bind, bound_to, url_of
from moderation_ai.web.servers import serve
from moderation_ai.web.state import State

pytestmark = pytest.mark.anyio


class Slow:
    """An app that answers when it is let."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.begun.set()
        await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


class Running:
    """``serve`` as a task, with what it told."""

    def __init__(self, gateway: Any, console: Any = None, drain: Callable[[], Awaitable[object]] | None = None) -> None:
        self.stop = asyncio.Event()
        self.state = State()
        self.told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self.drained = 0
        self._drain = drain
        self.task = asyncio.ensure_future(
            serve(
                gateway,
                console,
                bound=bind("127.0.0.1", 0),
                console_bound=bind("127.0.0.1", 0) if console is not None else (),
                drain=self.drain,
                ready=self.told.set_result,
                deadline=0.5,
                stop=self.stop,
                state=self.state,
                signals=False,
            )
        )

    async def drain(self) -> None:
        self.drained += 1
        if self._drain is not None:
            await self._drain()


async def ask(url: str, path: str = "/") -> bytes:
    """Return the status line and the rest of the answer of a GET on a connection of its own."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()


async def is_closed(url: str) -> bool:
    try:
        await ask(url)
    except ConnectionError:
        return True
    return False


def let_through() -> Slow:
    app = Slow()
    app.let.set()
    return app


async def test_tells_the_addresses_that_it_listens_on_and_serves_both() -> None:
    running = Running(let_through(), let_through())
    told = await running.told
    assert set(told) == {"gateway", "console"}
    assert running.state.status == "ready"
    assert running.state.addresses == told
    for url in told.values():
        assert (await ask(url)).startswith(b"HTTP/1.1 200 ")
    running.stop.set()
    assert await running.task is None
    assert running.drained == 1


async def test_serves_the_gateway_alone() -> None:
    running = Running(let_through())
    assert set(await running.told) == {"gateway"}
    running.stop.set()
    await running.task


async def test_answers_what_is_in_flight_then_drains_then_closes_the_console() -> None:
    draining, drained = asyncio.Event(), asyncio.Event()

    async def drain() -> None:
        draining.set()
        await drained.wait()

    slow = Slow()
    running = Running(slow, let_through(), drain)
    told = await running.told
    answer = asyncio.ensure_future(ask(told["gateway"]))
    await slow.begun.wait()
    running.stop.set()
    while running.state.status != "draining":
        await asyncio.sleep(0)
    assert running.drained == 0
    slow.let.set()
    assert (await answer).endswith(b"ok")
    await draining.wait()
    assert await is_closed(told["gateway"])
    assert (await ask(told["console"])).startswith(b"HTTP/1.1 200 ")
    drained.set()
    await running.task
    assert await is_closed(told["console"])


async def test_answers_503_to_what_takes_longer_than_the_deadline() -> None:
    slow = Slow()
    running = Running(slow)
    answer = asyncio.ensure_future(ask((await running.told)["gateway"]))
    await slow.begun.wait()
    running.stop.set()
    await running.task
    head = (await answer).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 503 ")
    assert b"retry-after: 5" in head
    assert b"connection: close" in head


async def test_stops_cleanly_when_it_is_cancelled() -> None:
    running = Running(let_through(), let_through())
    told = await running.told
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task
    assert running.drained == 1
    assert await is_closed(told["gateway"])
    assert await is_closed(told["console"])


def test_says_what_to_change_where_an_address_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"port {port}: another program does; end that one, or change the.port"):
            bind("127.0.0.1", port, "the.port")


def test_of_two_that_start_at_once_only_one_has_the_address() -> None:
    with bound_to("127.0.0.1", 0, "the.port") as bound, pytest.raises(AddressInUse):
        bind("127.0.0.1", bound[0].getsockname()[1], "the.port")


def test_lets_an_address_go_that_was_held_for_nothing() -> None:
    with bound_to("127.0.0.1", 0, "the.port") as bound:
        port = bound[0].getsockname()[1]
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_closes_the_console_even_if_draining_fails() -> None:
    async def drain() -> None:
        raise ValueError("a disk")

    running = Running(let_through(), let_through(), drain)
    told = await running.told
    running.stop.set()
    with pytest.raises(ValueError, match="a disk"):
        await running.task
    assert await is_closed(told["console"])


async def test_does_not_wait_for_connections_that_are_idle() -> None:
    running = Running(let_through())
    port = int((await running.told)["gateway"].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    running.stop.set()
    await running.task
    assert await reader.read() == b""
    writer.close()


def test_binds_every_address_of_a_name_on_one_port() -> None:
    bound = bind("localhost", 0)
    try:
        assert len({one.getsockname()[1] for one in bound}) == 1
        assert all(url_of(one).startswith("http://") for one in bound)
    finally:
        for one in bound:
            one.close()


@pytest.mark.parametrize("port", [-1, 65536])
def test_says_which_port_there_is_not(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"port {port}"):
        bind("127.0.0.1", port)


def test_names_the_protocol_of_its_sockets_so_that_answers_are_not_held_back() -> None:
    for one in bind("localhost", 0):
        # Without it asyncio does not set TCP_NODELAY, and a kept connection waits 40 ms for each answer's second half.
        assert one.proto == socket.IPPROTO_TCP
        one.close()
