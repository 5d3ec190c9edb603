"""Connections that are meant to confuse, to block or to exhaust; the parser's own table stands in tests/web."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.hostile.stage import Target, ask_each, raw, signed, target
from tests.platforms.fixtures import PLATFORMS
from tests.web.stage import LOOPS, Client, comment

GENERIC = next(platform for platform in PLATFORMS if platform.name == "generic")


@pytest.fixture(scope="module", params=LOOPS)
def gateway(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Serve on each kind of loop: half of these tests are about what a loop does with its sockets."""
    with target(new_loop=LOOPS[request.param]) as running:
        yield running


def posted(comment_id: str) -> bytes:
    body = comment(comment_id)
    return raw("/webhook/generic", signed(GENERIC, body), body)


def posted_with(comment_id: str, framing: bytes, content: bytes) -> bytes:
    """Return a signed request whose length is told by other fields than usual."""
    body = comment(comment_id)
    fields = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in signed(GENERIC, body))
    return b"POST /webhook/generic HTTP/1.1\r\nHost: a\r\n" + fields + framing + b"\r\n\r\n" + content


def smuggled() -> Iterator[tuple[str, bytes]]:
    """Yield requests that two servers could end at two places; behind each stands a good one, to be smuggled in."""
    body = comment("framed")
    size = len(body)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    lengths = b"Content-Length: %d\r\n" % size
    yield "a length and chunks", posted_with("framed", lengths + b"Transfer-Encoding: chunked", chunk)
    yield "chunks and a length", posted_with("framed", b"Transfer-Encoding: chunked\r\n" + lengths[:-2], chunk)
    yield "two lengths", posted_with("framed", lengths + b"Content-Length: 0", body)
    yield "two lengths in one", posted_with("framed", b"Content-Length: %d, 0" % size, body)
    yield "two codings", posted_with("framed", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunk)
    yield "chunked twice", posted_with("framed", b"Transfer-Encoding: chunked, chunked", chunk)
    yield "chunked and identity", posted_with("framed", b"Transfer-Encoding: chunked, identity", chunk)
    yield "a quoted coding", posted_with("framed", b'Transfer-Encoding: "chunked"', chunk)
    yield "a coding with a parameter", posted_with("framed", b"Transfer-Encoding: chunked;q=1", chunk)
    yield "a coding with a vertical tab", posted_with("framed", b"Transfer-Encoding: \x0bchunked", chunk)
    yield "a folded length", posted_with("framed", b"Content-Length:\r\n %d" % size, body)
    yield "a folded field", posted_with("framed", lengths + b"X: a\r\n\tb", body)
    yield "a bare LF between fields", posted_with("framed", b"X: a\nContent-Length: %d" % size, body)
    yield "a bare CR in a field", posted_with("framed", lengths + b"X: a\rb", body)
    yield "a space before the colon", posted_with("framed", b"Content-Length : %d" % size, body)
    yield "a tab before the colon", posted_with("framed", b"Transfer-Encoding\t: chunked", chunk)
    yield "a length with an underscore", posted_with("framed", b"Content-Length: %d_0" % size, body)
    yield "a length in other digits", posted_with("framed", "Content-Length: １２".encode(), body)
    for name, line in {
        "an underscore": b"%x_0" % size,
        "a plus": b"+%x" % size,
        "a minus": b"-%x" % size,
        "a prefix": b"0x%x" % size,
        "a comma": b"%x,0" % size,
        "other digits": "１２".encode(),
        "a leading tab": b"\t%x" % size,
        "more than 64 bits": b"f" * 17,
        "a bare LF in its extension": b"%x;a=\nb" % size,
    }.items():
        content = line + b"\r\n" + body + b"\r\n0\r\n\r\n"
        yield f"a chunk size with {name}", posted_with("framed", b"Transfer-Encoding: chunked", content)


SMUGGLED = dict(smuggled())


@pytest.mark.parametrize("data", SMUGGLED.values(), ids=SMUGGLED)
def test_smuggles_nothing(data: bytes, gateway: Target) -> None:
    before = gateway.counts()
    with Client(gateway.port) as client:
        answer = client.send(data + posted("smuggled")).answer()
        assert (answer.status, answer.fields["connection"]) == (400, "close")
        assert client.is_ended()
    assert gateway.counts() == before


def test_takes_no_extension_of_a_chunk_that_is_larger_than_a_head(gateway: Target) -> None:
    before = gateway.counts()
    body = comment("extended")
    # More than a loop reads at once (256 KiB): what comes whole in one piece has cost its memory already.
    content = b"%x;%b\r\n%b\r\n0\r\n\r\n" % (len(body), b"x" * 1_000_000, body)
    with Client(gateway.port) as client:
        assert client.send(posted_with("extended", b"Transfer-Encoding: chunked", content)).answer().status == 400
    assert gateway.counts() == before


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"x" * 40_000 + b"\r\n",
        b"X: y\r\n" * 200,
        b"Cookie: " + b"a=b;" * 20_000 + b"\r\n",
        b"".join(b"X-Signature-%d: sha256=00\r\n" % n for n in range(2000)),
        b"x" * 40_000 + b": y\r\n",
    ],
)
def test_answers_431_to_a_flood_of_fields_whoever_signed_it(head: bytes, gateway: Target) -> None:
    before = gateway.counts()
    line, rest = posted("flood").split(b"\r\n", 1)
    with Client(gateway.port) as client:
        assert client.send(line + b"\r\n" + head + rest).answer().status == 431
        assert client.is_ended()
    assert gateway.counts() == before


def test_answers_a_thousand_requests_that_came_at_once_in_order(gateway: Target) -> None:
    unsigned = raw("/webhook/generic", [], b"{}")
    with Client(gateway.port) as client:
        sender = threading.Thread(target=client.send, args=(unsigned * 999 + posted("last of a thousand"),))
        sender.start()
        assert [client.answer().status for _ in range(999)] == [401] * 999
        assert client.answer().status == 200
        sender.join()


def test_answers_a_client_that_has_closed_its_half(gateway: Target) -> None:
    with Client(gateway.port) as client:
        client.send(posted("half closed, first") + posted("half closed, second"))
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.answer().json["new"] for _ in range(2)] == [1, 1]
        assert client.is_ended()


@pytest.mark.parametrize("missing", [1, 20, 150, 300])
def test_lets_go_of_a_client_that_closes_its_half_before_the_end(missing: int, gateway: Target) -> None:
    before = gateway.counts()
    with Client(gateway.port) as client:
        client.send(posted("half of a half")[:-missing])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_ended()
    assert gateway.counts() == before


def test_lets_go_of_clients_that_are_gone_in_the_middle(gateway: Target) -> None:
    before = gateway.counts()
    whole = posted("gone in the middle")
    for end in range(1, len(whole), 37):
        client = Client(gateway.port).send(whole[:end])
        # Closed by a reset, as a machine does that lost its power and came back.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    [answer] = ask_each(gateway.port, [posted("not gone in the middle")])
    assert answer.status == 200
    assert gateway.counts().total == before.total + 1


SLOW = {
    "says nothing": b"",
    "half a request line": b"POST /webh",
    "half a head": posted("slow")[:120],
    "half a body": posted("slow")[:-20],
    "half a chunk": posted_with("slow", b"Transfer-Encoding: chunked", b"ffff\r\nabc"),
    "a body that waits to be asked for": posted_with("slow", b"Content-Length: 5\r\nExpect: 100-continue", b""),
}


@pytest.mark.parametrize("begun", SLOW.values(), ids=SLOW)
def test_answers_a_good_request_while_fifty_slow_senders_hold_on(begun: bytes, gateway: Target) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(Client(gateway.port)).send(begun) for _ in range(50)]
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.01):
                for client in slow:
                    with suppress(OSError):
                        client.socket.send(b"x")

        dripping = threading.Thread(target=drip)
        if begun:
            dripping.start()
        began = time.monotonic()
        statuses = [answer.status for answer in ask_each(gateway.port, [posted(f"good-{n}") for n in range(20)])]
        took = time.monotonic() - began
        stop.set()
        if begun:
            dripping.join()
        assert statuses == [200] * 20
        assert took < 9, "a good request had to wait for the slow ones' deadline"
