"""A stage for what is subscribed: a store, a clock, the two platforms of ``tests.hubs``, and a gateway for the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Request, Response
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.subscribing.keeper import Keeper
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import Store
from tests.hubs import Counter, Desk, Hub
from tests.kinds import new_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PUBLIC = "https://hooks.example.org/webhook/"
TOPIC = "https://feeds.example/a"
FIVE_DAYS = 432_000
DAY = 86_400.0


class Subscribed:
    """One process that asks platforms, and the gateway of another on the same store."""

    def __init__(self, store: Store, *, topics: tuple[str, ...] = ()) -> None:
        self.store = store
        self.clock = ManualClock(NOW)
        self.counter = Counter(self.clock)
        credential = Credential(secrets=("newest", "old"))
        self.sites = [
            Site(
                access=Access(platform=Hub(), session=Session(access_token="")),
                credential=Credential(secrets=credential.secrets, topics=topics),
                url=PUBLIC + "hub",
            ),
            Site(
                access=Access(platform=Desk(), session=Session(access_token="t")),
                credential=credential,
                url=PUBLIC + "desk",
            ),
        ]
        self.hub, self.desk = self.sites
        self.subscriber = Subscriber(store, self.sites, self.clock, sender=self.counter)
        self.seconds = 0.0
        self.tally = Tally(NOW)
        sources = {
            each.platform.name: Source(platform=each.platform, credential=each.credential) for each in self.sites
        }
        self.intake = Intake(store, sources, hubs=Hubs(store, lambda: self.seconds), tally=self.tally)

    def forward(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    async def subscribe(self, topic: str = TOPIC) -> Subscription:
        (made,) = await self.subscriber.register(self.hub, self.hub.wish(PUBLIC + "hub", topic=topic))
        return made

    async def post(self) -> Subscription:
        (made,) = await self.subscriber.register(self.desk, self.desk.wish(PUBLIC + "desk"))
        return made

    async def ask(self, method: str = "GET", **parameters: object) -> Response:
        """Ask the gateway what a hub asks."""
        query = urlencode({f"hub.{name}": value for name, value in parameters.items()})
        request = Request(method=method, path="/webhook/hub", query=query, received_at=self.clock.now())
        self.seconds += 1
        return await self.intake.receive(request, "hub")

    async def confirm(self, topic: str = TOPIC, lease: int = FIVE_DAYS, mode: str = "subscribe") -> Response:
        return await self.ask(mode=mode, topic=topic, challenge="c1", lease_seconds=lease)

    async def rows(self) -> list[Subscription]:
        return await self.store.subscriptions()

    async def row(self) -> Subscription:
        (found,) = await self.store.subscriptions()
        return found

    def answers(self, *given: tuple[int, dict[str, str]] | ModerationError) -> None:
        self.counter.answers = list(given)


@asynccontextmanager
async def subscribed(kind: str = "memory", *, topics: tuple[str, ...] = ()) -> AsyncIterator[Subscribed]:
    store = new_store(kind)
    await store.open()
    try:
        yield Subscribed(store, topics=topics)
    finally:
        await store.close()


def keeper_of(stage: Subscribed, name: str = "k1", *, works: bool = True) -> Keeper:
    return Keeper(stage.subscriber, stage.tally, name=name, works=works)
