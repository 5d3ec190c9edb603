"""Starting, killing and talking to gateway processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from moderation_ai.core.platform import Platform
from moderation_ai.platforms import find_platform

SECRET = "a secret for proofs"
GENERIC: Platform = find_platform("generic")


class Child:
    """A gateway process over a store, with the file in which its handler writes down what it handled."""

    def __init__(self, folder: Path, *, synchronous: str = "FULL", prefix: Sequence[str] = ()) -> None:
        """Start it and wait until it listens."""
        self.handled = folder / "handled.txt"
        self.database = folder / "proof.db"
        arguments = [str(self.database), synchronous, str(self.handled), SECRET]
        command = [*prefix, sys.executable, "-m", "tests.proofs.serving", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.pid = int(ready["pid"])  # not the process's own where a tracer stands before it
        self.port = _port(ready)

    def kill(self) -> None:
        """End it with SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.communicate(timeout=30)

    def stop(self) -> int:
        """End it with SIGTERM and return its exit status."""
        os.kill(self.pid, signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def handled_ids(self) -> set[str]:
        """Return the ids of the events that the handler has run for."""
        return set(self.handled.read_text().split()) if self.handled.exists() else set()


class Nursery:
    """Start gateways one after the other in a tenth of the time: each is forked from a process that has loaded all."""

    def __init__(self, module: str = "tests.proofs.serving") -> None:
        """Start that process; ``module`` has the ``main`` that each runs."""
        self._turn = threading.Lock()
        command = [sys.executable, "-m", "tests.proofs.nursery", module]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *error: object) -> None:
        """Let it end; what it forked goes on."""
        self._process.communicate(timeout=30)

    def start(self, folder: Path) -> Forked:
        """Fork a gateway over the store in ``folder``, and return once it listens."""
        return self.fork(str(folder / "proof.db"), "FULL", str(folder / "handled.txt"), SECRET)

    def fork(self, *arguments: str) -> Forked:
        """Fork the module's ``main`` with these arguments, and return once it listens."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:  # Of two that ask at one time, each must get its own answer.
            self._process.stdin.write(json.dumps(arguments).encode() + b"\n")
            self._process.stdin.flush()
            ready = json.loads(self._process.stdout.readline())
        return Forked(int(ready["pid"]), _port(ready))


class Forked(NamedTuple):
    """A gateway process that is no child of ours."""

    pid: int
    port: int

    def kill(self) -> None:
        """End it with SIGKILL, and return once it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                time.sleep(0.001)


def _port(ready: dict[str, str]) -> int:
    return int(ready["gateway"].split("://")[1].split("/")[0].rsplit(":", 1)[1])


async def wait_for_handled(child: Child, event_ids: set[str], seconds: float = 120) -> None:
    """Return once the handler has run for these events."""
    until = asyncio.get_running_loop().time() + seconds
    while not event_ids <= child.handled_ids() and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.05)
    assert event_ids <= child.handled_ids()


def signed(event_id: str, text: str = "a comment") -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of one signed comment in the brief's envelope."""
    comment = {"id": f"c-{event_id}", "post_id": "p", "author_id": "a", "text": text}
    event = {"event_id": event_id, "event_type": "comment.created", "platform": "generic", "data": {"comment": comment}}
    body = json.dumps(event).encode()
    return body, GENERIC.sign(body, SECRET, datetime.now(UTC))
