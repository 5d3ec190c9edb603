"""The poller: every feed is read when it is due, nothing is missed, and nothing is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.platform import Credential
from moderation_ai.pipeline.polling.poller import LEASE, LOOK, duty_of
from moderation_ai.stores.base import Store
from tests.kinds import KINDS, new_store
from tests.pipeline.polled import staged

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_written_is_in_the_store_within_an_interval_and_once(kind: str) -> None:
    async with staged(kind) as stage:
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert await stage.ids() == ["c1"]
        stage.wire.write()
        await stage.forward(60)
        assert await stage.ids() == ["c1", "c2"]
        await stage.forward(600)
        assert await stage.ids() == ["c1", "c2"]
        assert stage.added == 2, "the worker is woken for what is new alone"
        assert len(stage.wire.asked) == 12


async def test_an_event_says_that_it_was_polled_and_its_page_is_kept() -> None:
    async with staged(account="brand", credential=Credential(accounts={"7": "brand"})) as stage:
        stage.wire.write("mine", by="7")
        stage.wire.write("theirs", by="8")
        stage.begin()
        await stage.forward(1)
        mine, theirs = await stage.events()
        assert (mine.source, mine.account, mine.own, theirs.own) == ("poll", "brand", True, False)
        body = await stage.store.raw_body(theirs.seq)
        assert b"theirs" in (body or b"")


@pytest.mark.parametrize("polled_first", [True, False])
async def test_what_is_pushed_and_polled_is_one_event(polled_first: bool) -> None:
    async with staged(credential=Credential(name="brand")) as stage:
        item = stage.wire.write()
        if polled_first:
            stage.begin()
            await stage.forward(1)
            await stage.push(item)
        else:
            await stage.push(item)
            stage.begin()
            await stage.forward(1)
        assert [event.source for event in await stage.events()] == ["poll" if polled_first else "webhook"]


async def test_more_pages_are_asked_for_at_once() -> None:
    async with staged() as stage:
        for _ in range(40):
            stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert len(await stage.ids()) == 40
        assert stage.tally.polled["board", "new"] == 40


async def test_a_feed_that_always_says_there_is_more_is_not_asked_for_ever() -> None:
    async with staged() as stage:
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        stage.wire.page = 0
        await stage.forward(600)
        assert len(stage.wire.asked) == 11


async def test_each_of_several_feeds_is_read_by_its_own_cursor() -> None:
    async with staged(watched=("a", "b")) as stage:
        stage.wire.write(of="a")
        stage.begin()
        await stage.forward(60)
        stage.wire.write(of="b")
        await stage.forward(60)
        assert await stage.ids() == ["c1", "c2"]
        assert [(await stage.cursor(of)).cursor for of in "ab"] == ["1", "2"]


async def test_the_configured_interval_counts_in_place_of_the_feeds_own() -> None:
    async with staged(interval=300) as stage:
        stage.begin()
        await stage.forward(1500)
        assert len(stage.wire.asked) == 6


# --- one at a time, and after a stop ---


@pytest.mark.parametrize("kind", KINDS)
async def test_of_several_processes_one_polls_an_account(kind: str) -> None:
    async with staged(kind) as stage:
        stage.begin("w1")
        await stage.forward(1)
        stage.begin("w2")
        stage.begin("w3")
        await stage.forward(600)
        assert len(stage.wire.asked) == 11
        assert [(duty.name, duty.worker) for duty in await stage.store.duties()] == [(duty_of(stage.watch), "w1")]


async def test_when_a_process_dies_another_goes_on_where_it_stopped() -> None:
    async with staged() as stage:
        stage.begin("w1")
        stage.wire.write()
        await stage.forward(1)
        await stage.kill()
        stage.wire.write()
        stage.begin("w2")
        await stage.forward(LEASE + LOOK + 60)
        assert await stage.ids() == ["c1", "c2"]
        assert [duty.worker for duty in await stage.store.duties()] == ["w2"]


async def test_who_stops_in_order_leaves_the_duty_to_the_next_at_once() -> None:
    async with staged() as stage:
        stage.begin("w1")
        await stage.forward(1)
        await stage.end()
        assert await stage.store.duties() == []


async def test_what_was_written_while_nobody_polled_is_read_then() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(1)
        await stage.end()
        stage.clock.jump(36_000)
        for _ in range(20):
            stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert len(await stage.ids()) == 20


async def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(1)
        asked = len(stage.wire.asked)
        await stage.end()
        stage.clock.jump(-18_000)
        stage.begin()
        await stage.forward(1)
        assert len(stage.wire.asked) == asked + 1


class Failing:
    """A store that cannot take a page at first."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def add(self, *arguments: Any, **named: Any) -> Any:
        if self.times:
            self.times -= 1
            raise StoreBusy("full")
        return await self._store.add(*arguments, **named)


async def test_the_cursor_moves_only_when_the_events_are_stored() -> None:
    failing = Failing(new_store(), 3)
    async with staged(store=failing) as stage:  # type: ignore[arg-type]  # it passes on all but one verb
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert await stage.store.cursors() == []
        await stage.forward(30)
        assert failing.times == 0
        assert (await stage.ids(), (await stage.cursor()).cursor) == (["c1"], "1")
