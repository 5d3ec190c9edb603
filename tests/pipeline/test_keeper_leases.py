"""The keeper and the leases of hubs, on a simulated clock: renewed in time, and asked for again where that fails."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from moderation_ai.pipeline.subscribing.keeper import ROUND
from tests.kinds import KINDS
from tests.pipeline.subscribed import DAY, NOW, TOPIC, keeper_of, subscribed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lease_is_renewed_at_80_percent_and_not_before(kind: str) -> None:
    async with subscribed(kind) as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY - 60)
        assert await keeper.keep() == ROUND
        assert len(stage.counter.asked) == 1
        stage.forward(60)
        await keeper.keep()
        assert len(stage.counter.asked) == 2
        await stage.confirm()
        assert (await stage.row()).expires_at == NOW + timedelta(days=9)


async def test_thirty_days_pass_without_a_gap() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        asked = 1
        for _ in range(30 * 24):
            stage.forward(3600)
            await keeper.keep()
            if len(stage.counter.asked) > asked:
                asked = len(stage.counter.asked)
                await stage.confirm()
            row = await stage.row()
            assert row.status == "active"
            assert row.expires_at is not None
            assert row.expires_at > stage.clock.now()
        assert 7 <= asked <= 9


async def test_a_renewal_that_the_hub_does_not_confirm_is_asked_for_again_with_growing_waits() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY)
        times = []
        for _ in range(24 * 60):
            before = len(stage.counter.asked)
            await keeper.keep()
            if len(stage.counter.asked) > before:
                times.append(stage.clock.now())
            stage.forward(60)
        waits = [(later - sooner).total_seconds() / 60 for sooner, later in pairwise(times)]
        assert waits[:4] == [5, 10, 20, 40]
        assert waits == sorted(waits)
        await keeper.keep()
        row = await stage.row()
        assert (row.status, row.reason) == ("expired", "its lease ended and was not renewed")


async def test_a_lease_that_ended_is_asked_for_again() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(6 * DAY)
        await keeper_of(stage).keep()
        assert (await stage.row()).status == "expired"
        assert len(stage.counter.asked) == 2
        await stage.confirm()
        row = await stage.row()
        assert (row.status, row.reason) == ("active", None)


async def test_a_hub_that_answers_503_is_asked_when_it_says() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        stage.answers((503, {"retry-after": "900"}))
        await stage.subscribe()
        stage.forward(899)
        await keeper.keep()
        assert len(stage.counter.asked) == 1
        stage.forward(1)
        await keeper.keep()
        assert len(stage.counter.asked) == 2
        await stage.confirm()
        assert (await stage.row()).status == "active"


async def test_a_denial_is_asked_about_an_hour_later() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.ask(mode="denied", topic=TOPIC, reason="no")
        stage.forward(3500)
        await keeper.keep()
        assert (await stage.row()).status == "denied"
        stage.forward(3 * 3600)
        await keeper.keep()
        assert (await stage.row()).status == "pending"
        await stage.confirm()
        assert (await stage.row()).status == "active"
