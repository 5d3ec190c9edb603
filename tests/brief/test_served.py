"""The blocks of the brief that serve are served, and asked over HTTP with good and bad signatures."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.platforms import find_platform
from moderation_ai.utils import WebhookHandler
from tests.blocks import run_block
from tests.brief.copies import block, text_of
from tests.kinds import ANY
from tests.webhooks.children import our_environment, run_program, url_of
from tests.webhooks.events import Book, envelope
from tests.webhooks.serving import Reply, asgi_server, ask, post, wsgi_server


def signed(name: str, body: bytes, secret: str) -> dict[str, str]:
    return find_platform(name).sign(body, secret, datetime.now(UTC))


def sample(name: str, number: int = 1) -> bytes:
    return find_platform(name).samples(datetime.now(UTC), number)[0].body


# await handler.start(port=8080)


PORT = 8080
"""What the block names."""


def free_host() -> str:
    """Return an address of this machine on which the block's port is free.

    All of 127.0.0.0/8 is this machine on Linux, so that test runs beside this one, and whatever serves on the usual
    address, are in nobody's way. Elsewhere there is one address only.
    """
    mine = f"127.{os.getpid() >> 16 & 127}.{os.getpid() >> 8 & 255}.{max(2, os.getpid() & 255)}"
    for host in (mine, "127.0.0.1"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, PORT))
            except OSError:
                continue
            return host
    return pytest.fail(f"port {PORT}, which the brief's block serves on, is in use by another program: stop it")


class Server:
    """The block's own process, with the lines that its handlers print."""

    def __init__(self, folder: Path) -> None:
        """Start it; ask whether it listens until it does."""
        self.host = free_host()
        command = [sys.executable, "-m", "tests.brief.running", str(block(1))]
        environment = our_environment() | {"MODERATION_AI_SERVER__HOST": self.host}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()
        self._wait_until_it_listens()

    def _read(self, output: Any) -> None:
        for line in output:
            self._lines.put(line.rstrip("\n"))

    def _wait_until_it_listens(self) -> None:
        while True:
            assert self.process.poll() is None, self.process.communicate()[1]
            try:
                socket.create_connection((self.host, PORT), timeout=1).close()
            except OSError:
                continue
            return

    def next_line(self) -> str:
        """Return the next line that a handler printed."""
        return self._lines.get(timeout=20)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """Post a body to it."""
        return post(PORT, path, body, headers, self.host)

    def get(self, path: str) -> Reply:
        """Ask it as a handshake does."""
        return ask(PORT, "GET", path, host=self.host)

    def stop(self) -> int:
        """End it as a service manager does; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self._reader.join(20)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def test_the_first_block_serves(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        check_what_is_served(server)
    finally:
        status = server.stop()
    assert status == 0
    assert (tmp_path / "moderation.db").exists()


def check_what_is_served(server: Server) -> None:
    secret = "webhook_secret"
    # The bare endpoint reads the platform from the envelope; the platform's address takes the same.
    for number, path in enumerate(["/webhook", "/webhook/reddit", "/webhook/twitter", "/webhook/instagram"]):
        body = envelope(f"c{number}", platform="reddit")
        assert server.post(path, body, signed("generic", body, secret)).json()["new"] == 1
        assert server.next_line() == f"New comment: c{number}"
    edit = envelope("c0", "comment.updated", timestamp=datetime.now(UTC).isoformat())
    assert server.post("/webhook/reddit", edit, signed("generic", edit, secret)).status == 200
    assert server.next_line() == "Updated comment: c0"
    # Each platform's own scheme, under the one secret.
    for name in ("instagram", "x", "twitter"):
        own = signed(name, sample(name), secret)
        assert not any(header.lower() == "x-signature" for header in own)
        assert server.post(f"/webhook/{name}", sample(name), own).status == 200
        assert server.post(f"/webhook/{name}", sample(name, 2), own).status == 401
        if name == "instagram":
            assert server.next_line().startswith("New comment: ")
    # Neither without a signature nor with another's.
    for path in ("/webhook", "/webhook/twitter", "/webhook/instagram", "/webhook/youtube"):
        body = envelope("bad")
        assert server.post(path, body).status == 401
        assert server.post(path, body, signed("generic", body, "another secret")).status == 401
    assert server.post("/webhook/nowhere", b"{}", signed("generic", b"{}", secret)).status == 404
    assert set(server.get("/webhook/twitter?crc_token=t").json()) == {"response_token"}
    hello = "hub.mode=subscribe&hub.challenge=42&hub.verify_token="
    assert server.get(f"/webhook/instagram?{hello}{secret}").body == b"42"
    assert server.get(f"/webhook/instagram?{hello}wrong").status == 403


# The examples for web frameworks


@pytest.fixture
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The names that an example defines, with a store of any kind."""
    monkeypatch.setenv("MODERATION_AI_STORE__URL", url_of(ANY, tmp_path))
    names: dict[str, Any] = {"__name__": "example"}
    asyncio.run(run_block(text_of(request.param), names, str(block(request.param))))
    return names


@contextmanager
def served(names: dict[str, Any]) -> Iterator[int]:
    """Serve an example by the server that it is for."""
    is_flask = "Flask" in names
    with wsgi_server(names["app"]) if is_flask else asgi_server(names["app"]) as port:
        yield port


@pytest.mark.parametrize("example", [13, 14], indirect=True, ids=["FastAPI", "Flask"])
def test_an_example_verifies_and_handles(example: dict[str, Any]) -> None:
    handler: WebhookHandler = example["handler"]
    book = Book()
    book.async_handler(handler, "comment.created")
    book.plain_handler(handler, "comment.created")
    with served(example) as port:
        for name in ("twitter", "reddit", "youtube", "instagram", "medium", "tiktok"):
            body = envelope(name, platform=name)
            reply = post(port, f"/webhook/{name}", body, signed("generic", body, "your_secret"))
            assert (reply.status, reply.json()) == (200, {"status": "ok"})
        assert sorted(book.ids) == sorted(["twitter", "reddit", "youtube", "instagram", "medium", "tiktok"] * 2)
        again = envelope("twitter", platform="twitter")
        assert post(port, "/webhook/twitter", again, signed("generic", again, "your_secret")).status == 200
        for headers in (
            {},
            {"X-Signature": ""},
            {"X-Signature": "00" * 32},
            signed("generic", b"other", "your_secret"),
        ):
            reply = post(port, "/webhook/twitter", envelope("bad"), headers)
            assert reply.status == 401
            assert reply.json() in ({"detail": "Invalid signature"}, {"error": "Invalid signature"})
        own = signed("instagram", sample("instagram"), "your_secret")
        assert post(port, "/webhook/instagram", sample("instagram"), own).status == 401
    assert len(book.ids) == 12


@pytest.mark.parametrize("number", [13, 14], ids=["FastAPI", "Flask"])
def test_a_platforms_own_request_at_an_example_is_refused_with_a_hint(tmp_path: Path, number: int) -> None:
    program = f"""
        from tests.brief import test_served
        from tests.brief.copies import block, text_of
        from tests.blocks import run_block
        names = {{"__name__": "example"}}
        asyncio.run(run_block(text_of({number}), names, str(block({number}))))
        with test_served.served(names) as port:
            for name in ("instagram", "twitter", "instagram"):
                body = test_served.sample(name)
                reply = test_served.post(port, f"/webhook/{{name}}", body, test_served.signed(name, body, "your_secret"))
                print(reply.status)
    """
    ended = run_program(tmp_path, program)
    assert ended.stdout.split() == ["401"] * 3, ended.stderr
    hints = [line for line in ended.stderr.splitlines() if "looks like" in line]
    assert [name in hint for name, hint in zip(("instagram", "twitter"), hints, strict=True)] == [True, True]
    assert all("handler.receive(request)" in hint for hint in hints)
