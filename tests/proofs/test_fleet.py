"""Any of two gateways, two workers or PostgreSQL itself is killed under load: nothing acknowledged is lost, no lane's
order is broken."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation_ai.cli.demo.client import Client
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.postgres import PostgresStore
from tests.postgres import DSN_VARIABLE, running
from tests.proofs.children import GENERIC, SECRET
from tests.proofs.fleet import Fleet

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3600), pytest.mark.chaos]

ROUNDS = min(50, int(os.environ.get("MODERATION_AI_CHAOS_ROUNDS", "3")))
SENDERS, LANES = 12, 40
SECONDS = 300.0


class Load:
    """Senders that post changes of a few objects to both gateways, and note what was acknowledged."""

    def __init__(self, ports: list[int]) -> None:
        self.acknowledged: set[str] = set()
        self.stopped = False
        self._ports = ports
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Post until stopped; a gateway that is gone is waited for."""
        await asyncio.gather(*(self._post(self._ports[number % 2]) for number in range(SENDERS)))

    async def _post(self, port: int) -> None:
        while not self.stopped:
            try:
                async with Client("127.0.0.1", port, 1) as client:
                    await self._post_all(client)
            except OSError:
                await asyncio.sleep(0.05)

    async def _post_all(self, client: Client) -> None:
        while not self.stopped:
            number = next(self._numbers)
            event_id = f"e{number}"
            reply = await client.post("/webhook/generic", *signed(event_id, f"c{number % LANES}"))
            if reply.status == 0:
                return
            if reply.status == 200:
                self.acknowledged.add(event_id)
            else:
                assert reply.status == 503, reply
                await asyncio.sleep(0.05)


def signed(event_id: str, comment_id: str) -> tuple[bytes, dict[str, str]]:
    comment = {"id": comment_id, "post_id": "p", "author_id": "a", "text": event_id}
    event = {
        "event_id": event_id,
        "event_type": "comment.updated",
        "timestamp": datetime.now(UTC).isoformat(),
        "platform": "generic",
        "data": {"comment": comment},
    }
    body = json.dumps(event).encode()
    return body, GENERIC.sign(body, SECRET, datetime.now(UTC))


async def _wait_for_quiet(store: PostgresStore) -> None:
    until = asyncio.get_running_loop().time() + SECONDS
    while (await store.counts()).by_status["pending"]:
        assert asyncio.get_running_loop().time() < until, await store.counts()
        await asyncio.sleep(0.1)


def _check_order(fleet: Fleet) -> None:
    """Check that of each lane every event ran first after all earlier ones had run first."""
    first: dict[str, dict[int, int]] = {}
    for when, lane, seq in fleet.handled():
        first.setdefault(lane, {}).setdefault(seq, when)
    for lane, runs in first.items():
        order = sorted(runs, key=lambda seq: runs[seq])
        assert order == sorted(order), f"{lane} was handled as {order}"


@pytest.mark.skipif(DSN_VARIABLE in os.environ, reason="a server that is not ours is not killed")
async def test_a_fleet_loses_nothing_and_keeps_its_lanes_whoever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(4)
    killed: list[str] = []
    with running() as server, Fleet(server, tmp_path) as fleet:
        load = Load(fleet.ports)
        sending = asyncio.create_task(load.run())
        for _ in range(ROUNDS):
            wanted = len(load.acknowledged) + chance.randrange(20, 120)
            while len(load.acknowledged) < wanted and not sending.done():
                await asyncio.sleep(0.005)
            killed.append(await asyncio.to_thread(fleet.kill_one, chance))
        load.stopped = True
        await sending
        store = PostgresStore(server.dsn())
        await store.open()
        try:
            await _wait_for_quiet(store)
            found = await store.events(EventFilter())
        finally:
            await store.close()
        assert load.acknowledged <= {event.event_id for event in found}
        assert {event.status for event in found} == {"done"}
        assert {event.seq for event in found} == {seq for _, _, seq in fleet.handled()}
        _check_order(fleet)
        assert all(member.stop() == 0 for member in fleet.members.values())
    print(f"\n{ROUNDS} kills ({', '.join(sorted(set(killed)))}): {len(load.acknowledged)} acknowledged, 0 lost")
