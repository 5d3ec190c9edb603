"""Alerts: once for each problem and once when it is over, signed, sent again until they are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable
from moderation_ai.core.generic import verify_generic
from moderation_ai.core.http import Headers, Request
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.alerting import LEASE, LOOK, MOST_WAITING, AlertReceiver, Alerts, receiver_of
from moderation_ai.pipeline.watching.health import Health, assess
from moderation_ai.pipeline.watching.standing import Problem
from moderation_ai.stores.base import Counts, Store
from tests.kinds import new_store
from tests.pipeline.board import Simulated
from tests.pipeline.stage import START

pytestmark = pytest.mark.anyio
SECRET = "whsec_" + "c2VjcmV0" * 4


class Stage:
    """A store whose health the test sets, and a receiver that notes what it is sent."""

    def __init__(self, store: Store, clock: Simulated) -> None:
        self.store, self.clock = store, clock
        self.problems: list[Problem] = []
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.answers: list[int | Exception] = []
        self._running: list[tuple[Alerts, asyncio.Task[None]]] = []

    async def health(self) -> Health:
        found = assess(Counts(), Tally(START), Handlers(), {}, self.clock.now(), moderates=True)
        found.problems = [problem.text for problem in self.problems]
        found.causes = [problem.cause for problem in self.problems]
        return found

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        if answer < 300:
            self.got.append((body, dict(headers)))
        return answer

    def begin(self, name: str = "w1") -> Alerts:
        alerts = Alerts(self.store, self.health, AlertReceiver(self, SECRET), self.clock, name=name, chance=lambda: 0.5)
        self._running.append((alerts, asyncio.create_task(alerts.run())))
        return alerts

    async def end(self) -> None:
        for alerts, task in self._running:
            alerts.stop()
            await task
        self._running.clear()

    async def forward(self, seconds: float) -> None:
        await self.clock.forward(seconds, len(self._running))

    def told(self) -> list[tuple[str, str]]:
        return [(one["type"], one["data"]["cause"]) for one in (json.loads(body) for body, _ in self.got)]


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    store = new_store()
    await store.open()
    stage = Stage(store, Simulated(START))
    try:
        yield stage
    finally:
        await stage.end()
        await store.close()


LAG = Problem("lag", "the oldest event waits")
SILENT = Problem("push_silent:instagram", "nothing is pushed")


async def test_a_problem_is_told_once_and_once_more_when_it_is_over() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(LOOK * 3)
        assert stage.told() == []
        stage.problems = [LAG]
        await stage.forward(LOOK * 10)
        stage.problems = [LAG, SILENT]
        await stage.forward(LOOK)
        assert stage.told() == [("problem", "lag"), ("problem", "push_silent:instagram")]
        stage.problems = []
        await stage.forward(LOOK * 3)
        assert stage.told()[2:] == [("recovery", "lag"), ("recovery", "push_silent:instagram")]
        stage.problems = [LAG]
        await stage.forward(LOOK)
        assert stage.told()[4:] == [("problem", "lag")]


async def test_an_alert_is_signed_by_standard_webhooks() -> None:
    async with staged() as stage:
        stage.problems = [LAG]
        stage.begin()
        await stage.forward(LOOK)
        ((body, headers),) = stage.got
        fields = Headers((name.lower().encode(), value.encode()) for name, value in headers.items())
        request = Request(body=body, headers=fields, received_at=stage.clock.now())
        assert verify_generic(request, [SECRET]) == 0
        assert json.loads(body) == {
            "type": "problem",
            "timestamp": "2026-03-01T12:00:00Z",
            "data": {"cause": "lag", "text": "the oldest event waits"},
        }


async def test_of_several_processes_one_tells_a_problem() -> None:
    async with staged() as stage:
        stage.problems = [LAG]
        stage.begin("w1")
        stage.begin("w2")
        await stage.forward(LOOK * 3)
        stage.problems = []
        await stage.forward(LEASE + LOOK * 3)
        assert stage.told() == [("problem", "lag"), ("recovery", "lag")]


async def test_a_restart_tells_nothing_again_and_does_not_forget_that_it_is_over() -> None:
    async with staged() as stage:
        stage.problems = [LAG]
        stage.begin("before")
        await stage.forward(LOOK)
        await stage.end()
        stage.begin("after")
        await stage.forward(LEASE * 2)
        assert stage.told() == [("problem", "lag")]
        stage.problems = []
        await stage.forward(LEASE + LOOK)
        assert stage.told()[1:] == [("recovery", "lag")]


async def test_what_is_not_taken_is_sent_again_with_the_same_id() -> None:
    async with staged() as stage:
        stage.problems = [LAG]
        stage.answers = [PlatformUnavailable("away"), 500, 302, ConfigurationError("inside")]
        stage.begin()
        await stage.forward(1)
        assert stage.told() == []
        await stage.clock.forward(5 + 15 + 45 + 135 + 60, 1)
        assert stage.told() == [("problem", "lag")]


async def test_a_defect_in_sending_ends_no_alerts() -> None:
    async with staged() as stage:
        stage.answers = [ValueError("a defect")]
        stage.problems = [LAG]
        stage.begin()
        await stage.forward(LOOK * 2)
        assert stage.told() == [("problem", "lag")]


async def test_no_more_than_so_many_wait() -> None:
    async with staged() as stage:
        stage.answers = [500] * 1000
        stage.problems = [Problem(f"cause{number}", "x") for number in range(MOST_WAITING + 50)]
        alerts = stage.begin()
        await stage.forward(LOOK * 2)
        assert len(alerts._waiting) <= MOST_WAITING


def test_a_receiver_needs_a_secret() -> None:
    assert receiver_of(None, None) is None
    with pytest.raises(ConfigurationError, match=r"alerts\.secret"):
        receiver_of("https://a.example", None)
    assert receiver_of("https://a.example", "s") is not None
