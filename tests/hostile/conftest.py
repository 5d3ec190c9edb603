"""A gateway of every platform, shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.stage import Target, target


@pytest.fixture(scope="module")
def gateway() -> Iterator[Target]:
    with target() as running:
        yield running
