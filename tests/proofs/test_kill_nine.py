"""Promise 1, first proof: kill -9 at random points under load; accepted ⊆ stored ⊆ handled."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from moderation_ai.cli.demo.client import Client
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from tests.proofs.children import Child, Nursery, signed

pytestmark = [pytest.mark.anyio, pytest.mark.chaos, pytest.mark.timeout(1800)]

ROUNDS = int(os.environ.get("MODERATION_AI_CHAOS_ROUNDS", "20"))
SENDERS = 32


class Senders:
    """Many clients that post without pause and note what was acknowledged."""

    def __init__(self, client: Client, name: str) -> None:
        self.acknowledged: set[str] = set()
        self.in_flight: set[str] = set()
        self.stopped = False
        self._client = client
        self._name = name
        self._number = 0

    async def post_until_the_end(self) -> None:
        while not self.stopped:
            self._number += 1
            event_id = f"{self._name}-{self._number}"
            body, headers = signed(event_id)
            self.in_flight.add(event_id)
            reply = await self._client.post("/webhook/generic", body, headers)
            self.in_flight.discard(event_id)
            if reply.status == 0:
                return
            assert reply.status == 200, reply
            self.acknowledged.add(event_id)


async def one_round(nursery: Nursery, folder: Path, number: int, chance: random.Random) -> set[str] | None:
    """Run a gateway, kill it at a random moment under load; return what was acknowledged, None if nothing was
    acknowledged or nothing was in flight at that moment (such a round proves nothing)."""
    child = nursery.start(folder)
    async with Client("127.0.0.1", child.port, SENDERS) as client:
        senders = Senders(client, f"r{number}")
        posting = asyncio.gather(*(senders.post_until_the_end() for _ in range(SENDERS)))
        wanted = chance.randrange(1, 300)
        while len(senders.acknowledged) < wanted and not posting.done():
            await asyncio.sleep(0)
        in_flight = set(senders.in_flight)
        child.kill()
        senders.stopped = True
        await posting
    return senders.acknowledged if senders.acknowledged and in_flight else None


async def stored_ids(path: Path) -> set[str]:
    store = SqliteStore(str(path))
    await store.open()
    found = {event.event_id for event in await store.events(EventFilter())}
    await store.close()
    return found


async def test_what_was_acknowledged_survives_kill_nine_and_is_handled(tmp_path: Path) -> None:
    chance = random.Random(20)
    acknowledged: set[str] = set()
    counted = 0
    with Nursery() as nursery:
        for number in range(ROUNDS * 2):
            found = await one_round(nursery, tmp_path, number, chance)
            counted += found is not None
            acknowledged |= found or set()
            assert acknowledged <= await stored_ids(tmp_path / "proof.db")
            if counted == ROUNDS:
                break
    assert counted == ROUNDS, "too few rounds had posts acknowledged and in flight at the kill"
    child = Child(tmp_path)
    try:
        stored = await stored_ids(tmp_path / "proof.db")
        until = asyncio.get_running_loop().time() + 60
        while not stored <= child.handled_ids() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
        assert stored <= child.handled_ids()
    finally:
        child.stop()
    print(f"\n{ROUNDS} rounds of kill -9: {len(acknowledged)} acknowledged, 0 lost, {len(stored)} stored, all handled")
