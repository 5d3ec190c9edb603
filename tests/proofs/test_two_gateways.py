"""Two gateways on one store: each event is new at one of them and handled once; when one is killed nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from moderation_ai.cli.demo.client import Client
from tests.proofs.children import Child, signed, wait_for_handled
from tests.proofs.test_kill_nine import Senders, stored_ids

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

SENDERS = 8
EVENTS = 240


async def post_to_both(clients: list[Client], names: list[str]) -> Counter[str]:
    """Post each event to both gateways at once; return at how many of them it was new."""
    new: Counter[str] = Counter()

    async def post(name: str) -> None:
        body, headers = signed(name)
        replies = await asyncio.gather(*(client.post("/webhook/generic", body, headers) for client in clients))
        assert [reply.status for reply in replies] == [200, 200]
        new[name] += sum(json.loads(reply.body)["new"] for reply in replies)

    for start in range(0, len(names), SENDERS):
        await asyncio.gather(*(post(name) for name in names[start : start + SENDERS]))
    return new


async def test_each_event_is_new_once_and_handled_once(tmp_path: Path) -> None:
    first, second = Child(tmp_path), Child(tmp_path)
    names = [f"both-{number}" for number in range(EVENTS)]
    try:
        async with (
            Client("127.0.0.1", first.port, SENDERS) as one,
            Client("127.0.0.1", second.port, SENDERS) as other,
        ):
            new = await post_to_both([one, other], names)
        assert new == Counter(names)
        await wait_for_handled(first, set(names))
    finally:
        statuses = [first.stop(), second.stop()]
    assert statuses == [0, 0]
    assert Counter(first.handled.read_text().split()) == Counter(names), "the handlers write into one file"


async def test_when_one_is_killed_the_other_and_the_next_lose_nothing(tmp_path: Path) -> None:
    killed, other = Child(tmp_path), Child(tmp_path)
    try:
        async with (
            Client("127.0.0.1", killed.port, SENDERS) as to_killed,
            Client("127.0.0.1", other.port, SENDERS) as to_other,
        ):
            sides = [Senders(to_killed, "killed"), Senders(to_other, "other")]
            posting = asyncio.gather(*(side.post_until_the_end() for side in sides for _ in range(SENDERS)))
            while min(len(side.acknowledged) for side in sides) < 60:
                await asyncio.sleep(0)
            killed.kill()
            enough = len(sides[1].acknowledged) + 60
            while len(sides[1].acknowledged) < enough:
                await asyncio.sleep(0)
            for side in sides:
                side.stopped = True
            await posting
        acknowledged = sides[0].acknowledged | sides[1].acknowledged
        assert acknowledged <= await stored_ids(other.database)
        after = Child(tmp_path)  # it gives back at once what the killed one had in hand
        try:
            await wait_for_handled(other, await stored_ids(other.database))
        finally:
            assert after.stop() == 0
    finally:
        assert other.stop() == 0
    handled = Counter(other.handled.read_text().split())
    assert set(handled) == await stored_ids(other.database)
    assert max(handled.values()) <= 2, "only what the killed one was running ran again"
