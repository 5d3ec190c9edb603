"""What the protocol refuses: heads that are too large, what never comes, and what could be read in two ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from moderation_ai.web.direct import DirectProtocol
from moderation_ai.web.limits import Limits
from tests.web.stage import Client, NewLoop, Served, ask, comment, gateway, post, request, signed

HEAD = 32 << 10


class Impatient(DirectProtocol):
    limits = Limits(message=0.3, idle=0.6)


@pytest.fixture(scope="module")
def impatient(new_loop: NewLoop) -> Iterator[Served]:
    with gateway(protocol=Impatient, new_loop=new_loop) as running:
        yield running


def padded(size: int, comment_id: str = "padded") -> bytes:
    """Return a signed request whose head has so many bytes, as we count them."""
    body = comment(comment_id)
    head = post(body)[: -len(body)]
    fields = head.split(b"\r\n")[1:-2]
    counted = len("/webhook/generic") + sum(len(field) + 2 for field in fields)
    padding = size - counted - len("X-Padding") - 4
    return head[:-2] + b"X-Padding: " + b"x" * padding + b"\r\n\r\n" + body


def in_pieces(client: Client, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        client.send(data[start : start + size])


def test_takes_a_head_of_the_limit_and_refuses_one_byte_more(port: int) -> None:
    assert ask(port, padded(HEAD)).status == 200
    answer = ask(port, padded(HEAD + 1))
    assert (answer.status, answer.fields["connection"]) == (431, "close")
    assert answer.fields["x-content-type-options"] == "nosniff"
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize("piece", [1000, 1 << 20])
@pytest.mark.parametrize("size", [40_000, 200_000, 3_000_000])
def test_answers_431_however_a_large_head_comes(port: int, size: int, piece: int) -> None:
    with Client(port) as client:
        in_pieces(client, padded(size), piece)
        assert client.answer().status == 431
        assert client.is_ended()


def test_answers_431_to_a_head_that_has_no_end(port: int) -> None:
    for start in (
        b"GET /" + b"x" * 40_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"a" * 40_000,
    ):
        assert ask(port, start).status == 431


def test_answers_431_to_too_many_fields(port: int) -> None:
    many = {f"X-{number}": "x" for number in range(200)}
    assert ask(port, post(comment("fields"), headers=many)).status == 431


def test_counts_each_head_for_itself_on_a_kept_connection(port: int) -> None:
    with Client(port) as client:
        for number in range(4):
            assert client.send(padded(20_000, f"kept-{number}")).answer().status == 200
        in_pieces(client, padded(30_000, "kept-pieces"), 7000)
        assert client.answer().status == 200
        client.send(padded(30_000, "kept-two") + padded(30_000, "kept-three")[:-20])
        assert client.answer().status == 200
        assert client.send(padded(30_000, "kept-three")[-20:]).answer().status == 200


HOSTILE = {
    "both lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, chunked first": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0",
    "two equal lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "two different lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nab",
    "a signed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nab",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nab",
    "a length in hex": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\nab",
    "no length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nab",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nab",
    "a bare LF after the request line": b"POST / HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF after a field": b"POST / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare LF at the end": b"POST / HTTP/1.1\r\nHost: a\r\n\n",
    "a bare CR": b"POST / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a folded field": b"POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "a folded coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nab",
    "a space before the first field": b"POST / HTTP/1.1\r\n Host: a\r\n\r\n",
    "no name": b"POST / HTTP/1.1\r\n: a\r\n\r\n",
    "a zero byte": b"POST / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "chunked that is not last": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0",
    "a look-alike of chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "a method that is none": b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "a tab in the path": b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in the path": b"GET /a\xff HTTP/1.1\r\nHost: a\r\n\r\n",
}
CHUNKS = {
    "a negative size": b"-1\r\nab\r\n0\r\n\r\n",
    "a prefixed size": b"0x2\r\nab\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"ffffffffffffffff1\r\nab\r\n0\r\n\r\n",
    "a size with a space": b"2 \r\nab\r\n0\r\n\r\n",
    "no size": b"\r\nab\r\n0\r\n\r\n",
    "a bare LF after the size": b"2\nab\r\n0\r\n\r\n",
    "nothing after the content": b"2\r\nab0\r\n\r\n",
    "a bare LF in an extension": b"2;a\nb\r\nab\r\n0\r\n\r\n",
    "a length among the trailers": b"2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_answers_400_to_what_could_be_read_in_two_ways_and_closes(port: int, data: bytes) -> None:
    with Client(port) as client:
        answer = client.send(data).answer()
        assert (answer.status, answer.fields["connection"]) == (400, "close")
        assert client.send(post(comment("smuggled"))).is_ended()


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_answers_400_to_chunks_that_could_be_read_in_two_ways(port: int, chunks: bytes) -> None:
    head = request("/webhook/generic", headers={"Transfer-Encoding": "chunked"}, length=False)
    for data in (head + chunks,):
        with Client(port) as client:
            assert client.send(data).answer().status == 400
            assert client.is_ended()
    with Client(port) as client:
        assert client.send(head).send(chunks).answer().status == 400


def test_stores_nothing_of_a_request_that_was_refused_in_the_middle(port: int) -> None:
    body = comment("refused in the middle")
    headers = {**signed(body), "Transfer-Encoding": "chunked"}
    bad = request("/webhook/generic", headers=headers, length=False) + b"%x\r\n%s\r\nzz\r\n" % (len(body), body)
    assert ask(port, bad).status == 400
    assert ask(port, post(body)).json["new"] == 1


@pytest.mark.parametrize("kind", [b"X: " + b"x" * 200_000, b"X: 1\r\n" * 40_000, b"1;" + b"x" * 200_000])
def test_bounds_what_stands_between_chunks(port: int, kind: bytes) -> None:
    head = request("/webhook/generic", headers={"Transfer-Encoding": "chunked"}, length=False)
    with Client(port) as client:
        client.send(head)
        in_pieces(client, (b"" if kind[:1] == b"1" else b"0\r\n") + kind, 10_000)
        assert client.answer().status == 400


def test_answers_pipelined_requests_in_order(port: int) -> None:
    wanted = [200, 401, 404, 200]
    data = [post(comment("first")), request("/webhook/generic", b"{}"), request("/nowhere", method="GET")]
    with Client(port) as client:
        client.send(b"".join(data) + post(comment("fourth")))
        assert [client.answer().status for _ in wanted] == wanted


def test_answers_what_was_asked_before_the_hostile_part_and_closes(port: int) -> None:
    chunked = request("/webhook/generic", headers={"Transfer-Encoding": "chunked"}, length=False)
    for hostile in (HOSTILE["both lengths"], b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000, chunked + b"zz\r\n"):
        with Client(port) as client:
            client.send(post(comment("before")) + post(comment("before too")) + hostile)
            assert client.answer().status == 200
            assert client.answer().status == 200
            assert client.is_ended()


def test_takes_empty_lines_before_a_request(port: int) -> None:
    assert ask(port, b"\r\n\r\n" + post(comment("empty lines"))).status == 200


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_answers_a_request_that_asks_for_another_protocol_as_if_it_did_not(port: int, protocol: str) -> None:
    whole = post(comment(protocol), headers={"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol})
    with Client(port) as client:
        assert client.send(whole).answer().json["new"] == 1
        assert client.send(whole[:-9]).send(whole[-9:]).answer().json["duplicates"] == 1
        assert client.send(whole + post(comment(f"after {protocol}"))).answer().status == 200
        assert client.answer().json["new"] == 1


def test_closes_after_the_answer_where_that_was_asked_for(port: int) -> None:
    with Client(port) as client:
        client.send(post(comment("close"), headers={"Connection": "close"}) + post(comment("after close")))
        assert client.answer().fields["connection"] == "close"
        assert client.is_ended()


def test_answers_http_1_0_and_closes(port: int) -> None:
    with Client(port) as client:
        assert client.send(post(comment("1.0")).replace(b"HTTP/1.1", b"HTTP/1.0", 1)).answer().status == 200
        assert client.is_ended()


def test_closes_a_connection_that_says_nothing(impatient: Served) -> None:
    with Client(impatient.port) as client:
        assert client.is_ended()


@pytest.mark.parametrize("sent", [b"P", post(comment())[:40], post(comment())[:-3]])
def test_answers_408_to_a_request_that_does_not_come_to_its_end(impatient: Served, sent: bytes) -> None:
    with Client(impatient.port) as client:
        answer = client.send(sent).answer()
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert client.is_ended()


def test_answers_408_to_a_second_request_that_does_not_come_to_its_end(impatient: Served) -> None:
    with Client(impatient.port) as client:
        assert client.send(post(comment("whole"))).answer().status == 200
        assert client.send(post(comment("half"))[:60]).answer().status == 408


def test_is_not_kept_waiting_by_bytes_that_come_one_by_one(impatient: Served) -> None:
    with Client(impatient.port) as client:
        client.socket.settimeout(0.05)
        client.send(b"GET /webhook/generic HTTP/1.1\r\n")
        received = b""
        for _ in range(200):
            try:
                received += client.send(b"X").socket.recv(1000)
                break
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408 ")


def test_closes_an_idle_connection_without_a_word(impatient: Served) -> None:
    with Client(impatient.port) as client:
        assert client.send(post(comment("idle"))).answer().status == 200
        client.send(b"\r\n")
        assert client.is_ended()


def test_answers_a_good_request_while_fifty_others_do_nothing(port: int) -> None:
    with ExitStack() as stack:
        for number in range(50):
            idle = stack.enter_context(Client(port))
            idle.send(post(comment("slow"))[: number * 9])
        assert ask(port, post(comment("good"))).status == 200
