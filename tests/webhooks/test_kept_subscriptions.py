"""One process with its parts: what it receives shows in its subscriptions, whether it works or only receives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.platforms import find_platform
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup
from tests.kinds import new_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCa"
YOUTUBE = find_platform("youtube")
KEPT = Subscription(
    id="wh_1",
    url="https://hooks.example.org/webhook/youtube",
    platform="youtube",
    topic=TOPIC,
    status="active",
    created_at=NOW,
    verified_at=NOW,
    expires_at=NOW + timedelta(days=5),
    due_at=NOW + timedelta(days=4),
)


def parts(*, works: bool) -> Parts:
    credential = Credential(secrets=("s",))
    access = Access(platform=YOUTUBE, session=Session(access_token=""))
    setup = Setup(
        sources={"youtube": Source(platform=YOUTUBE, credential=credential)},
        sites=(Site(access=access, credential=credential),),
    )
    return Parts(new_store(), setup, Handlers(), clock=ManualClock(NOW), works=works)


def push(topic: str) -> Request:
    sample = YOUTUBE.samples(NOW, 1)[0]
    fields = YOUTUBE.request_headers(sample, "s", NOW) | {"Link": f"<{topic}>; rel=self"}
    return Request(path="/webhook/youtube", headers=Headers.of(fields), body=sample.body, received_at=NOW)


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("topic", [TOPIC, TOPIC.replace("/xml", "")])
async def test_when_something_came_of_a_topic_last_is_seen(works: bool, topic: str) -> None:
    process = parts(works=works)
    await process.open()
    try:
        await process.store.save_subscription(KEPT)
        await process.store.save_subscription(replace(KEPT, id="wh_2", topic=TOPIC + "b"))
        assert (await process.intake.receive(push(topic), "youtube")).status == 200
        await process.keeper.keep()
        rows = {row.id: row.last_event_at for row in await process.store.subscriptions()}
        assert rows == {"wh_1": NOW, "wh_2": None}
    finally:
        await process.close()


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, None),
        ({"status": "denied", "reason": "no"}, "subscription:youtube"),
        ({"status": "expired"}, "subscription:youtube"),
    ],
)
async def test_health_is_degraded_by_a_subscription_that_is_not_well(
    changes: dict[str, Any], cause: str | None
) -> None:
    process = parts(works=True)
    await process.open()
    try:
        await process.store.save_subscription(replace(KEPT, **changes))
        health = await process.health()
        assert [each for each in health.causes if each.startswith("subscription")] == ([cause] if cause else [])
    finally:
        await process.close()
