"""Connections that are kept: few, each used again while it is good, never where that could hide what happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from moderation_ai.core.calls import Call, Field
from moderation_ai.core.errors import OutcomeUnknown, PlatformUnavailable
from moderation_ai.core.flows import Outgoing
from moderation_ai.sender import AT_ONCE, Sender

pytestmark = pytest.mark.anyio

X = ("api.x.com",)
LOOK = Outgoing(call="posts", method="GET", url="https://api.x.com/2/tweets?token=hidden-here")


class Server:
    """Answer on kept connections; tells how many there were and are, and what was asked."""

    def __init__(self) -> None:
        self.made = 0
        self.open = 0
        self.most = 0
        self.asked: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.hangs_up = False
        self.speaks = True
        self.changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        await self._note(1)
        try:
            while self.speaks:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head)
                await self.gate.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
                if self.hangs_up:
                    break
            else:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            await self._note(-1)

    async def _note(self, change: int) -> None:
        async with self.changed:
            self.open += change
            self.most = max(self.most, self.open)
            self.changed.notify_all()

    async def until_open(self, number: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.open == number)


@asynccontextmanager
async def served(**arguments: Any) -> AsyncIterator[tuple[Server, Sender, str]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    sender = Sender(stand_ins={"api.x.com": f"http://127.0.0.1:{port}"}, **{"timeout": 30, "connect": 30, **arguments})
    try:
        yield server, sender, f"127.0.0.1:{port}"
    finally:
        server.gate.set()
        listening.close()
        await sender.close()  # also where the test failed, which this must not hide
        await server.until_open(0)


async def test_a_sender_that_is_open_uses_a_connection_again() -> None:
    async with served() as (server, sender, _):
        sender.open()
        for _ in range(5):
            assert (await sender.send(LOOK, X)).status == 200
        assert (server.made, len(server.asked)) == (1, 5)
        await sender.close()
        await server.until_open(0)


async def test_one_that_is_not_has_a_connection_for_each_request_and_leaves_none() -> None:
    async with served() as (server, sender, _):
        for _ in range(3):
            await sender.send(LOOK, X)
        assert server.made == 3
        await server.until_open(0)


async def test_it_is_closed_when_all_who_opened_it_have_closed_it() -> None:
    async with served() as (server, sender, _):
        sender.open()
        sender.open()
        await sender.send(LOOK, X)
        await sender.close()
        await sender.send(LOOK, X)
        assert server.made == 1
        await sender.close()
        await server.until_open(0)
        await sender.send(LOOK, X)
        assert server.made == 2


async def test_there_are_never_more_connections_to_a_host_than_allowed() -> None:
    async with served() as (server, sender, _):
        sender.open()
        answers = await asyncio.gather(*(sender.send(LOOK, X) for _ in range(AT_ONCE * 4)))
        assert {answer.status for answer in answers} == {200}
        assert server.most <= AT_ONCE
        await sender.close()


async def test_who_waits_for_a_free_connection_in_vain_has_sent_nothing() -> None:
    async with served(connect=0.2) as (server, sender, _):
        sender.open()
        server.gate.clear()
        busy = [asyncio.create_task(sender.send(LOOK, X)) for _ in range(AT_ONCE)]
        await server.until_open(AT_ONCE)
        with pytest.raises(PlatformUnavailable) as raised:
            await sender.send(LOOK, X)
        assert not isinstance(raised.value, OutcomeUnknown)
        server.gate.set()
        await asyncio.gather(*busy)
        assert len(server.asked) == AT_ONCE
        await sender.close()


async def test_a_host_with_which_nobody_gets_connected_costs_the_time_for_that_alone() -> None:
    async with served(connect=0.2) as (server, sender, host):
        server.speaks = False  # It takes the connection, and never answers the handshake.
        with pytest.raises(PlatformUnavailable, match="cannot be reached") as raised:
            await sender.send(replace(LOOK, url=f"https://{host}/"), ("127.0.0.1",))
        assert not isinstance(raised.value, OutcomeUnknown)


async def test_what_was_sent_and_not_answered_is_an_unknown_outcome_on_a_kept_connection_too() -> None:
    async with served(timeout=0.5) as (server, sender, _):
        sender.open()
        await sender.send(LOOK, X)
        server.gate.clear()
        with pytest.raises(OutcomeUnknown):
            await sender.send(LOOK, X)
        server.gate.set()
        assert (await sender.send(LOOK, X)).status == 200
        await sender.close()


async def test_a_kept_connection_that_the_other_side_closed_is_not_used() -> None:
    async with served() as (server, sender, _):
        sender.open()
        server.hangs_up = True
        for _ in range(5):
            await sender.send(LOOK, X)
            await server.until_open(0)
            await asyncio.sleep(0)
        assert server.made == 5
        await sender.close()


async def test_what_must_not_arrive_twice_has_a_connection_of_its_own() -> None:
    async with served() as (server, sender, _):
        sender.open()
        await sender.send(LOOK, X)
        for _ in range(2):
            await sender.send(replace(LOOK, once=True), X)
        assert server.made == 3
        await sender.close()


@pytest.mark.parametrize(("effect", "once"), [("reads", False), ("sets", False), ("adds", True)])
def test_a_table_says_what_must_not_arrive_twice(effect: Any, once: bool) -> None:
    call = Call(
        name="c", method="POST", url="https://a.example/", fields=(Field("t", "json"),), effect=effect, source=""
    )
    assert call.request({"t": "x"}).once is once


async def test_no_cookie_goes_from_one_account_to_another() -> None:
    async with served() as (server, sender, _):
        sender.open()
        for _ in range(2):
            await sender.send(LOOK, X)
        assert not [head for head in server.asked if b"cookie" in head.lower()]
        await sender.close()


async def test_no_log_tells_an_address_in_which_a_token_may_stand(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as (_, sender, host):
        sender.open()
        with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "httpx2"):
            await sender.send(LOOK, X)
            await sender.send(replace(LOOK, once=True), X)
        assert "hidden-here" not in caplog.text
        async with httpx2.AsyncClient(trust_env=False) as theirs:
            with caplog.at_level(logging.INFO, "httpx2"):
                await theirs.get(f"http://{host}/their-own")
        assert "their-own" in caplog.text, "and what others send is told as before"
        await sender.close()


async def test_each_loop_has_its_own_connections() -> None:
    async with served() as (server, sender, _):
        sender.open()
        await sender.send(LOOK, X)
        await asyncio.to_thread(lambda: asyncio.run(sender.send(LOOK, X)))
        await sender.send(LOOK, X)
        assert server.made == 2
        await sender.close()
