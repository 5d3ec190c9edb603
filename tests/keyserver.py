"""A server of public keys on this machine, as a push service has one, and all the ways in which such a server fails."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from moderation_ai.core.jwt import write_key


class KeyServer(ThreadingHTTPServer):
    """Serve ``keys`` below any path; ``asked`` counts the requests, ``answer`` may be another way to answer."""

    daemon_threads = True

    def __init__(self, keys: Iterable[RSAPublicKey] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys = list(keys)
        self.headers = dict(headers or {"Cache-Control": "public, max-age=3600"})
        self.asked = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.give_keys
        self.gate = threading.Event()
        """Set unless answers are to be held back."""
        self.gate.set()
        self._counting = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/keys"

    def count(self) -> None:
        with self._counting:
            self.asked += 1

    def give_keys(self, handler: BaseHTTPRequestHandler) -> None:
        self.give(handler, json.dumps({"keys": [write_key(key) for key in self.keys]}).encode())

    def give(self, handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **fields: str) -> None:
        handler.send_response(status)
        for name, value in {**self.headers, **fields, "Content-Length": str(len(body))}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    def redirect(self, handler: BaseHTTPRequestHandler) -> None:
        self.give(handler, b"", 302, Location=self.url + "/elsewhere")

    def flood(self, handler: BaseHTTPRequestHandler) -> None:
        """Send without end; a client that has enough closes."""
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b'{"keys":[' + b" " * 65_536)

    def give_compressed(self, handler: BaseHTTPRequestHandler) -> None:
        self.give(handler, gzip.compress(bytes(1 << 20)), Content_Encoding="gzip")

    def hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
        handler.close_connection = True


class _Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.server.count()
        self.server.gate.wait(60)
        try:
            self.server.answer(self)
        except OSError:
            self.close_connection = True  # The other side has enough.

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


@contextmanager
def key_server(*keys: RSAPublicKey, **headers: str) -> Iterator[KeyServer]:
    """Serve keys on a free port of this machine."""
    server = KeyServer(keys, {name.replace("_", "-"): value for name, value in headers.items()} or None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
