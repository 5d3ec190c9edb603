"""What push loses, polling heals: every platform's fake, over HTTP, on a simulated clock, the whole pipeline behind it.

And how long a comment waits where a platform is only polled: half an interval on average and in the median.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import mean, median

import pytest

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.polling.poller import Poller
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.watching.standing import Standing, problems_of, read_standings
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.web.doors import Door, bind
from moderation_ai.web.gateway import Gateway
from tests.kinds import LASTING, new_store
from tests.pipeline.board import Simulated

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 24, 10, tzinfo=UTC)
MINUTE = 60.0
PUSHED = ("instagram", "tiktok", "reddit")
POLLED = ("youtube",)
WATCHED = {"reddit": ("r/breadmakers",)}


class Play:
    """A fake, a gateway that it pushes to, a poller that reads it, and the store of both."""

    def __init__(self, fake: Fake, store: Store, clock: Simulated) -> None:
        self.fake, self.store, self.clock = fake, store, clock
        self.silenced: list[tuple[str, str]] = []
        self.written: dict[str, datetime] = {}

    async def hear(self, platform: str, account: str) -> None:
        self.silenced.append((platform, account))

    async def write(self, number: int, *, lost: bool = False) -> None:
        """Have a comment written, and its webhook arrive, or be lost."""
        if lost:
            self.fake.faults.order_webhook("late")  # Nobody releases it.
        thing = await asyncio.to_thread(self.fake.write, f"comment {number}")
        await asyncio.to_thread(self.fake.postman.settle)
        self.written[thing.id] = thing.created_at

    async def forward(self, seconds: float) -> None:
        await self.clock.forward(seconds)

    async def told(self) -> list[WebhookEvent]:
        events = await self.store.events(EventFilter(), newest_first=False)
        return [event for event in events if event.event_type in ("comment.created", "comment.held")]

    async def standing(self) -> Standing:
        [found] = await read_standings(self.store, {(self.fake.name, "")}, self.clock.now())
        return found

    async def causes(self) -> list[str]:
        return [problem.cause for problem in problems_of([await self.standing()], self.clock.now())]


@asynccontextmanager
async def played(name: str, *, pushes: bool = True, interval: float | None = None) -> AsyncIterator[Play]:
    clock = Simulated(START)
    fake, store = find_fake(name, clock=clock, times=1000), new_store("postgres" if LASTING == "postgres" else "memory")
    await store.open()
    play = Play(fake, store, clock)
    credential = Credential(secrets=(fake.secret,))
    with fake.serve() as served:
        access = Access(platform=fake.platform, session=fake.session, client=fake.client)
        watch = Watch(
            access=access, credential=credential, watched=WATCHED.get(name, ()), interval=interval, pushes=pushes
        )
        poller = Poller(
            store, [watch], clock, name="w", sender=served.sender(timeout=60, now=clock.now), on_silent=play.hear
        )
        sources = {name: Source(platform=fake.platform, credential=credential)}
        intake = Intake(store, sources, on_repeats=poller.note_repeats)
        door = Door(Gateway(intake, clock=clock), bind("127.0.0.1", 0))
        await door.open()
        running = asyncio.create_task(poller.run())
        try:
            async with fake.push_to(f"{door.address}/webhook/{name}"):
                await play.forward(1)
                yield play
                poller.stop()
                await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await door.close(1.0)
            await store.close()


@pytest.mark.parametrize("name", PUSHED)
async def test_ten_minutes_in_which_every_webhook_is_lost_cost_no_comment_and_make_none_twice(name: str) -> None:
    # Reddit's own interval of 10 s would be the same, and six times as long to play.
    async with played(name, interval=60 if name == "reddit" else None) as play:
        random = Random(f"{name} 7")
        for number in range(90):
            is_lost = 10 * MINUTE <= number * 20 < 20 * MINUTE
            await play.write(number, lost=is_lost)
            await play.forward(random.uniform(15, 25))
            if number == 60:
                during = await play.causes()
        await play.forward(2 * 300 + 60)
        told = await play.told()
        times = Counter(event.lane.partition(":")[2] for event in told)
        assert set(times) == set(play.written), "100 % of the comments that exist at the fake are in the store"
        assert set(times.values()) == {1}, "and no event twice"
        by_poll = sum(event.source == "poll" for event in told)
        assert by_poll >= 25, "what was lost came by polling"
        assert f"push_silent:{name}" in during, "the silence was noticed"
        assert play.silenced == [(name, "")], "the keeper was told of it, once"
        standing = await play.standing()
        assert standing.missed <= by_poll
        assert not standing.push_silent, "it is over"
        assert standing.coverage is not None
        assert 0.5 < standing.coverage < 0.8, "a third was lost"
        assert not play.fake.misunderstood


async def test_a_push_that_never_begins_is_noticed_too() -> None:
    async with played("instagram") as play:
        for number in range(12):
            await play.write(number, lost=True)
            await play.forward(100)
        assert "push_silent:instagram" in await play.causes()
        assert (await play.standing()).coverage == 0.0


@pytest.mark.parametrize("name", POLLED)
async def test_where_a_platform_is_only_polled_a_comment_waits_half_an_interval(name: str) -> None:
    interval = 30.0
    async with played(name, pushes=False, interval=interval) as play:
        random = Random(f"{name} 11")
        for number in range(60):
            await play.write(number, lost=True)
            await play.forward(random.uniform(1, 40))
        await play.forward(interval * 2)
        waits = [
            (event.received_at - play.written[event.lane.partition(":")[2]]).total_seconds()
            for event in await play.told()
            if event.received_at is not None
        ]
        assert len(waits) == 60
        # Times are drawn, so what is half an interval on average is so within a tenth.
        assert mean(waits) <= interval / 2 * 1.1
        assert median(waits) <= interval / 2 * 1.15
        assert max(waits) <= interval + timedelta(seconds=1).total_seconds()
        assert await play.causes() == []
