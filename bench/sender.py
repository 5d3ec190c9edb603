"""Our own load generator, run as ``python -m bench.sender PORT PATH CONNECTIONS SECONDS``."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import time
from contextlib import suppress
from statistics import quantiles
from typing import cast

from bench import bodies, child, loops
from bench.load import Sample

_PER_SECOND = 40_000  # about what this sender can send; a pool that is spent ends the run early
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")


class Run:
    """What all connections share: the requests still to send and what came back."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests = requests
        self.over = asyncio.Event()
        self.times: list[int] = []
        self.refused = 0
        self.broken = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection: sends the next request when the last one is answered."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.held = b""
        self.sent_at = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; ``send_next`` begins."""
        self.transport = cast(asyncio.Transport, transport)

    def send_next(self) -> None:
        """Send a request that was never sent, or stop when there is none or the time is up."""
        if self.run.over.is_set() or self.transport is None:
            return
        if not self.run.requests:
            self.run.over.set()
            return
        self.sent_at = time.perf_counter_ns()
        self.transport.write(self.run.requests.pop())

    def data_received(self, data: bytes) -> None:
        """Count a whole answer, then send on."""
        self.held += data
        head = self.held.find(b"\r\n\r\n")
        if head < 0 or len(self.held) < head + 4 + _length(self.held):
            return
        self.run.times.append(time.perf_counter_ns() - self.sent_at)
        if self.held[9:10] != b"2":
            self.run.refused += 1
        self.held = b""
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that ended while the run went on."""
        self.transport = None
        self.run.broken += not self.run.over.is_set()


def _length(answer: bytes) -> int:
    found = _LENGTH.search(answer)
    return int(found[1]) if found else 0


async def load(port: int, path: str, connections: int, seconds: float) -> Sample:
    """Send for this long over so many connections; return what was seen."""
    shared = Run(_signed(path, port, int(_PER_SECOND * seconds)))
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: Connection(shared), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    start = time.perf_counter()
    for connection in opened:
        connection.send_next()
    with suppress(TimeoutError):
        await asyncio.wait_for(shared.over.wait(), seconds)
    shared.over.set()
    return _sample(shared, time.perf_counter() - start)


def _signed(path: str, port: int, count: int) -> list[bytes]:
    form, tag = bodies.template(), bodies.new_tag()
    payloads = (bodies.body(form, tag, number) for number in range(count))
    return [bodies.request(path, port, payload, bodies.signature(payload)) for payload in payloads]


def _sample(shared: Run, seconds: float) -> Sample:
    times = shared.times
    if len(times) < 100:
        raise SystemExit(f"{len(times)} answers are not a measurement")
    cuts = quantiles(times, n=100)
    return Sample(
        seconds=seconds,
        answered=len(times),
        refused=shared.refused,
        broken=shared.broken,
        p50_ms=cuts[49] / 1e6,
        p99_ms=cuts[98] / 1e6,
        max_ms=max(times) / 1e6,
    )


def main() -> None:
    """Read the arguments, run, answer with a ``Sample``."""
    port, path, connections, seconds = sys.argv[1:]
    gc.disable()  # a pause of ours would be read as a pause of the server's
    child.answer(loops.run(load(int(port), path, int(connections), float(seconds))))


if __name__ == "__main__":
    main()
