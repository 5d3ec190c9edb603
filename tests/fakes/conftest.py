"""The addresses at which fakes are served, one for each platform in the whole run: to close a server takes a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.gates import GATES
from tests.fakes.stage import SERVING


@pytest.fixture(autouse=True, scope="session")
def _closed_at_the_end() -> Iterator[None]:
    yield
    SERVING.close()
    GATES.close()
