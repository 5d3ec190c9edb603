"""Sending a fake's webhooks, to one gateway or to where each is registered, in order unless a fault says otherwise."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Callable, Mapping
from queue import Queue
from urllib.parse import urlsplit

import msgspec

from moderation_ai.fakes.asking import Asker, require_loopback
from moderation_ai.fakes.faults import Faults

TIMEOUT = 30.0
"""Seconds that the gateway may take for its answer."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, and where it is registered; whoever pushes to one address sends it there instead.

    ``sign`` makes the header fields: what comes late, or once more, is signed with the time at which it comes.
    """

    body: bytes
    sign: Callable[[], Mapping[str, str]]
    to: tuple[str, ...] = ()

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the header fields as they would be sent now."""
        return self.sign()


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was sent, and what was answered: 0 where nobody answered."""

    delivery: Delivery
    status: int


class Postman:
    """Keep webhooks until there is an address, and send them there one after the other from threads of its own."""

    def __init__(self, faults: Faults, asker: Asker) -> None:
        """Keep everything until ``start``."""
        self._faults = faults
        self._asker = asker
        self._queue: Queue[Delivery | None] = Queue()
        self._held: list[Delivery] = []
        self._next: list[Delivery] = []
        self._untaken: list[Delivery] = []
        self._url: str | None = None
        self._threads: list[threading.Thread] = []
        self.sent: list[Delivered] = []
        """Every webhook that was sent, in order."""
        self.unsent: list[Delivery] = []
        """Every webhook that nobody was registered for when it was due."""

    def start(self, url: str | None, *, at_once: int = 1) -> None:
        """Send what there is and what comes to ``url``, or to where each is registered.

        With more than one ``at_once`` they come in no certain order, as from a platform with many machines.
        Raises ``ConfigurationError`` if ``url`` leaves this machine.
        """
        if url is not None:
            require_loopback(url)
        self._url = url
        for _ in range(at_once if not self._threads else 0):
            thread = threading.Thread(target=self._run, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Return when what was due is sent."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def post(self, delivery: Delivery) -> None:
        """Take a webhook to be sent."""
        fault = self._faults.of_webhook()
        if fault == "late":
            self._held.append(delivery)
            return
        if fault == "out_of_order":
            self._next.append(delivery)
            return
        for each in (delivery, *([delivery] if fault == "twice" else ()), *self._next):
            self._queue.put(each)
        self._next.clear()

    def release(self) -> None:
        """Send what faults hold back."""
        for each in (*self._next, *self._held):
            self._queue.put(each)
        self._next.clear()
        self._held.clear()

    def again(self) -> int:
        """Send once more what was answered by no 2xx, or by nobody, as platforms do; return how much that is."""
        untaken, self._untaken = self._untaken, []
        for each in untaken:
            self._queue.put(each)
        return len(untaken)

    def waiting(self) -> list[Delivery]:
        """Return what is due and not sent yet, in order; without an address that is everything."""
        return [each for each in self._queue.queue if each is not None]

    def settle(self) -> None:
        """Return when everything that is due was sent; needs ``start`` first."""
        if self._threads:
            self._queue.join()

    def _run(self) -> None:
        while (delivery := self._queue.get()) is not None:
            ways = [way for each in (self._url or "", *delivery.to) if each and (way := self._asker.way_to(each))]
            for way in ways[: 1 if self._url else None]:
                sent = Delivered(delivery=delivery, status=_send(way, delivery))
                if not 200 <= sent.status < 300:
                    self._untaken.append(delivery)
                self.sent.append(sent)
            if not ways:
                self.unsent.append(delivery)
            self._queue.task_done()
        self._queue.task_done()


class Pushing:
    """A block within which webhooks are sent."""

    def __init__(self, postman: Postman, url: str | None) -> None:
        """Keep where to."""
        self._postman = postman
        self._url = url

    def __enter__(self) -> None:
        """Begin."""
        self._postman.start(self._url)

    def __exit__(self, *error: object) -> None:
        """End when what was due is sent."""
        self._postman.stop()

    async def __aenter__(self) -> None:
        """Begin."""
        self._postman.start(self._url)

    async def __aexit__(self, *error: object) -> None:
        """End when what was due is sent; the loop goes on meanwhile, for the gateway may stand in it."""
        await asyncio.to_thread(self._postman.stop)


def _send(url: str, delivery: Delivery) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path or "/", delivery.body, dict(delivery.headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0  # Nobody answered; ``Delivered`` says so.
    finally:
        connection.close()
