"""Polling as part of the whole: what is configured is polled and handled."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.clock import SystemClock
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.platforms import find_platform
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.kinds import new_store
from tests.pipeline.board import Board, Wire

pytestmark = pytest.mark.anyio


async def test_what_is_polled_is_handled() -> None:
    clock, store, handlers = SystemClock(), new_store(), Handlers()
    handled: asyncio.Queue[WebhookEvent] = asyncio.Queue()
    handlers.add(handled.put, ("comment.created",), name="h")
    wire = Wire(clock.now)
    wire.write("hello")
    watch = Watch(access=Access(platform=Board(), session=Session(access_token="t")))
    parts = Parts(store, Setup(watches=(watch,)), handlers, sender=wire)
    await parts.open()
    try:
        event = await asyncio.wait_for(handled.get(), 60)
        assert (event.text, event.source) == ("hello", "poll")
        assert [duty.name for duty in await store.duties()] == ["poll:board"]
    finally:
        assert await parts.close()


async def test_a_process_that_only_receives_polls_nothing() -> None:
    wire = Wire(SystemClock().now)
    watch = Watch(access=Access(platform=Board(), session=Session(access_token="t")))
    parts = Parts(new_store(), Setup(watches=(watch,)), Handlers(), sender=wire, works=False)
    await parts.open()
    await asyncio.sleep(0)
    await parts.close()
    assert wire.asked == []


def test_what_cannot_be_watched_is_refused_at_the_start() -> None:
    watch = Watch(access=Access(platform=find_platform("reddit"), session=Session(access_token="t")), watched=("a b",))
    with pytest.raises(ConfigurationError, match="a b"):
        Parts(new_store(), Setup(watches=(watch,)), Handlers())
