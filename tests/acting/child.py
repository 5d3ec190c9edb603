"""A gateway that acts on a fake in another process, and dies at a step of its work."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.core.access import Access
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.platforms import find_platform
from moderation_ai.stores.opening import open_store
from moderation_ai.web.doors import bound_to
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.servers import serve
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.acting.clocks import FastClock
from tests.acting.moderating import handlers, standards
from tests.acting.mortal import MortalSender, MortalStore, Steps
from tests.acting.world import KEY, PATIENCE


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is told: the store, whom it acts for and where, how its clock goes, and the step at which it dies."""

    store_url: str
    platform: str
    secret: str
    session: Session
    stand_ins: dict[str, str]
    start: datetime
    began: float
    speed: float
    last_step: int
    by_policy: bool
    written: str


def main(text: str) -> None:
    """Serve until the end; print the addresses once it listens."""
    orders = msgspec.json.decode(text, type=Orders)
    steps = Steps(orders.last_step, orders.written)
    asyncio.run(_serve(_make(orders, steps), steps))


async def _serve(parts: Parts, steps: Steps) -> None:
    def tell(addresses: dict[str, Any]) -> None:
        print(json.dumps({"status": "ready", "pid": os.getpid(), **addresses}), flush=True)  # the parent reads it
        steps.has_begun = True

    with bound_to("127.0.0.1", 0, "the port") as bound:
        await parts.open()
        await serve(Gateway(parts.intake, clock=parts.clock), bound=bound, drain=parts.close, ready=tell)


def _make(orders: Orders, steps: Steps) -> Parts:
    platform = find_platform(orders.platform)
    clock = FastClock(orders.start, orders.began, orders.speed)
    sender = MortalSender(timeout=PATIENCE, stand_ins=orders.stand_ins, now=clock.now)
    sender.steps = steps
    store: Any = MortalStore(open_store(orders.store_url), steps)
    setup = Setup(
        sources={platform.name: Source(platform=platform, credential=Credential(secrets=(orders.secret,)))},
        accesses=(Access(platform=platform, session=orders.session),),
        keys=(KEY,),
        standards=standards(by_policy=orders.by_policy),
    )
    return Parts(store, setup, handlers(by_policy=orders.by_policy), clock=clock, sender=sender)
