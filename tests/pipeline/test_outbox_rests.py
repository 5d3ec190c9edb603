"""The outbox where a platform fails or wants fewer requests: the account is left alone for a while."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from moderation_ai.core.calls import Failure
from moderation_ai.fakes import Fake
from moderation_ai.fakes.replies import row_of
from tests.kinds import KINDS
from tests.pipeline.acted import NOW, staged

pytestmark = pytest.mark.anyio


def unavailable(fake: Fake) -> Failure:
    """Return the documented failure by which the platform says that it cannot now."""
    return row_of(fake.platform.api.failures, *fake.fails)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_platform_that_fails_again_and_again_is_left_alone_longer_each_time(kind: str) -> None:
    async with staged("twitter", kind) as stage:
        for _ in range(16 + 2):
            stage.fake.faults.order(unavailable(stage.fake), "hide")
        wanted = [await stage.want(stage.fake.write(f"{number}")) for number in range(16)]
        stage.begin()
        for action in wanted:
            await stage.until_tried(action)
        # What failed at one time is one failure, however many actions it met.
        (outbox,) = await stage.store.outboxes()
        assert outbox.paused_until == NOW + timedelta(seconds=2)
        assert outbox.reason is not None
        asked = len(stage.fake.calls)
        stage.later(1)
        await stage.want(stage.fake.write("One more."), severity=4)
        assert len(stage.fake.calls) == asked
        stage.later(3)

        async def rests_longer() -> bool:
            until = (await stage.store.outboxes())[0].paused_until
            return until is not None and until >= stage.clock.now() + timedelta(seconds=4)

        await stage.until_so(rests_longer)
        for _ in range(12):
            stage.later(60)
            await asyncio.sleep(0)
        for action in wanted:
            assert (await stage.until(action, "done", "dead", "uncertain")).status == "done"
        assert {stage.fake.count(action.target.id) for action in wanted} == {1}


async def test_a_success_ends_the_count_of_failures() -> None:
    async with staged("twitter") as stage:
        stage.begin()
        for number in range(12):
            if number % 4 != 3:
                stage.fake.faults.order(unavailable(stage.fake), "hide")
            action = await stage.want(stage.fake.write(f"{number}"))
            await stage.until_tried(action)
        assert [each.paused_until for each in await stage.store.outboxes()] == [None]


@pytest.mark.parametrize("name", ["twitter", "instagram", "reddit", "tiktok"])
async def test_where_fewer_requests_are_wanted_and_nobody_says_for_how_long_the_account_rests_a_while(
    name: str,
) -> None:
    async with staged(name) as stage:
        stage.fake.faults.order("limited_silently")
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await stage.until_tried(action)
        (outbox,) = await stage.store.outboxes()
        assert outbox.paused_until is not None
        assert outbox.paused_until >= NOW + timedelta(seconds=60)
        stage.later((outbox.paused_until - NOW).total_seconds() + 1)
        assert (await stage.until(action, "done", "dead")).status == "done"
        assert stage.fake.count(action.target.id) == 1
