"""A gateway that is shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moderation_ai.stores.memory import MemoryStore
from tests.web.stage import LOOPS, NewLoop, Served, gateway


@pytest.fixture(scope="module", params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """Return what makes the server's loop: each kind in turn."""
    return LOOPS[request.param]


@pytest.fixture(scope="module")
def store(new_loop: NewLoop) -> MemoryStore:
    return MemoryStore()


@pytest.fixture(scope="module")
def served_gateway(store: MemoryStore, new_loop: NewLoop) -> Iterator[Served]:
    with gateway(store, new_loop=new_loop) as running:
        yield running


@pytest.fixture
def port(served_gateway: Served) -> int:
    return served_gateway.port
