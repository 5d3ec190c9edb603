"""The protocol, fed without a network: any bytes, cut anywhere."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from moderation_ai.core.http import Response
from moderation_ai.web.body import Body, Gone, Message, Receive, Send
from moderation_ai.web.direct import DirectProtocol
from moderation_ai.web.lingering import MOST, Lingering
from tests.web.stage import request


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.protocol: Any = None
        self.done: list[str] = []

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return "close" in self.done

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def statuses(self) -> list[bytes]:
        return re.findall(rb"HTTP/1\.1 (\d{3}) ", self.written)


async def count(scope: Message, receive: Receive, send: Send) -> None:
    """Answer how long the body was."""
    try:
        size = len(await Body(receive).read(1 << 20))
    except Gone:
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"%07d" % size})


class Taking:
    """The same app, with a direct way: it answers in a later turn of the loop."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await count(scope, receive, send)

    def take(self, target: bytes, fields: list[Any], body: bytes, peer: str | None, answer: Any) -> bool:
        self.taken += 1
        answered = Response(200, b"%07d" % len(body))
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(answer, answered))
        return True


def connect(app: Any = count) -> tuple[Wire, DirectProtocol]:
    """Return a connection to ``app`` on the running loop."""
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, interface="asgi3", proxy_headers=False)
    config.load()
    wire = Wire()
    wire.protocol = DirectProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    wire.protocol.connection_made(wire)
    return wire, wire.protocol


async def feed(pieces: list[bytes], app: Any = count) -> Wire:
    wire, _ = connect(app)
    for piece in pieces:
        if "close" not in wire.done:
            wire.protocol.data_received(piece)
        for _ in range(6):  # Let what was started answer.
            await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    wire.protocol.connection_lost(None)
    return wire


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    starts = [0, *ends[:-1]]
    return [data[start:end] for start, end in zip(starts, ends, strict=True) if end > start]


BODIES = st.binary(max_size=300)


def whole(body: bytes, is_chunked: bool) -> bytes:
    if not is_chunked:
        return request("/", body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]) if part)
    return request("/", headers={"Transfer-Encoding": "chunked"}, length=False) + chunks + b"0\r\n\r\n"


ASKED = st.lists(st.tuples(BODIES, st.booleans()), min_size=1, max_size=5)


@pytest.mark.parametrize("app", [count, Taking()], ids=["asgi", "direct"])
@given(asked=ASKED, places=st.lists(st.integers(0, 5000), max_size=12), together=st.booleans())
def test_reads_requests_alike_wherever_they_are_cut(
    app: Any, asked: list[tuple[bytes, bool]], places: list[int], together: bool
) -> None:
    each = [whole(body, is_chunked) for body, is_chunked in asked]
    pieces = cut(b"".join(each), places) if together else [piece for one in each for piece in cut(one, places)]
    wire = asyncio.run(feed(pieces, app))
    assert wire.statuses() == [b"200"] * len(asked)
    answers = wire.written.split(b"\r\n\r\n")[1:]
    assert [int(answer[:7]) for answer in answers] == [len(body) for body, _ in asked]


PARTS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"GET / HTTP/1.1\r\n",
            b"POST / HTTP/1.1\r\n",
            b"Host: a\r\n",
            b"Content-Length: 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: upgrade\r\nUpgrade: h2c\r\n",
            b"Connection: close\r\n",
            b"Expect: 100-continue\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"0\r\n\r\n",
            b"X: " + b"x" * 20_000 + b"\r\n",
            b"X: 1\r\n" * 60,
        ]
    ),
)


@pytest.mark.parametrize("app", [count, Taking()], ids=["asgi", "direct"])
@given(parts=st.lists(PARTS, max_size=12), places=st.lists(st.integers(0, 100_000), max_size=8))
def test_answers_any_bytes_with_what_is_no_error_of_ours(app: Any, parts: list[bytes], places: list[int]) -> None:
    wire = asyncio.run(feed(cut(b"".join(parts), places), app))
    assert set(wire.statuses()) <= {b"100", b"200", b"400", b"431"}


@pytest.mark.anyio
async def test_lets_go_of_a_client_that_does_not_take_its_answer() -> None:
    wire, protocol = connect()
    protocol.transport.close()
    protocol._deadline = 0.0
    protocol._look()
    assert wire.done == ["close", "abort"]
    protocol.connection_lost(None)


@pytest.mark.anyio
async def test_does_not_blame_a_client_for_what_waits_for_us() -> None:
    wire, protocol = connect()
    protocol.data_received(request("/", b"abc")[:-1])
    protocol.flow.pause_reading()
    protocol._deadline = 0.0
    protocol._look()
    assert wire.statuses() == []
    assert protocol._deadline > 0.0
    protocol.connection_lost(None)


@pytest.mark.anyio
async def test_writes_nothing_into_an_answer_that_has_begun() -> None:
    async def half(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
        await asyncio.Event().wait()

    wire, protocol = connect(half)
    protocol.data_received(request("/", b"abc"))
    for _ in range(6):
        await asyncio.sleep(0)
    protocol.give_up()
    assert wire.statuses() == [b"200"]
    assert wire.done[-1] == "close"
    for task in protocol.tasks:
        task.cancel()


@pytest.mark.anyio
async def test_has_no_patience_with_who_writes_on_and_on_after_the_answer() -> None:
    wire = Wire()
    lingering = Lingering(wire, asyncio.get_running_loop())
    for _ in range(5):
        lingering.data_received(bytes(MOST // 4))
    assert wire.done == ["eof", "abort"]
    lingering.connection_lost(None)
