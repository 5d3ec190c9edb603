"""What the tests of the face share."""

from __future__ import annotations

import pytest

from moderation_ai.utils import WebhookHandler
from tests.kinds import new_store
from tests.webhooks.events import ONCE, Book


@pytest.fixture(params=["on a loop", "without a loop"])
def with_loop(request: pytest.FixtureRequest) -> bool:
    """Whether the caller of ``handle`` is on an event loop."""
    return bool(request.param == "on a loop")


@pytest.fixture
def handler() -> WebhookHandler:
    """A handler on a store of its own, whose functions run once."""
    return WebhookHandler(secret="s", store=new_store(), retries=ONCE)


@pytest.fixture
def book() -> Book:
    """Where handlers write down what they were given."""
    return Book()
