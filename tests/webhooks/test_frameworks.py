"""``handle`` and ``receive`` inside real servers: Flask, a pre-fork server, FastAPI, Starlette."""

from __future__ import annotations

import asyncio
import gzip
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Mount, Route

from moderation_ai.core.events import WebhookEvent
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from moderation_ai.utils import WebhookHandler
from tests.kinds import lasting_url, new_store
from tests.webhooks.children import handled, our_environment
from tests.webhooks.events import ONCE, Book, envelope
from tests.webhooks.serving import asgi_server, ask, post, wsgi_server

SECRET = "a secret of tests"


@pytest.fixture
def handler() -> WebhookHandler:
    return WebhookHandler(secret=SECRET, store=new_store())


@pytest.fixture
def book(handler: WebhookHandler) -> Book:
    book = Book()
    book.async_handler(handler)
    return book


def signed(name: str, body: bytes) -> dict[str, str]:
    return find_platform(name).sign(body, SECRET, datetime.now(UTC))


def instagram(number: int = 1) -> bytes:
    return find_platform("instagram").samples(datetime.now(UTC), number)[0].body


# Flask


def test_in_flask_it_is_handled_when_the_answer_leaves(handler: WebhookHandler, book: Book) -> None:
    app = Flask(__name__)

    @app.post("/webhook/<platform>")
    def webhook(platform: str) -> dict[str, bool]:
        handled = handler.handle(handler.parse_event(flask_request.get_data(), platform))
        return {"done": handled.done()}

    with wsgi_server(app) as port, ThreadPoolExecutor(8) as pool:
        names = [f"c{number}" for number in range(40)]
        replies = list(pool.map(lambda name: post(port, "/webhook/generic", envelope(name)), names))
        assert {(reply.status, reply.body) for reply in replies} == {(200, b'{"done":true}\n')}
        assert sorted(book.ids) == sorted(names)


def test_in_flask_the_full_door_takes_a_platforms_own_request(handler: WebhookHandler, book: Book) -> None:
    app = Flask(__name__)

    @app.route("/hooks/<platform>", methods=["GET", "POST"])
    def webhook(platform: str):  # type: ignore[no-untyped-def]  # whatever Flask takes
        return tuple(handler.receive(flask_request))

    with wsgi_server(app) as port:
        check_the_full_door(port, "/hooks", book)


def check_the_full_door(port: int, base: str, book: Book) -> None:
    """Post good and bad requests of several platforms to a door of somebody's own."""
    good = post(port, f"{base}/instagram", instagram(), signed("instagram", instagram()))
    assert (good.status, good.json()) == (200, {"new": 1, "duplicates": 0, "ignored": 0})
    assert good.headers["content-type"].startswith("application/json")
    assert good.headers["x-content-type-options"] == "nosniff"
    book.wait_for(1)
    again = post(port, f"{base}/instagram", instagram(), signed("instagram", instagram()))
    assert again.json()["duplicates"] == 1
    assert post(port, f"{base}/generic", envelope("g"), signed("generic", envelope("g"))).status == 200
    assert post(port, f"{base}/x", envelope("x"), signed("twitter", envelope("x"))).status == 200
    book.wait_for(3)
    bad = post(port, f"{base}/instagram", instagram(), {"X-Hub-Signature-256": "sha256=" + "0" * 64})
    assert (bad.status, set(bad.json())) == (401, {"error"})
    assert post(port, f"{base}/instagram", instagram()).status == 401
    form = {"Content-Type": "multipart/form-data; boundary=x"} | signed("instagram", instagram())
    zipped = {"Content-Encoding": "gzip"} | signed("instagram", gzip.compress(instagram()))
    assert post(port, f"{base}/instagram", instagram(), form).status == 415
    assert post(port, f"{base}/instagram", gzip.compress(instagram()), zipped).status == 415
    assert post(port, f"{base}/nowhere", envelope(), signed("generic", envelope())).status == 404
    hello = ask(
        port, "GET", f"{base}/instagram?hub.mode=subscribe&hub.verify_token={SECRET.replace(' ', '+')}&hub.challenge=7"
    )
    assert (hello.status, hello.body) == (200, b"7")
    assert len(book.ids) == 3


# A pre-fork server


@contextmanager
def gunicorn(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Run gunicorn in ``folder`` on a free port; yield the port."""
    command = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", "--workers=3", "--no-control-socket", *options]
    process = subprocess.Popen(
        [*command, "tests.webhooks.preforked:app"],
        cwd=folder,
        env=our_environment(lasting_url(folder / "events.db")) | (environment or {}),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise AssertionError("gunicorn did not begin to listen")
        rest = threading.Thread(target=process.stderr.read)
        rest.start()
        yield int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        rest.join(20)
        process.stderr.close()


@pytest.mark.parametrize("options", [[], ["--preload"], ["--preload", "--threads=4"]], ids=" ".join)
def test_in_a_pre_fork_server_every_event_is_handled_once(tmp_path: Path, options: list[str]) -> None:
    before = {"HANDLE_BEFORE_FORKING": "1"} if options else None
    names = [f"c{number}" for number in range(60)]
    with gunicorn(tmp_path, *options, environment=before) as port, ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda name: post(port, "/handle/generic", envelope(name)), names))
        again = list(pool.map(lambda name: post(port, "/handle/generic", envelope(name)), names))
    assert {reply.status for reply in replies + again} == {200}
    assert len({reply.json()["pid"] for reply in replies}) >= 2
    assert all(list(reply.json()["statuses"].values()) == ["done"] for reply in replies)
    assert all(reply.json()["statuses"] == {} for reply in again)
    runs = Counter(line.partition(":")[0] for line in handled(tmp_path))
    assert runs == Counter(names + ["before-forking"] * bool(before))


def test_what_a_pre_fork_server_acknowledged_is_handled(tmp_path: Path) -> None:
    body = [envelope(f"c{number}") for number in range(30)]
    with gunicorn(tmp_path, "--preload") as port, ThreadPoolExecutor(6) as pool:
        headers = [find_platform("generic").sign(one, "s", datetime.now(UTC)) for one in body]
        replies = list(
            pool.map(lambda one: post(port, "/receive/generic", one[0], one[1]), zip(body, headers, strict=True))
        )
        assert {reply.status for reply in replies} == {200}
    # Whatever was cut off by the end of the workers is handled by who comes next.
    with gunicorn(tmp_path) as port:
        post(port, "/handle/generic", envelope("last"))
        while len({line.partition(":")[0] for line in handled(tmp_path)}) < 31:
            post(port, "/handle/generic", envelope("last"))


# FastAPI and Starlette


@pytest.mark.parametrize("kind", ["await", "no await", "def", "result"])
@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_in_fastapi_it_is_handled_however_it_is_called(
    handler: WebhookHandler, book: Book, kind: str, lifespan: str
) -> None:
    app = FastAPI()
    loops: list[asyncio.AbstractEventLoop] = []

    if kind in ("await", "no await"):

        @app.post("/webhook/{platform}")
        async def webhook(platform: str, request: Request) -> str:
            loops.append(asyncio.get_running_loop())
            event = handler.parse_event(await request.body(), platform)
            if kind == "await":
                await handler.handle(event)
            else:
                handler.handle(event)
            return "ok"

    else:

        @app.post("/webhook/{platform}")
        def webhook_too(platform: str, name: str) -> str:
            handled = handler.handle(handler.parse_event(envelope(name), platform))
            assert handled.result().ok if kind == "result" else handled.done()
            return "ok"

    with asgi_server(app, lifespan=lifespan) as port:
        for name in "abc":
            assert post(port, f"/webhook/generic?name={name}", envelope(name)).status == 200
        book.wait_for(3)
    assert sorted(book.ids) == ["a", "b", "c"]
    assert set(book.loops) == set(loops) or kind in ("def", "result")


def test_in_fastapi_the_full_door_takes_a_platforms_own_request(handler: WebhookHandler, book: Book) -> None:
    app = FastAPI()
    loops: list[asyncio.AbstractEventLoop] = []

    @app.api_route("/hooks/{platform}", methods=["GET", "POST"])
    async def webhook(platform: str, request: Request) -> Response:
        loops.append(asyncio.get_running_loop())
        answer = await handler.receive(request)
        return Response(answer.body, answer.status, answer.headers)

    with asgi_server(app) as port:
        check_the_full_door(port, "/hooks", book)
    assert set(book.loops) == set(loops), "handlers belong on the loop that received"


def test_in_a_mounted_starlette_app_without_lifespan(handler: WebhookHandler, book: Book) -> None:
    async def webhook(request: StarletteRequest) -> StarletteResponse:
        answer = await handler.receive(request)
        return StarletteResponse(answer.body, answer.status, answer.headers)

    inner = Starlette(routes=[Route("/{platform}", webhook, methods=["GET", "POST"])])
    with asgi_server(Starlette(routes=[Mount("/deep/hooks", inner)]), lifespan="off") as port:
        check_the_full_door(port, "/deep/hooks", book)


def test_where_no_parameter_names_the_platform_the_path_does(handler: WebhookHandler, book: Book) -> None:
    async def webhook(request: StarletteRequest) -> StarletteResponse:
        answer = await handler.receive(request)
        return StarletteResponse(answer.body, answer.status, answer.headers)

    with asgi_server(Starlette(routes=[Route("/{rest:path}", webhook, methods=["GET", "POST"])])) as port:
        check_the_full_door(port, "/webhook", book)
        body = envelope("bare", platform="instagram")
        assert post(port, "/webhook", body, signed("generic", body)).status == 200
        book.wait_for(4)
    events = asyncio.run(handler.runtime().parts.store.events(EventFilter()))
    assert events[0].platform == "instagram"


def test_a_body_over_the_limit_is_not_read_to_its_end(book: Book) -> None:
    handler = WebhookHandler(secret=SECRET, store=new_store(), max_body=1000)
    app, flask = FastAPI(), Flask(__name__)

    @app.post("/hooks/{platform}")
    async def webhook(platform: str, request: Request) -> Response:
        answer = await handler.receive(request)
        return Response(answer.body, answer.status, answer.headers)

    @flask.post("/hooks/<platform>")
    def flask_webhook(platform: str):  # type: ignore[no-untyped-def]  # whatever Flask takes
        return tuple(handler.receive(flask_request))

    long = b"x" * 1001
    with asgi_server(app) as port, wsgi_server(flask) as flask_port:
        for one in (port, flask_port):
            assert post(one, "/hooks/generic", long, signed("generic", long)).status == 413
            assert post(one, "/hooks/generic", b"{}", signed("generic", b"{}")).status == 200


def test_a_body_without_a_length_is_read_to_the_limit_only() -> None:
    handler = WebhookHandler(secret=SECRET, store=new_store(), max_body=100_000)
    flask = Flask(__name__)
    asked: list[int] = []

    @flask.post("/hooks/<platform>")
    def webhook(platform: str):  # type: ignore[no-untyped-def]  # whatever Flask takes
        stream = flask_request.environ["wsgi.input"]
        flask_request.environ["wsgi.input"] = Counted(stream, asked)
        return tuple(handler.receive(flask_request))

    with wsgi_server(flask) as port:
        body = b"x" * 3_000_000
        head = f"POST /hooks/generic HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            with suppress(OSError):  # The server may have answered and gone before it has all.
                client.sendall(head.encode() + body + b"\r\n0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")
        assert sum(asked) < 200_000
        signed_body = envelope("chunked")
        pieces = f"{len(signed_body):x}\r\n".encode() + signed_body + b"\r\n0\r\n\r\n"
        fields = "".join(f"{name}: {value}\r\n" for name, value in signed("generic", signed_body).items())
        head = f"POST /hooks/generic HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{fields}\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head.encode() + pieces)
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


class Counted:
    """A WSGI input that notes how much was read of it."""

    def __init__(self, stream: Any, read: list[int]) -> None:
        self._stream = stream
        self._read = read

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self._read.append(len(data))
        return data


def test_a_handler_that_fails_does_not_change_the_answer(handler: WebhookHandler) -> None:
    @handler.on("*", retries=ONCE)
    async def bad(event: WebhookEvent) -> None:
        raise ValueError("not my day")

    app = FastAPI()

    @app.post("/webhook/{platform}")
    async def webhook(platform: str, request: Request) -> str:
        await handler.handle(handler.parse_event(await request.body(), platform))
        return "ok"

    with asgi_server(app) as port:
        assert post(port, "/webhook/generic", envelope()).status == 200
