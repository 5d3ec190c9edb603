"""What all tests share: the asyncio backend, how many examples property tests try, and no way beyond loopback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.postgres import SHARED, Databases

settings.register_profile(
    "moderation-ai",
    max_examples=int(os.environ.get("MODERATION_AI_FUZZ_EXAMPLES", "100")),
    deadline=None,
    database=DirectoryBasedExampleDatabase(".cache/hypothesis"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("moderation-ai")


class BeyondLoopback(RuntimeError):
    """Say that a test tried to reach another machine."""


def _refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: connections and look-ups go to this machine or fail."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and name not in ("", "localhost") and not _is_loopback(name):
        raise BeyondLoopback(f"a test tried to reach {name}")


def _is_loopback(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_refuse_other_machines)
# A shell lets what it runs in the background ignore this, and the programs of our tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--brief", type=Path, default=None, help="the webhook patterns, to compare our copy of them with")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """Databases on a PostgreSQL server, which is started when the first is wanted."""
    yield SHARED.databases()


def pytest_sessionfinish() -> None:
    """End the server that was started for the tests."""
    SHARED.close()
