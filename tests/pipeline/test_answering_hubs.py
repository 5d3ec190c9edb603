"""What a hub asks is answered for what was asked for, by any process of the store, and written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from moderation_ai.core.http import Request
from moderation_ai.pipeline.receiving.answering_hubs import LOOKS, Hubs
from tests.kinds import KINDS
from tests.pipeline.subscribed import DAY, FIVE_DAYS, NOW, PUBLIC, TOPIC, subscribed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_what_another_process_asked_for_is_confirmed_and_its_lease_written_down(kind: str) -> None:
    async with subscribed(kind) as stage:
        pending = await stage.subscribe()
        assert (pending.status, pending.topic, pending.asked_at, pending.expires_at) == ("pending", TOPIC, NOW, None)
        answer = await stage.confirm()
        assert (answer.status, answer.body) == (200, b"c1")
        row = await stage.row()
        assert (row.id, row.status, row.verified_at) == (pending.id, "active", NOW)
        assert row.expires_at == NOW + timedelta(days=5)
        assert row.due_at == NOW + timedelta(days=4)


async def test_it_is_in_the_register_before_the_hub_is_asked() -> None:
    async with subscribed() as stage:
        send, seen = stage.counter.send, []

        async def look_first(request: Any, hosts: Any) -> Any:
            seen.append((await stage.row()).status)
            assert (await stage.confirm()).status == 200
            return await send(request, hosts)

        stage.counter.send = look_first  # type: ignore[method-assign]  # the hub asks back before it answers
        made = await stage.subscribe()
        assert seen == ["pending"]
        assert (made.status, made.expires_at) == ("active", NOW + timedelta(days=5))
        assert await stage.row() == made


async def test_what_nobody_asked_for_is_not_found() -> None:
    async with subscribed() as stage:
        assert (await stage.confirm()).status == 404
        await stage.subscribe()
        assert (await stage.confirm("https://feeds.example/b")).status == 404
        assert (await stage.confirm(mode="unsubscribe")).status == 404
        assert (await stage.row()).status == "pending"


async def test_a_configured_topic_is_confirmed_and_nothing_made_of_it() -> None:
    async with subscribed(topics=(TOPIC,)) as stage:
        assert (await stage.confirm()).status == 200
        assert await stage.rows() == []


async def test_spellings_of_one_topic_are_one() -> None:
    async with subscribed() as stage:
        await stage.subscribe("feed:a")
        assert (await stage.confirm(TOPIC)).status == 200
        assert (await stage.row()).status == "active"


async def test_a_denial_is_recorded_with_its_reason_and_tried_again_later() -> None:
    async with subscribed(topics=(TOPIC,)) as stage:
        await stage.subscribe()
        assert (await stage.ask(mode="denied", topic=TOPIC, reason="quota\x1b")).status == 200
        row = await stage.row()
        assert (row.status, row.reason) == ("denied", "the hub denied it: 'quota\\x1b'")
        assert row.due_at is not None
        assert row.due_at >= NOW + timedelta(hours=1)


async def test_a_denial_that_comes_before_the_hubs_answer_counts() -> None:
    async with subscribed() as stage:
        stage.counter.meanwhile = lambda: stage.ask(mode="denied", topic=TOPIC, reason="quota")
        assert (await stage.subscribe()).status == "denied"
        assert (await stage.row()).reason == "the hub denied it: 'quota'"


async def test_a_denial_counts_long_after_it_was_granted() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(3 * DAY)
        assert (await stage.ask(mode="denied", topic=TOPIC)).status == 200
        assert (await stage.row()).status == "denied"
        assert (await stage.confirm()).status == 404


async def test_no_strangers_denial_keeps_a_hub_from_asking_back_or_ends_what_it_granted() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.ask(mode="denied", topic=TOPIC)
        assert (await stage.confirm()).status == 200
        await stage.ask(mode="denied", topic=TOPIC)
        assert (await stage.row()).status == "active"
        assert (await stage.confirm()).status == 200


async def test_the_word_denied_elsewhere_opens_nothing() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(3 * DAY)
        asked = await stage.ask(mode="subscribe", topic=TOPIC, challenge="c1", reason="denied")
        assert asked.status == 404


async def test_an_end_that_we_asked_for_is_confirmed_and_forgotten() -> None:
    async with subscribed() as stage:
        made = await stage.subscribe()
        await stage.confirm()
        assert await stage.subscriber.unregister(await stage.row()) is False
        assert (await stage.row()).status == "leaving"
        assert (await stage.confirm()).status == 404
        assert (await stage.confirm(mode="unsubscribe")).status == 200
        assert await stage.rows() == []
        assert [b"mode=unsubscribe" in each.body for each in stage.counter.asked] == [False, True]
        assert made.id.startswith("wh_")


async def test_a_hub_is_not_waited_for_longer_than_a_day() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        stage.forward(DAY + 1)
        assert (await stage.confirm()).status == 404


async def test_strangers_cannot_make_a_lease_longer_than_the_hub_said() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm(lease=9_999_999_999)
        assert (await stage.row()).expires_at == NOW + timedelta(days=10)
        await stage.confirm()
        assert (await stage.row()).expires_at == NOW + timedelta(days=5)
        await stage.confirm(lease=864_000)
        assert (await stage.row()).expires_at == NOW + timedelta(days=5)


async def test_strangers_cannot_have_us_renew_all_the_time() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm(lease=1)
        assert (await stage.row()).due_at == NOW + timedelta(hours=1)


async def test_a_head_request_changes_nothing() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        assert (await stage.ask("HEAD", mode="subscribe", topic=TOPIC, challenge="c1")).status == 200
        assert (await stage.row()).status == "pending"


async def test_two_addresses_for_one_topic_are_confirmed_each_by_itself() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.subscriber.register(stage.hub, stage.hub.wish(PUBLIC + "hub/shop", topic=TOPIC))
        await stage.confirm()
        assert {row.url: row.status for row in await stage.rows()} == {
            PUBLIC + "hub": "active",
            PUBLIC + "hub/shop": "pending",
        }


async def test_a_flood_of_questions_reads_the_store_a_few_times_and_writes_nothing() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()

        class Watched:
            reads = writes = 0

            async def subscriptions(self, platform: str | None = None) -> Any:
                self.reads += 1
                return await stage.store.subscriptions(platform)

            async def change_subscription(self, *arguments: Any) -> Any:
                self.writes += 1

            async def delete_subscription(self, *arguments: Any) -> bool:
                self.writes += 1
                return True

        watched = Watched()
        stage.intake._hubs = Hubs(watched, lambda: 0.0)
        for number in range(300):
            topic = TOPIC if number % 3 else f"https://feeds.example/{number}"
            query = f"hub.mode=subscribe&hub.challenge=c{number}&hub.lease_seconds={FIVE_DAYS}&hub.topic={topic}"
            request = Request(method="GET", path="/webhook/hub", query=query, received_at=NOW)
            answer = await stage.intake.receive(request, "hub")
            assert answer.status == (200 if number % 3 else 404)
        assert (watched.reads, watched.writes) == (LOOKS, 0)


@pytest.mark.parametrize("challenge", ["", "<script>", "a b", "x" * 513])
async def test_a_challenge_that_is_no_plain_token_is_not_echoed(challenge: str) -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        assert (await stage.ask(mode="subscribe", topic=TOPIC, challenge=challenge)).status == 400
        assert (await stage.row()).status == "pending"
