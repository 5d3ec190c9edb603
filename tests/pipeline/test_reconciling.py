"""Reconciling: what polling saw is compared with what push told, and a push gone silent is told of."""

from __future__ import annotations

import pytest

from tests.kinds import KINDS
from tests.pipeline.polled import staged

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_what_push_told_of_and_what_it_did_not_is_counted_once(kind: str) -> None:
    async with staged(kind, reconciles=True) as stage:
        stage.wire.write("before there was anything to compare")
        stage.begin()
        await stage.forward(1)
        await stage.push(stage.wire.write())
        stage.wire.write("lost")
        await stage.forward(400)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 1)
        await stage.push(stage.wire.write())
        await stage.forward(400)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed, coverage.missed_in_row) == (2, 1, 0)


async def test_where_polling_was_quicker_than_push_both_told_it() -> None:
    async with staged(reconciles=True, interval=5) as stage:
        stage.begin()
        await stage.forward(1)
        quick, late = stage.wire.write(), stage.wire.write()
        await stage.forward(10)
        assert [event.source for event in await stage.events()] == ["poll", "poll"]
        await stage.push(quick)
        await stage.forward(20)
        assert (await stage.coverage()).pushed == 0, "it is judged when push has had its time"
        await stage.forward(60)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 1)
        await stage.push(late)
        await stage.forward(60)
        assert (await stage.coverage()).missed == 1, "what comes later than that stays missed"


async def test_a_push_that_has_gone_silent_is_told_of_once_and_over_when_it_pushes_again() -> None:
    async with staged(reconciles=True, interval=120, account="brand") as stage:
        stage.begin()
        await stage.forward(1)
        for _ in range(5):
            stage.wire.write()
            await stage.forward(120)
        assert (await stage.coverage()).is_silent(stage.clock.now())
        assert stage.silenced == [("board", "brand")]
        await stage.push(stage.wire.write())
        await stage.forward(120)
        assert not (await stage.coverage()).is_silent(stage.clock.now())


async def test_what_was_counted_is_known_after_a_restart_and_not_counted_again() -> None:
    async with staged(reconciles=True) as stage:
        stage.begin()
        await stage.forward(1)
        await stage.push(stage.wire.write())
        await stage.forward(150)
        await stage.end()
        stage.begin()
        await stage.forward(150)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 0)
