"""Alerts as part of the whole: every process tells what is wrong, also one that only receives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.watching.alerting import AlertReceiver
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.kinds import new_store

pytestmark = pytest.mark.anyio


class Inbox:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        await self.got.put(body)
        return 200


@pytest.mark.parametrize("works", [True, False])
async def test_what_is_wrong_is_told(works: bool) -> None:
    inbox = Inbox()
    parts = Parts(new_store(), Setup(receiver=AlertReceiver(inbox, "s")), Handlers(), works=works)
    await parts.open()
    try:
        told = json.loads(await asyncio.wait_for(inbox.got.get(), 60))
        assert (told["type"], told["data"]["cause"]) == ("problem", "no_handler")
    finally:
        await parts.close()
