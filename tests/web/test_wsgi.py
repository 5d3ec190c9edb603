"""The gateway behind WSGI: the same answers, but for what WSGI hides."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.validate import validator

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as FlaskClient

from moderation_ai.core.http import Request, Response
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.web.wsgi import WsgiGateway
from tests.kinds import new_store
from tests.web.stage import NOW, SECRETS, VERIFY_TOKEN, Answer, ask, comment, intake_on, request, signed


@pytest.fixture(scope="module")
def app() -> Iterator[WsgiGateway]:
    store = new_store()
    intake = intake_on(store)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def receive(read: Request, platform: str | None, account: str | None) -> Response:
        return asyncio.run_coroutine_threadsafe(intake.receive(read, platform, account), loop).result(10)

    yield WsgiGateway(receive, clock=ManualClock(NOW))
    asyncio.run_coroutine_threadsafe(store.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def call(app: Any, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()},
        **more,
    }
    heads: list[bytes] = []

    def start_response(status: str, fields: list[tuple[str, str]], error: Any = None) -> Any:
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
        heads.append("\r\n".join(lines).encode("latin-1"))

    answered = app({name: value for name, value in environ.items() if value is not None}, start_response)
    content = b"".join(answered)
    if hasattr(answered, "close"):
        answered.close()
    return Answer(heads[0], content)


def test_stores_what_is_authentic_once(app: WsgiGateway) -> None:
    body = comment("wsgi")
    for expected in ("new", "duplicates"):
        answer = call(validator(app), "/webhook/generic", body, signed(body))
        assert (answer.status, answer.json[expected]) == (200, 1)
        assert answer.fields["x-content-type-options"] == "nosniff"


def test_answers_as_the_gateway_does(app: WsgiGateway) -> None:
    body = comment("wsgi answers")
    headers = signed(body)
    assert call(app, "/webhook/generic", body + b" ", headers).status == 401
    assert call(app, "/webhook/nobody", body, headers).status == 404
    assert call(app, "/elsewhere", body, headers).status == 404
    assert call(app, "/webhook/generic", body, headers, REQUEST_METHOD="PUT").status == 405
    assert call(app, "/webhook/generic", body, headers, CONTENT_TYPE="multipart/form-data").status == 415
    assert call(app, "/webhook/generic", body, {**headers, "Content-Encoding": "gzip"}).status == 415
    assert call(app, "/webhook/generic", b"not understood", signed(b"not understood")).status == 200


def test_answers_401_to_a_doubled_signature_that_its_server_has_joined(app: WsgiGateway) -> None:
    body = comment("doubled")
    headers = signed(body)
    joined = {**headers, "X-Signature": ",".join([headers["X-Signature"]] * 2)}
    assert call(app, "/webhook/generic", body, joined).status == 401


def test_answers_handshakes(app: WsgiGateway) -> None:
    path = f"/webhook/instagram?hub.mode=subscribe&hub.challenge=1158&hub.verify_token={VERIFY_TOKEN}"
    answer = call(app, path.replace(" ", "%20"), REQUEST_METHOD="GET", CONTENT_LENGTH="")
    assert (answer.status, answer.body) == (200, b"1158")
    head = call(app, path.replace(" ", "%20"), REQUEST_METHOD="HEAD", CONTENT_LENGTH="")
    assert (head.status, head.body, head.fields["content-length"]) == (200, b"", "4")


def test_reads_a_body_without_a_length_where_its_server_ends_it(app: WsgiGateway) -> None:
    body = comment("chunked wsgi")
    chunked = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert call(app, "/webhook/generic", body, signed(body), **chunked, **{"wsgi.input_terminated": True}).status == 200
    assert call(app, "/webhook/generic", body, signed(body), **chunked).status == 411


def test_bounds_what_it_reads(app: WsgiGateway) -> None:
    large = b"x" * (MAX_BODY + 1)
    assert call(app, "/webhook/generic", large).status == 413
    endless: dict[str, Any] = {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}
    assert call(app, "/webhook/generic", large, **endless).status == 413


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "９", "9" * 30])
def test_answers_400_to_a_length_that_is_none(app: WsgiGateway, length: str) -> None:
    assert call(app, "/webhook/generic", b"{}", CONTENT_LENGTH=length).status in (400, 413)


def test_answers_400_to_a_body_that_breaks_off(app: WsgiGateway) -> None:
    body = comment("breaks off")
    assert call(app, "/webhook/generic", body[:-1], signed(body), CONTENT_LENGTH=str(len(body))).status == 400


def test_answers_503_to_a_defect() -> None:
    def receive(read: Request, platform: str | None, account: str | None) -> Response:
        raise KeyError("a bug")

    answer = call(WsgiGateway(receive, clock=ManualClock(NOW)), "/webhook/generic", b"{}")
    assert answer.status == 503
    assert int(answer.fields["retry-after"]) > 0


def test_finds_its_way_inside_a_flask_app(app: WsgiGateway) -> None:
    site = Flask("site")
    site.wsgi_app = DispatcherMiddleware(site.wsgi_app, {"/hooks": app, "/webhook": app})  # type: ignore[method-assign]
    client = FlaskClient(site)
    body = comment("flask")
    for path in ("/hooks/webhook/generic", "/webhook/generic"):
        assert client.post(path, data=body, headers=signed(body, secret=SECRETS[1])).status_code == 200
    assert client.post("/hooks/generic", data=body, headers=signed(body)).status_code == 404


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def test_serves_over_a_socket(app: WsgiGateway) -> None:
    with WSGIServer(("127.0.0.1", 0), Quiet) as server:
        server.set_app(app)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        body = comment("over a socket")
        answer = ask(server.server_port, request("/webhook/generic", body, signed(body)))
        thread.join()
    assert (answer.status, answer.json["new"]) == (200, 1)
