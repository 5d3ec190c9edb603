"""A platform's fake and a gateway that acts on it, both over HTTP on one machine, and a clock that is turned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from moderation_ai.core.access import Access
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.app import Served
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.web.body import Message, Receive, Send
from moderation_ai.web.doors import Door, bind
from moderation_ai.web.gateway import Gateway
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.acting.holding import check
from tests.acting.moderating import handlers, standards
from tests.acting.plans import Plan
from tests.fakes.stage import Serving

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PATIENCE = 0.25
"""Seconds after which a call that hangs is given up: who gives up too early asks again, and that must do no harm."""
KEY = "A" * 43 + "="
LONGEST = 90.0
"""Seconds of real time that a scenario may take on a slow machine; most take less than a tenth of one."""


class House:
    """What scenarios share, for it takes a while to open: the fakes' addresses and the gateway's."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.serving = Serving()
        self.gateway: Gateway | None = None
        (bound,) = bind("127.0.0.1", 0)
        self._door = Door(self._answer, [bound])

    async def __aenter__(self) -> House:
        """Open the gateway's address."""
        await self._door.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close all addresses."""
        await self._door.close(5.0)
        self.serving.close()

    def url(self, platform: str) -> str:
        """Return where a platform's webhooks go."""
        return f"{self._door.address}/webhook/{platform}"

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if self.gateway is not None:
            await self.gateway(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def make_parts(fake: Fake, store: Store, sender: Sender, clock: ManualClock, *, by_policy: bool) -> Parts:
    """Return a process's worth of moderation for one account on the fake's platform."""
    source = Source(platform=fake.platform, credential=Credential(secrets=(fake.secret,)))
    setup = Setup(
        sources={fake.name: source},
        accesses=(Access(platform=fake.platform, session=fake.session, client=fake.client),),
        keys=(KEY,),
        standards=standards(by_policy=by_policy),
    )
    return Parts(store, setup, handlers(by_policy=by_policy), clock=clock, chance=lambda: 0.5, sender=sender)


class World:
    """One scenario while it runs."""

    def __init__(self, house: House, plan: Plan, store: Store) -> None:
        """Keep the parts; ``running`` begins."""
        self.house, self.plan, self.store = house, plan, store
        self.clock = ManualClock(START)
        self.fake = find_fake(plan.platform, clock=self.clock, times=1000, faults=plan.faults())
        self.things: list[Thing] = []
        self._served: Served = house.serving.of(self.fake)
        self._restart_after = plan.restart_after
        self._turn = 1.0
        self.parts = self._make()

    def _make(self) -> Parts:
        sender = self._served.sender(timeout=PATIENCE, now=self.clock.now)
        return make_parts(self.fake, self.store, sender, self.clock, by_policy=self.plan.by_policy)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Receive and act within the block."""
        await self._open()
        try:
            async with self.fake.push_to(self.house.url(self.fake.name)):
                yield self
        finally:
            self.house.gateway = None
            await self.parts.close(0)

    async def _open(self) -> None:
        await self.parts.open()
        self.house.gateway = Gateway(self.parts.intake, clock=self.clock)

    async def _restart(self) -> None:
        """Stop in the middle: what is being sent is broken off, and another process goes on."""
        self.house.gateway = None
        await self.parts.close(0)
        self.parts = self._make()
        await self._open()

    def write(self) -> None:
        """Have the plan's comments written there, each by somebody else."""
        hiding = self.fake.platform.capabilities["hide"].call
        for call in (hiding, "reply"):
            self.fake.faults.order(self.plan.first, call)
        for number, wish in enumerate(self.plan.wishes):
            author = {"author_id": f"u{number}", "author_username": f"user_{number}"}
            self.things.append(self.fake.write(f"{wish} {number}", **author))

    async def settle(self) -> None:
        """Return when nothing is left to do; the clock is turned whenever nothing moves."""
        while not await self._is_over():
            if self._restart_after is not None and len(self.fake.calls) >= self._restart_after:
                self._restart_after = None
                await self._restart()
            if await self._is_quiet():
                self._go_on()
                await self._authorise()
            await asyncio.sleep(0.002)

    async def _is_over(self) -> bool:
        postman = self.fake.postman
        await asyncio.to_thread(postman.settle)
        if not await self._has_nothing_to_do():
            return False
        # What comes late comes when all else is done, if it did not come before.
        postman.release()
        is_all = not postman.again() and await asyncio.to_thread(self._nothing_came)
        return is_all and await self._has_nothing_to_do()

    async def _has_nothing_to_do(self) -> bool:
        # In this order: what is wanted is there once its event is settled.
        if (await self.store.counts()).by_status.get("pending") or self.parts.worker.held:
            return False
        return not any(box.open for box in await self.store.outboxes())

    def _nothing_came(self) -> bool:
        before = len(self.fake.postman.sent)
        self.fake.postman.settle()
        return len(self.fake.postman.sent) == before

    async def _is_quiet(self) -> bool:
        return not await self.store.actors()

    async def _authorise(self) -> None:
        """Be the person who authorises the account again and sets the new tokens, where none are left to go on with."""
        boxes = await self.store.outboxes()
        if any(box.open and box.paused_until and "token" in (box.reason or "") for box in boxes):
            self.fake.authorise()
            await self._restart()

    def _go_on(self) -> None:
        self._turn = min(self._turn * 2, 600.0)
        self.clock.set(self.clock.now() + timedelta(seconds=self._turn))


async def play(house: House, plan: Plan, store: Store) -> None:
    """Run a scenario on a store that is open; raise ``AssertionError`` if it ends otherwise than it must."""
    async with asyncio.timeout(LONGEST), World(house, plan, store).running() as world:
        world.write()
        await world.settle()
        await check(world.fake, store, world.things)
