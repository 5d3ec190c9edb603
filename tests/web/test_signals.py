"""What a process that serves does when it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.web.stage import SECRETS, ask, comment, request, signed

Child = subprocess.Popen[str]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    command = [sys.executable, "-m", "tests.web.waiting_child", str(tmp_path / "waiting.db"), SECRETS[0]]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def line(child: Child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def begin_to_handle(child: Child) -> int:
    """Post an event and wait until its handler runs; return the port."""
    port = int(json.loads(line(child))["gateway"].rpartition(":")[2])
    body = comment("waited for")
    answer = ask(port, request("/webhook/generic", body, signed(body, now=datetime.now(UTC))))
    assert answer.status == 200
    assert line(child) == "handling"
    return port


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_lets_a_handler_come_to_its_end_and_takes_nothing_new_meanwhile(child: Child, how: signal.Signals) -> None:
    port = begin_to_handle(child)
    child.send_signal(how)
    while True:  # The listener closes within a moment of the signal.
        try:
            ask(port, request("/", method="GET"))
        except (ConnectionError, AssertionError):
            break
    assert child.poll() is None
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert [line(child), line(child)] == ["handled", "stopped"]
    assert child.wait(10) == 0


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_ends_at_once_at_the_second_signal(child: Child, how: signal.Signals, status: int) -> None:
    port = begin_to_handle(child)
    child.send_signal(how)
    while True:
        try:
            ask(port, request("/", method="GET"))
        except (ConnectionError, AssertionError):
            break
    child.send_signal(how)
    assert child.wait(10) == status
