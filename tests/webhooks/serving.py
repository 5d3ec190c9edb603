"""Real servers on free ports, and a client for them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import uvicorn
from werkzeug.serving import make_server


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> Reply:
    """Send a request to a server on this machine and return its answer."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # Who refuses a body need not read it to its end.
            connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
    finally:
        connection.close()


def post(port: int, path: str, body: bytes, headers: Mapping[str, str] | None = None, host: str = "127.0.0.1") -> Reply:
    """Post a body to a server on this machine."""
    return ask(port, "POST", path, body, {"Content-Type": "application/json"} | dict(headers or {}), host)


@contextmanager
def asgi_server(app: Any, **options: Any) -> Iterator[int]:
    """Serve an ASGI app from a thread; yield its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", **options))
    ready = threading.Event()

    class Announced(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    server = Announced(server.config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(20)
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def wsgi_server(app: Any) -> Iterator[int]:
    """Serve a WSGI app from a thread, each request on a thread of its own; yield its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()
