"""Bodies: how large they may be, how long they may take, and what becomes of those that break off."""

from __future__ import annotations

from typing import Any

import pytest

from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.web.gateway import Gateway
from tests.kinds import new_store
from tests.web.stage import NOW, Answer, Client, Served, ask, comment, gateway, intake_on, post, request, signed


def chunked(body: bytes, size: int, extra: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + extra + b"\r\n"


def post_chunked(body: bytes, size: int, platform: str = "generic", extra: bytes = b"") -> bytes:
    headers = {**signed(body, platform), "Transfer-Encoding": "chunked"}
    return request(f"/webhook/{platform}", b"", headers, length=False) + chunked(body, size, extra)


def grown_to(size: int) -> bytes:
    short = comment("large", text="")
    return comment("large", text="x" * (size - len(short)))


def test_takes_a_body_of_exactly_the_limit(port: int) -> None:
    assert ask(port, post(grown_to(MAX_BODY))).status == 200
    assert ask(port, post_chunked(grown_to(MAX_BODY), 60_000)).status == 200


def test_answers_413_to_a_length_above_the_limit_without_waiting_for_the_body(port: int) -> None:
    with Client(port) as client:
        client.send(request("/webhook/generic", headers={"Content-Length": str(MAX_BODY + 1)}, length=False))
        answer = client.answer()
        assert (answer.status, answer.fields["connection"]) == (413, "close")


def test_answers_413_while_chunks_are_read_and_closes(port: int) -> None:
    head = request("/webhook/generic", headers={"Transfer-Encoding": "chunked"}, length=False)
    with Client(port) as client:
        client.send(head)
        for _ in range(MAX_BODY // 65536):
            client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        client.send(b"1\r\nx\r\n")  # No end is sent: the answer comes before it.
        answer = client.answer()
        client.send(b"0\r\n\r\n")
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        assert client.is_ended()


def test_lets_a_sender_that_reads_only_at_the_end_have_its_413(port: int) -> None:
    for whole in (post(grown_to(3 * MAX_BODY)), post_chunked(grown_to(MAX_BODY + 1), 7000)):
        with Client(port) as client:
            assert client.send(whole).answer().status == 413
            assert client.is_ended()


def test_knows_a_platforms_own_limit(port: int) -> None:
    assert ask(port, post(grown_to(2 * MAX_BODY), "large")).status == 200
    assert ask(port, post(grown_to(3 * MAX_BODY + 1), "large")).status == 413


def test_limits_the_bare_endpoint_too(port: int) -> None:
    body = grown_to(MAX_BODY + 1)
    assert ask(port, request("/webhook", body, signed(body))).status == 413


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_takes_bodies_in_chunks_of_any_size(port: int, size: int) -> None:
    body = comment(f"chunks-of-{size}")
    assert ask(port, post_chunked(body, size)).json["new"] == 1


def test_takes_no_field_of_the_head_from_trailers(port: int) -> None:
    body = comment("trailers")
    unsigned = request("/webhook/generic", headers={"Transfer-Encoding": "chunked"}, length=False)
    trailers = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items()).encode()
    assert ask(port, unsigned + chunked(body, 1000, trailers)).status == 401
    with Client(port) as client:
        client.send(post_chunked(body, 1000, extra=b"X-Signature: sha256=00\r\n"))
        assert client.answer().status == 200
        assert client.send(post(comment("after trailers"))).answer().status == 200


def test_tells_a_sender_that_waits_for_it_to_go_on(port: int) -> None:
    body = comment("expected")
    whole = post(body, headers={"Expect": "100-continue"})
    with Client(port) as client:
        client.send(whole[: -len(body)])
        assert client.answer().status == 100
        assert client.send(body).answer().status == 200


def test_tells_a_sender_that_waits_for_it_not_to_begin(port: int) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(MAX_BODY + 1)}
    with Client(port) as client:
        assert client.send(request("/webhook/generic", headers=headers, length=False)).answer().status == 413


def test_keeps_the_connection_after_a_refusal_that_had_read_everything(port: int) -> None:
    with Client(port) as client:
        assert client.send(request("/webhook/generic", b"{}")).answer().status == 401
        assert client.send(post(comment("after a refusal"))).answer().status == 200


def test_stores_nothing_of_a_sender_that_goes_in_the_middle_of_a_body(
    port: int, store: Store, served_gateway: Served
) -> None:
    before = served_gateway.do(store.counts()).total
    with Client(port) as client:
        client.send(post(comment("gone"))[:-5])
    assert ask(port, post(comment("not gone"))).status == 200
    assert served_gateway.do(store.counts()).total == before + 1


def test_stores_what_came_whole_from_a_sender_that_did_not_wait_for_the_answer(
    port: int, store: Store, served_gateway: Served
) -> None:
    with Client(port) as client:
        client.send(post(comment("impatient")))
        client.socket.shutdown(2)
    assert ask(port, post(comment("impatient"))).json["duplicates"] == 1
    which = EventFilter(event_ids=("evt_impatient",))
    assert len(served_gateway.do(store.events(which))) == 1


class Body:
    """What an ASGI server hands over, piece by piece; afterwards it waits for ever, or says that the client is gone."""

    def __init__(self, *pieces: bytes, is_gone: bool = False) -> None:
        self.pieces = list(pieces)
        self.is_gone = is_gone
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        import asyncio

        if self.pieces:
            return {"type": "http.request", "body": self.pieces.pop(0), "more_body": True}
        if self.is_gone:
            return {"type": "http.disconnect"}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # it never comes

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def answer(self) -> Answer:
        head = b"HTTP/1.1 %d" % self.sent[0]["status"]
        fields = [b"%s: %s" % field for field in self.sent[0]["headers"]]
        return Answer(b"\r\n".join([head, *fields]), b"".join(part["body"] for part in self.sent[1:]))


def scope(**more: Any) -> dict[str, Any]:
    path = "/webhook/generic"
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "client": None, **more}


@pytest.mark.anyio
async def test_answers_408_under_a_server_without_deadlines_of_its_own() -> None:
    body = Body(b"{", b'"a":')
    app = Gateway(intake_on(new_store()), read_timeout=0.01, clock=ManualClock(NOW))
    await app(scope(headers=[(b"content-length", b"9")]), body.receive, body.send)
    assert body.answer.status == 408
    assert body.answer.fields["connection"] == "close"


@pytest.mark.anyio
async def test_says_nothing_to_a_client_that_is_gone() -> None:
    body = Body(b"{", is_gone=True)
    app = Gateway(intake_on(new_store()), clock=ManualClock(NOW))
    await app(scope(), body.receive, body.send)
    assert body.sent == []


def test_answers_404_before_it_reads_a_body() -> None:
    with gateway() as running, Client(running.port) as client:
        client.send(request("/webhook/nobody", headers={"Content-Length": "1000"}, length=False))
        assert client.answer().status == 404
