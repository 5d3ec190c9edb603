"""What the tests of the face share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["on a loop", "without a loop"])
def with_loop(request: pytest.FixtureRequest) -> bool:
    """Whether the caller of ``handle`` is on an event loop."""
    return bool(request.param == "on a loop")
