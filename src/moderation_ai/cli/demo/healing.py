"""The demo's first scene: a platform stops posting and tells nobody; it is noticed, made good, and caught up with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import msgspec

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import ACTIVE, INVALID
from moderation_ai.fakes.app import Served
from moderation_ai.fakes.instagram import InstagramFake
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.polling.poller import Poller
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.subscribing.keeper import Keeper
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.opening import open_store
from moderation_ai.web.doors import Door, bind
from moderation_ai.web.gateway import Gateway

HOST = "hooks.example.org"
LOST = 10
"""Comments that are written while nothing is pushed, one a minute."""
PATIENCE = 30.0
_VERIFY_TOKEN = "agreed"  # noqa: S105 # It opens nothing but this scene.


class Healing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of comments while push was lost: how many were written, pushed, caught up with, and told twice."""

    platform: str
    written: int
    pushed: int
    polled: int
    twice: int
    was_invalid: bool
    is_active: bool

    @property
    def is_good(self) -> bool:
        """Say whether the loss was noticed and made good, and every comment is there once."""
        return self.was_invalid and self.is_active and self.pushed + self.polled == self.written and self.twice == 0


class Scene:
    """Instagram's fake, a gateway that it posts to, and what keeps the two in touch, on a clock that is turned."""

    def __init__(self, fake: InstagramFake, clock: ManualClock, served: Served, store: Store, tally: Tally) -> None:
        """Put the parts together."""
        self.fake, self.clock, self.store = fake, clock, store
        access = Access(platform=fake.platform, account="shop", session=fake.session, client=fake.client)
        credential = _credential(fake)
        self.site = Site(access=access, credential=credential, url=f"https://{HOST}/webhook/instagram")
        sender = served.sender(now=clock.now)
        self.subscriber = Subscriber(store, [self.site], clock, sender=sender)
        self.keeper = Keeper(self.subscriber, tally, name="demo")
        watch = Watch(access=access, credential=credential)
        self.poller = Poller(store, [watch], clock, name="demo", sender=sender, tally=tally)

    async def register(self) -> None:
        """Have the platform post to the gateway."""
        await self.subscriber.register(self.site, self.site.wish(str(self.site.url)))

    async def status(self) -> str:
        """Return how the platform says that it stands."""
        listed = await self.subscriber.listed(self.site)
        return listed[0].status if listed else INVALID

    async def write(self, count: int, *, seconds: float) -> None:
        """Have comments written, so many seconds apart, and what is pushed of them arrive."""
        for number in range(count):
            self.clock.set(self.clock.now() + timedelta(seconds=seconds))
            self.fake.write(f"comment {number}")
        await asyncio.to_thread(self.fake.postman.settle)

    async def sources(self) -> list[tuple[str, str]]:
        """Return of each stored comment its id and by which road it came."""
        events = await self.store.events(EventFilter(event_type="comment.created"))
        return [(str(each.data.id), each.source) for each in events]

    async def catch_up(self, wanted: int) -> None:
        """Poll until ``wanted`` comments are stored, or patience ends."""
        polling = asyncio.create_task(self.poller.run())
        with suppress(TimeoutError):  # What is missing then is counted.
            async with asyncio.timeout(PATIENCE):
                while len(await self.sources()) < wanted:
                    self.clock.set(self.clock.now() + timedelta(seconds=60))
                    await asyncio.sleep(0.05)
        self.poller.stop()
        await polling


async def heal(say: Callable[[str], None]) -> Healing:
    """Play the scene and return what became of the comments; ``say`` is given lines for people."""
    async with _scene() as scene:
        await scene.register()
        await scene.write(3, seconds=20)
        scene.fake.installed.clear()
        await scene.write(LOST, seconds=60)
        lost = LOST + 3 - len(await scene.sources())
        say(f"instagram stopped posting and told nobody: {lost} comments in 10 minutes did not arrive")
        was_invalid = await scene.status() == INVALID
        scene.clock.set(scene.clock.now() + timedelta(hours=1))
        await scene.keeper.keep()
        is_active = await scene.status() == ACTIVE
        await scene.write(3, seconds=20)
        say("the keeper looked, found it invalid and registered it again; a poll catches up with what was missed")
        await scene.catch_up(LOST + 6)
        found = await scene.sources()
    return Healing(
        platform="instagram",
        written=LOST + 6,
        pushed=sum(source == "webhook" for _, source in found),
        polled=sum(source == "poll" for _, source in found),
        twice=len(found) - len({id_ for id_, _ in found}),
        was_invalid=was_invalid,
        is_active=is_active,
    )


@asynccontextmanager
async def _scene() -> AsyncIterator[Scene]:
    clock = ManualClock(datetime.now(UTC).replace(microsecond=0))
    fake, store, tally = InstagramFake(clock=clock), open_store("memory://"), Tally(clock.now())
    await store.open()
    sources = {"instagram": Source(platform=fake.platform, credential=_credential(fake))}
    door = Door(Gateway(Intake(store, sources, tally=tally), clock=clock), bind("127.0.0.1", 0))
    await door.open()
    fake.reach(HOST, door.address)
    try:
        with fake.serve() as served:
            async with fake.push():
                yield Scene(fake, clock, served, store, tally)
    finally:
        await door.close(1.0)
        await store.close()


def _credential(fake: InstagramFake) -> Credential:
    return Credential(secrets=(fake.secret,), name="shop", verify_token=_VERIFY_TOKEN, accounts={fake.account: "shop"})
