"""The direct way: it takes what arrives whole, and answers to the byte what the usual way answers."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation_ai.core.http import Response
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.web.direct import DirectProtocol, Whole
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.limits import LimitedProtocol
from tests.kinds import new_store
from tests.web.stage import NOW, Client, comment, intake_on, post, request, served, signed
from tests.web.test_protocol import Taking, Wire, connect

BODY = comment("c1")
FORGED = {**signed(BODY), "X-Signature": "sha256=" + "0" * 64}

REQUESTS = {
    "new": post(BODY),
    "known": post(BODY),
    "kept alive by name": post(comment("c2"), headers={"Connection": "keep-alive"}),
    "to be closed": post(comment("c3"), headers={"Connection": "close"}),
    "forged": request("/webhook/generic", BODY, FORGED),
    "unsigned": request("/webhook/generic", BODY),
    "with a query": request("/webhook/generic?a=b", BODY, signed(BODY)),
    "in another spelling": request("/webhook/%67eneric/", BODY, signed(BODY)),
    "at no address": request("/elsewhere", BODY, signed(BODY)),
    "of a platform that is not here": request("/webhook/tiktok", BODY, signed(BODY)),
    "on the bare endpoint": request("/webhook", comment("c4"), signed(comment("c4"))),
    "in parts": post(BODY, headers={"Content-Type": "multipart/form-data; boundary=x"}),
    "compressed": post(BODY, headers={"Content-Encoding": "gzip"}),
    "not understood": post(b"[1, 2]"),
    "empty": post(b""),
    "a handshake": request("/webhook/twitter?crc_token=abc", method="GET"),
    "too old": post(BODY).replace(b" HTTP/1.1", b" HTTP/1.0"),
    **{
        f"of version {version}, with another one in a field": post(BODY, headers={"X-Other": "a HTTP/1.1"}).replace(
            b" HTTP/1.1", f" HTTP/{version}".encode(), 1
        )
        for version in ("0.9", "1.0", "2.0")
    },
}


def answer_of(protocol: type[LimitedProtocol], asked: list[bytes]) -> list[tuple[int, dict[str, str], bytes]]:
    """Return what each request is answered, one connection each, by a gateway of its own."""
    store = new_store()
    found = []
    with served(Gateway(intake_on(store), clock=ManualClock(NOW)), protocol, store) as running:
        for one in asked:
            with Client(running.port) as client:
                answer = client.send(one).answer()
            found.append((answer.status, {**answer.fields, "date": ""}, answer.body))
    return found


def test_answers_what_the_usual_way_answers() -> None:
    asked = list(REQUESTS.values())
    assert answer_of(DirectProtocol, asked) == answer_of(LimitedProtocol, asked)


def test_takes_what_arrives_whole_and_leaves_the_rest_to_the_usual_way() -> None:
    app = Taking()
    asyncio.run(_feed_each(app, [post(BODY), post(BODY, headers={"Connection": "keep-alive"}), post(BODY)]))
    assert app.taken == 3
    asyncio.run(_feed_each(app, [post(BODY, headers={"Connection": "close"})]))
    asyncio.run(_feed_each(app, [post(BODY, headers={"Expect": "100-continue"})]))
    asyncio.run(_feed_each(app, [post(BODY) + post(BODY), request("/", method="GET"), post(BODY)[:-1]]))
    assert app.taken == 3


async def _feed_each(app: Taking, pieces: list[bytes]) -> None:
    _, protocol = connect(app)
    for piece in pieces:
        protocol.data_received(piece)
        for _ in range(6):  # Let what was taken be answered.
            await asyncio.sleep(0)
    protocol.connection_lost(None)


class Waiting(Taking):
    """Answer when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Any] = []

    def take(self, target: bytes, fields: list[Any], body: bytes, peer: str | None, answer: Any) -> bool:
        self.answers.append(answer)
        return True


def begin() -> tuple[Wire, DirectProtocol, Any]:
    """Return a connection whose request waits for its answer, and what gives that."""
    app = Waiting()
    wire, protocol = connect(app)
    protocol.data_received(post(BODY))
    return wire, protocol, app.answers


def begin_nothing() -> DirectProtocol:
    return connect(Waiting())[1]


DONE = Response(200, b"done")


@pytest.mark.anyio
async def test_holds_back_what_comes_before_the_answer_and_answers_in_order() -> None:
    wire, protocol, answers = begin()
    protocol.data_received(post(BODY)[:50])
    protocol.data_received(post(BODY)[50:])
    assert (len(answers), wire.done) == (1, ["pause"])
    answers[0](DONE)
    assert (len(answers), wire.done[-1]) == (2, "resume")
    answers[1](Response(202, b"too"))
    assert wire.statuses() == [b"200", b"202"]
    protocol.connection_lost(None)


@pytest.mark.anyio
async def test_tells_nobody_where_the_client_is_gone() -> None:
    wire, protocol, answers = begin()
    protocol.connection_lost(None)
    protocol.connection_lost(None)  # as happens where it is we who gave the connection up
    answers[0](DONE)
    assert wire.written == b""


@pytest.mark.anyio
async def test_answers_what_is_in_flight_when_it_is_told_to_stop_and_closes() -> None:
    wire, protocol, answers = begin()
    protocol.shutdown()
    assert wire.done == []
    answers[0](DONE)
    assert b"connection: close\r\n" in wire.written
    assert wire.written.endswith(b"\r\n\r\ndone")
    assert wire.done == ["close"]


@pytest.mark.anyio
async def test_answers_a_client_that_has_closed_its_half_and_closes() -> None:
    wire, protocol, answers = begin()
    assert protocol.eof_received()
    answers[0](DONE)
    assert (wire.statuses(), wire.done) == ([b"200"], ["close"])
    assert not begin_nothing().eof_received()


@pytest.mark.anyio
@pytest.mark.parametrize("more", [post(BODY), post(BODY) + post(BODY)], ids=["one more", "two more"])
async def test_answers_all_that_was_asked_before_a_client_closed_its_half(more: bytes) -> None:
    app = Taking()
    wire, protocol = connect(app)
    protocol.data_received(post(BODY))
    protocol.data_received(more)
    assert protocol.eof_received()
    for _ in range(40):  # Let all be answered.
        await asyncio.sleep(0)
    assert wire.statuses() == [b"200"] * (1 + more.count(b"POST"))
    assert wire.done[-1] == "close"


@pytest.mark.anyio
async def test_closes_at_once_where_nothing_is_in_flight() -> None:
    wire, protocol, answers = begin()
    answers[0](DONE)
    protocol.shutdown()
    assert wire.done == ["close"]


@pytest.mark.anyio
async def test_answers_503_to_what_waits_for_too_long_at_the_end() -> None:
    wire, protocol, answers = begin()
    protocol.give_up()
    answers[0](DONE)
    assert wire.statuses() == [b"503"]


@pytest.mark.anyio
async def test_leaves_a_client_that_does_not_read_its_answers_to_the_usual_way() -> None:
    app = Taking()
    _, protocol = connect(app)
    protocol.pause_writing()
    protocol.data_received(post(BODY))
    assert app.taken == 0
    protocol.connection_lost(None)


@given(
    st.binary(max_size=80),
    st.sampled_from([b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"]),
)
@example(b"connection:close\r\n\r\n", b"POST / HTTP/1.1\r\n")
def test_reads_a_whole_request_after_whatever_came_before(junk: bytes, head: bytes) -> None:
    whole = Whole()
    whole.read(head + junk)
    assert whole.read(post(BODY))
    assert (whole.target, whole.body) == (b"/webhook/generic", BODY)
    assert dict(whole.fields)[b"content-length"] == str(len(BODY)).encode()


def test_long_spellings_of_an_address_fill_no_memory() -> None:
    gateway = Gateway(intake_on(new_store()), clock=ManualClock(NOW))
    statuses = set()
    tracemalloc.start()
    for number in range(200):
        target = b"/webhook/generic" + b"/" * (30_000 + number)
        assert gateway.take(target, [], b"", None, lambda answer: statuses.add(answer.status))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert statuses == {401}
    assert held < 1 << 20
