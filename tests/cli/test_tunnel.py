"""A public address that leads to the gateway: what docs/local-testing.md promises, through a tunnel of our own."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.cli.serving import PATIENCE, SECRET, call, served, usual


class Tunnel(socketserver.ThreadingTCPServer):
    """Pass bytes between a public port and the gateway's, as ngrok and cloudflared do, and count the connections."""

    leads_to = ""
    passed = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(socketserver.BaseRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        self.server.passed += 1
        parts = urlsplit(self.server.leads_to)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as inside:
            back = threading.Thread(target=_pass, args=(inside, self.request))
            back.start()
            _pass(self.request, inside)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either end may be gone first
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    with Tunnel(("127.0.0.1", 0), Passing) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_what_is_sent_to_the_public_address_arrives(folder: Path, tunnel: Tunnel) -> None:
    env = usual(SERVER__PUBLIC_URL=tunnel.url)
    with served("--json", env=env) as gateway:
        assert gateway.ready["public"] == f"{tunnel.url}/webhook"
        tunnel.leads_to = gateway.ready["gateway"]

        sent = call("trigger", "generic", "comment.created", "--public", "--json", env=env)
        assert sent.returncode == 0, sent.stderr
        told = msgspec.json.decode(sent.stdout)
        assert (told["url"], told["status"]) == (f"{tunnel.url}/webhook/generic", 200)
        assert tunnel.passed == 1

        findings = [msgspec.json.decode(line) for line in call("doctor", "--json", env=env).stdout.splitlines()]
        (reachable,) = [found for found in findings if found["check"] == "reachable"]
        assert reachable["status"] == "ok"
        assert tunnel.passed == 2
        stored = [msgspec.json.decode(line) for line in call("events", "list", "--json", env=env).stdout.splitlines()]
        assert [event["event_type"] for event in stored] == ["comment.created"]
    assert SECRET not in sent.stdout + sent.stderr
