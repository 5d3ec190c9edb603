"""``WebhookMonitor``: what is wrong is told, and told when it changes."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.errors import ConfigurationError, GiveUp, StoreBusy, UnknownPlatform
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.watching.health import Health
from moderation_ai.stores.base import Counts, EventFilter
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.utils import WebhookHandler, WebhookMonitor
from tests.webhooks.children import run_program
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
    assert (health.status, health.problems, health.causes, health.handlers) == ("ok", [], [], ["bad"])
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
            assert self._changed.wait_for(lambda: len(self.told) >= count, 60)


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
        "webhooks at /webhook are ok",
        "webhooks at /webhook are degraded: 1 dead letters: see `moderation-ai dead-letters list`",
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


def test_what_is_mended_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    handler, changes = WebhookHandler(secret="s", endpoint="/in", store=MemoryStore()), Changes()
    monitor = WebhookMonitor(handler, interval=0.005, on_change=changes)
    with caplog.at_level(logging.INFO, "moderation_ai.webhooks.monitor"):
        monitor.start_health_checks()
        changes.wait_for(1)
        handler.on("*", name="note")(lambda event: None)
        changes.wait_for(2)
        monitor.stop()
    assert [health.causes for health in changes.told] == [["no_handler"], []]
    assert caplog.messages == [
        "webhooks at /in are degraded: no handler is registered: events are stored and marked unhandled",
        "webhooks at /in are ok",
    ]


def test_what_gets_worse_is_not_told_again(handler: WebhookHandler) -> None:
    changes = Changes()
    monitor = WebhookMonitor(handler, interval=0.005, on_change=changes)
    handler.handle(made("c1"))
    monitor.check()
    handler.handle(made("c2"))
    assert monitor.check().result().problems == ["2 dead letters: see `moderation-ai dead-letters list`"]
    assert [health.counts.dead_letters for health in changes.told] == [1]


def test_several_monitors_watch_several_handlers(handler: WebhookHandler) -> None:
    other = WebhookHandler(secret="s", endpoint="/other", store=MemoryStore())
    one, two = Changes(), Changes()
    monitors = [
        WebhookMonitor(handler, interval=0.005, on_change=one),
        WebhookMonitor(other, interval=0.005, on_change=two),
    ]
    for monitor in monitors:
        monitor.start_health_checks()
    one.wait_for(1)
    two.wait_for(1)
    for monitor in monitors:
        monitor.stop()
    assert ([health.causes for health in one.told], [health.causes for health in two.told]) == ([[]], [["no_handler"]])


def test_a_platform_that_falls_silent_is_told(handler: WebhookHandler) -> None:
    changes = Changes()
    monitor = WebhookMonitor(handler, interval=0.005, on_change=changes, silence_after={"x": 1.5})
    monitor.start_health_checks()
    changes.wait_for(2)
    monitor.stop()
    assert [health.causes for health in changes.told] == [[], ["silence:twitter"]]


@pytest.mark.parametrize("limits", [{"instagram": 0}, {"instagram": "an hour"}])
def test_a_limit_that_is_none_is_refused(handler: WebhookHandler, limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="seconds above 0"):
        WebhookMonitor(handler, silence_after=limits)


def test_a_platform_that_is_unknown_is_refused(handler: WebhookHandler) -> None:
    with pytest.raises(UnknownPlatform, match="nowhere"):
        WebhookMonitor(handler, silence_after={"nowhere": 60})


START = """
handler = WebhookHandler(secret="s", store="memory://")
told = threading.Event()
monitor = WebhookMonitor(interval=0.01, on_change=lambda health: told.set())
"""


@pytest.mark.parametrize(
    "program",
    [
        "monitor.start_health_checks(); assert told.wait(20)",
        "monitor.start_health_checks()",
        """
async def main():
    monitor.start_health_checks()
    assert await asyncio.to_thread(told.wait, 20)
asyncio.run(main())
""",
    ],
    ids=["without a loop", "at once over", "inside a loop"],
)
def test_it_keeps_no_program_from_ending(tmp_path: Path, program: str) -> None:
    ended = run_program(tmp_path, START + program)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert "Error" not in ended.stderr
    assert "destroyed" not in ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine has no fork")
def test_a_forked_child_starts_its_own(tmp_path: Path) -> None:
    ended = run_program(
        tmp_path,
        START
        + """
monitor.start_health_checks()
assert told.wait(20)
pid = os.fork()
if pid == 0:
    told = threading.Event()
    monitor.last = None
    monitor.start_health_checks()
    os._exit(0 if told.wait(20) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
    )
    assert ended.returncode == 0, ended.stderr


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
    events = asyncio.run(handler.runtime().parts.store.events(EventFilter()))
    assert [event.status for event in events] == ["dead"]
