"""A stage for moderation: a platform's fake, a gateway that hears of it, and all that is between, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from moderation_ai.core.access import Access
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.policy.files import parse_policy
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.ledger import Action, Decided, LedgerFilter
from moderation_ai.web.doors import Door, bind
from moderation_ai.web.gateway import Gateway
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.kinds import ANY, new_store

POLICY = """\
schema: moderation-policy/1
id: garden
version: 7
mode: {mode}
rules:
  - {{id: garden.vegetable, standard: policy, when: {{signal: list.vegetables, gte: 1}}, action: hide, severity: high}}
  - {{id: garden.weed, standard: policy, when: {{signal: list.weeds, gte: 1}}, action: remove, severity: critical}}
  - {{id: garden.fruit, standard: policy, when: {{signal: list.fruit, gte: 1}}, action: flag, severity: low}}
floors: {{auto_remove: {{requires: [{{or_rule: [garden.weed]}}]}}}}
lists:
  vegetables: [turnip]
  weeds: [nettle]
  fruit: [rhubarb]
"""
NAMES = ("twitter", "instagram", "reddit", "youtube", "tiktok")


def standards(mode: str = "enforce") -> StandardsEngine:
    """Return an engine that hides turnips, removes nettles and flags rhubarb."""
    return StandardsEngine(parse_policy(POLICY.format(mode=mode), name="garden.yaml"))


class Moderated:
    """What plays: the fake, the parts, and what is stored of both."""

    def __init__(self, fake: Fake, parts: Parts) -> None:
        self.fake, self.parts, self.store = fake, parts, parts.store

    async def events(self) -> list[WebhookEvent]:
        return await self.store.events(EventFilter(), newest_first=False)

    async def decisions(self) -> list[Decided]:
        return list(reversed(await self.store.decisions(LedgerFilter(), limit=1000)))

    async def actions(self) -> list[Action]:
        return list(reversed(await self.store.actions(LedgerFilter(), limit=1000)))

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Return once something is so."""
        async with asyncio.timeout(60):
            while not await is_so():
                await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Return once all that was sent is handled, and all that is wanted is done."""

        async def is_quiet() -> bool:
            await asyncio.to_thread(self.fake.postman.settle)
            counts = await self.store.counts()
            waiting = sum(outbox.open for outbox in await self.store.outboxes())
            return not counts.by_status.get("pending", 0) and not waiting

        # Twice: what was done may have come back as an echo.
        await self.until(is_quiet)
        await self.until(is_quiet)

    async def write(self, text: str, **fields: Any) -> str:
        """Write a comment at the fake, and return its id once all that follows from it is done."""
        thing = await asyncio.to_thread(lambda: self.fake.write(text, **fields))
        await self.settled()
        return thing.id


@asynccontextmanager
async def moderated(
    name: str,
    kind: str = ANY,
    *,
    judge: StandardsEngine | None = None,
    judges: bool = True,
    handlers: Handlers | None = None,
    store: Store | None = None,
    has_token: bool = True,
    session: Callable[[Session], Session] = lambda session: session,
    degrade: bool = True,
    times: float = 1000,
) -> AsyncIterator[Moderated]:
    """Play one platform; ``session`` changes what is acted with. Without ``judges`` no policy is configured."""
    fake = find_fake(name, times=times)
    with fake.serve() as served:
        access = Access(platform=fake.platform, session=session(fake.session), client=fake.client)
        parts = Parts(
            store or new_store(kind),
            Setup(
                sources={name: Source(platform=fake.platform, credential=Credential(secrets=(fake.secret,)))},
                accesses=(access,) if has_token else (),
                standards=(judge or standards()) if judges else None,
                degrade=degrade,
            ),
            Handlers() if handlers is None else handlers,
            sender=served.sender(timeout=60),
            poll=0.05,
        )
        await parts.open()
        door = Door(Gateway(parts.intake, clock=parts.clock), bind("127.0.0.1", 0))
        await door.open()
        try:
            async with fake.push_to(f"{door.address}/webhook/{name}"):
                yield Moderated(fake, parts)
        finally:
            await door.close(1.0)
            await parts.close()
