"""``WebhookMonitor``: what is wrong is told, and told when it changes."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from moderation_ai.core.errors import GiveUp, StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.health import Health
from moderation_ai.stores.base import Counts, EventFilter
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.utils import WebhookHandler, WebhookMonitor
from tests.webhooks.events import made


@pytest.fixture
def handler() -> WebhookHandler:
    handler = WebhookHandler(secret="s", store=MemoryStore())

    @handler.on("comment.created", name="bad")
    def bad(event: WebhookEvent) -> None:
        raise GiveUp("no use")

    return handler


@pytest.mark.anyio
async def test_health_says_what_is_wrong(handler: WebhookHandler) -> None:
    monitor = WebhookMonitor()
    health = await monitor.check()
    assert (health.status, health.problems, health.handlers) == ("ok", [], ["bad"])
    await handler.handle(made())
    health = await monitor.check()
    assert health.status == "degraded"
    assert health.problems == ["1 dead letters: see `moderation-ai dead-letters list`"]
    assert monitor.last == health


def test_without_a_loop_the_health_is_there(handler: WebhookHandler) -> None:
    assert WebhookMonitor(handler).check().result().status == "ok"


def test_unverified_sources_and_missing_handlers_are_told() -> None:
    health = WebhookMonitor(WebhookHandler(store=MemoryStore(), allow_unverified=True)).check().result()
    assert "instagram: unverified requests are accepted (allow_unverified)" in health.problems
    assert "no handler is registered: events are stored and marked unhandled" in health.problems


class Changes:
    """Collects what a monitor tells."""

    def __init__(self) -> None:
        self.told: list[Health] = []
        self._changed = threading.Condition()

    def __call__(self, health: Health) -> None:
        with self._changed:
            self.told.append(health)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, 10)


def test_a_change_is_told_once(handler: WebhookHandler, caplog: pytest.LogCaptureFixture) -> None:
    changes = Changes()
    monitor = WebhookMonitor(handler, interval=0.005, on_change=changes)
    with caplog.at_level(logging.INFO, "moderation_ai.webhooks.monitor"):
        monitor.start_health_checks()
        monitor.start_health_checks()
        changes.wait_for(1)
        handler.handle(made())
        changes.wait_for(2)
        monitor.stop()
        monitor.stop()
    assert [health.status for health in changes.told] == ["ok", "degraded"]
    assert [m for m in caplog.messages if m.startswith("webhooks")] == [
        "webhooks are ok",
        "webhooks are degraded: 1 dead letters: see `moderation-ai dead-letters list`",
    ]


@pytest.mark.anyio
async def test_it_may_be_started_on_a_loop_and_again_after_its_stop(handler: WebhookHandler) -> None:
    changes = Changes()
    monitor = WebhookMonitor(handler, interval=0.005, on_change=changes)
    monitor.start_health_checks()
    await asyncio.to_thread(changes.wait_for, 1)
    monitor.stop()
    await handler.handle(made())
    monitor.start_health_checks()
    await asyncio.to_thread(changes.wait_for, 2)
    monitor.stop()


class MoodyStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.failures = 2

    async def counts(self) -> Counts:
        if self.failures:
            self.failures -= 1
            raise StoreBusy("not now") if self.failures else RuntimeError("odd")
        return await super().counts()


def test_a_check_that_fails_does_not_end_the_checks(caplog: pytest.LogCaptureFixture) -> None:
    handler, changes = WebhookHandler(secret="s", store=MoodyStore()), Changes()

    def tell(health: Health) -> None:
        changes(health)
        raise ValueError("a user's function")

    monitor = WebhookMonitor(handler, interval=0.005, on_change=tell)
    monitor.start_health_checks()
    changes.wait_for(1)
    handler.handle(made())
    handler.on("*", name="note")(lambda event: None)
    changes.wait_for(2)
    monitor.stop()
    assert [message for message in caplog.messages if "cannot be checked" in message][:2] == [
        "webhooks cannot be checked: not now",
        "webhooks cannot be checked: odd",
    ]


def test_events_are_still_there(handler: WebhookHandler) -> None:
    handler.handle(made())
    events = asyncio.run(handler.engine().parts.store.events(EventFilter()))
    assert [event.status for event in events] == ["dead"]
