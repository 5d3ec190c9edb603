"""What is opened once for all tests of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.authorised import SERVING


@pytest.fixture(autouse=True, scope="session")
def _served() -> Iterator[None]:
    yield
    SERVING.close()
