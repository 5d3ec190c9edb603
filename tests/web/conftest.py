"""A gateway that is shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moderation_ai.stores.base import Store
from tests.kinds import ANY, KINDS, lasting_store, new_store
from tests.web.stage import LOOPS, NewLoop, Served, gateway

# Every kind of store once, and every kind of loop: what the two have to do with one another is little.
_PAIRS = [*((loop, ANY) for loop in LOOPS), *(("asyncio", kind) for kind in KINDS if kind != ANY)]


@pytest.fixture(scope="module", params=_PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the names of the server's kind of loop and of store: each in turn."""
    loop, kind = request.param
    return loop, kind


@pytest.fixture(scope="module")
def new_loop(pair: tuple[str, str]) -> NewLoop:
    """Return what makes the server's loop."""
    return LOOPS[pair[0]]


@pytest.fixture(scope="module")
def store(pair: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Store:
    if pair[1] == "sqlite":
        return lasting_store(tmp_path_factory.mktemp("store") / "store.db", "sqlite")
    return new_store(pair[1])


@pytest.fixture(scope="module")
def served_gateway(store: Store, new_loop: NewLoop) -> Iterator[Served]:
    with gateway(store, new_loop=new_loop) as running:
        yield running


@pytest.fixture
def port(served_gateway: Served) -> int:
    return served_gateway.port
