"""A gateway on a real socket, and clients that say what no library would."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from moderation_ai.core.addresses import Networks
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases, find_platform
from moderation_ai.stores.base import Store
from moderation_ai.web.direct import DirectProtocol
from moderation_ai.web.doors import App, Door, bind
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.limits import LimitedProtocol
from tests.kinds import new_store

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SECRETS = ("the newest secret", "an older secret")
VERIFY_TOKEN = "a token for handshakes"
PATIENCE = 10.0

NewLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS: dict[str, NewLoop] = {"asyncio": asyncio.new_event_loop}
if sys.platform != "win32":
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


class Large(Platform):
    """A platform whose bodies are larger than the gateway's limit."""

    name = "large"
    signature = "as generic"
    own_scheme = False
    max_body = 3 << 20

    def read(self, value: Any, request: Any) -> Any:
        return find_platform("generic").read(value, request)


def source(platform: Platform, **more: Any) -> Source:
    return Source(platform=platform, credential=Credential(secrets=SECRETS, verify_token=VERIFY_TOKEN, **more))


def sources() -> dict[str, Source]:
    """Return three real platforms and one with large bodies; generic has an account of its own."""
    named = {name: source(find_platform(name)) for name in ("generic", "twitter", "instagram")}
    accounts = {"17841400000000000": "main"}
    named["instagram"] = source(find_platform("instagram"), accounts=accounts)
    return {**named, "large": source(Large())}


def intake_on(store: Store, allowed: Networks | None = None) -> Intake:
    return Intake(store, sources(), aliases=aliases(), allowed=allowed)


class Served:
    """An app that is being served on a thread of its own."""

    def __init__(self, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.port = port
        self.loop = loop

    def do(self, work: Any) -> Any:
        """Run a coroutine on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


@contextmanager
def served(
    app: App,
    protocol: type[LimitedProtocol] = DirectProtocol,
    store: Store | None = None,
    new_loop: NewLoop = asyncio.new_event_loop,
) -> Iterator[Served]:
    """Serve ``app`` on a free port of loopback, with ``store`` open on its loop."""
    opened: list[Served] = []
    is_open, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        door = Door(app, bind("127.0.0.1", 0), protocol)
        if store is not None:
            await store.open()
        await door.open()
        opened.append(Served(int(door.address.rpartition(":")[2]), asyncio.get_running_loop()))
        is_open.set()
        await stop.wait()
        await door.close(1.0)
        if store is not None:
            await store.close()

    def run_all() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=run_all)
    thread.start()
    assert is_open.wait(PATIENCE)
    try:
        yield opened[0]
    finally:
        opened[0].loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def gateway(
    store: Store | None = None,
    protocol: type[LimitedProtocol] = DirectProtocol,
    new_loop: NewLoop = asyncio.new_event_loop,
) -> Iterator[Served]:
    """Serve a gateway that stands at ``NOW``, on ``store`` or one in memory."""
    kept = store or new_store()
    with served(Gateway(intake_on(kept), clock=ManualClock(NOW)), protocol, kept, new_loop) as running:
        yield running


class Answer:
    """What came back: the status, the fields (names in lower case) and the body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        line, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(line.split(" ", 2)[1])
        self.fields = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A connection on which any bytes can be written."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._held = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Client:
        """Write; a server that has closed already is no error: what it answered can be read still."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def answer(self) -> Answer:
        """Read one answer; fail if the connection ends before it is whole."""
        while b"\r\n\r\n" not in self._held:
            self._more()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        length = int(Answer(head, b"").fields.get("content-length", "0"))
        while len(self._held) < length:
            self._more()
        body, self._held = self._held[:length], self._held[length:]
        return Answer(head, body)

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        assert data, f"the connection ended after {self._held!r}"
        self._held += data

    def is_ended(self) -> bool:
        """Wait for the end of the connection; say whether it came without another byte."""
        try:
            return self._held == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def request(
    path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST", *, length: bool = True
) -> bytes:
    """Return the bytes of one request."""
    fields = {"Host": "127.0.0.1", **(headers or {})}
    if length and method == "POST":
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def comment(comment_id: str = "c1", text: str = "a comment") -> bytes:
    """Return an envelope of the brief's."""
    data = {"comment": {"id": comment_id, "post_id": "p1", "author_id": "a1", "text": text}}
    event = {"event_id": f"evt_{comment_id}", "event_type": "comment.created", "platform": "generic", "data": data}
    return json.dumps(event).encode()


def signed(body: bytes, platform: str = "generic", secret: str = SECRETS[0], now: datetime = NOW) -> dict[str, str]:
    """Return the fields with which ``platform`` signs ``body``."""
    return find_platform("generic" if platform == "large" else platform).sign(body, secret, now)


def post(body: bytes, platform: str = "generic", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a signed request."""
    return request(f"/webhook/{platform}", body, {**signed(body, platform), **(headers or {})})


def ask(port: int, data: bytes) -> Answer:
    """Send ``data`` on a connection of its own and return the first answer."""
    with Client(port) as client:
        return client.send(data).answer()
