"""The keeper on a simulated clock: what fails is asked for again, deletions are respected, one keeper does the work."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import PlatformUnavailable, StoreError
from moderation_ai.core.flows import Session
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.subscribing.keeper import ROUND, Keeper
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from tests.hubs import Desk
from tests.pipeline.subscribed import DAY, NOW, PUBLIC, TOPIC, keeper_of, subscribed

pytestmark = pytest.mark.anyio


async def test_a_webhook_that_is_not_valid_any_more_is_looked_at_again() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.post()
        stage.counter.webhooks["w1"]["valid"] = False
        await keeper.keep()
        assert "check" not in stage.counter.calls
        stage.forward(3600)
        await keeper.keep()
        assert stage.counter.calls == ["list", "make", "list", "list", "check"]
        assert (await stage.row()).status == "active"


async def test_a_webhook_that_stays_invalid_is_tried_again_with_growing_waits() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.post()
        stage.counter.repairs = False
        stage.counter.webhooks["w1"]["valid"] = False
        for _ in range(6 * 60):
            stage.forward(60)
            await keeper.keep()
        row = await stage.row()
        assert (row.status, row.reason) == ("invalid", "no")
        assert 3 <= stage.counter.calls.count("check") <= 7


async def test_a_webhook_that_is_gone_there_is_made_again() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        stage.counter.webhooks.clear()
        stage.forward(3600)
        await keeper_of(stage).keep()
        row = await stage.row()
        assert (row.id, row.status) == ("w2", "active")
        assert made.id == "w1"


async def test_what_a_person_deleted_is_never_made_again() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        made = await stage.post()
        await stage.subscribe()
        await stage.confirm()
        await stage.subscriber.unregister(made)
        (topic,) = await stage.rows()
        await stage.subscriber.unregister(topic)
        await stage.confirm(mode="unsubscribe")
        asked = len(stage.counter.asked)
        for _ in range(48):
            stage.forward(3600)
            await keeper.keep()
        assert (len(stage.counter.asked), await stage.rows()) == (asked, [])


async def test_what_a_person_deletes_while_it_is_made_again_is_deleted() -> None:
    async with subscribed() as stage:
        await stage.post()
        stage.counter.webhooks.clear()
        send = stage.counter.send

        async def delete_first(request, hosts):  # type: ignore[no-untyped-def]  # as Sender's
            if request.call == "make":
                await stage.store.delete_subscription("desk", "w1")
            return await send(request, hosts)

        stage.counter.send = delete_first  # type: ignore[method-assign]  # a person is quicker than the platform
        stage.forward(3600)
        await keeper_of(stage).keep()
        assert (stage.counter.webhooks, await stage.rows()) == ({}, [])


async def test_an_end_that_the_hub_does_not_ask_about_is_told_again_and_over_with_the_lease() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        await stage.subscriber.unregister(await stage.row())
        stage.forward(DAY)
        await keeper.keep()
        assert [b"unsubscribe" in each.body for each in stage.counter.asked] == [False, True, True]
        stage.forward(4 * DAY)
        await keeper.keep()
        assert await stage.rows() == []


async def test_one_of_two_keepers_does_the_work() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY)
        await asyncio.gather(keeper_of(stage, "k1").keep(), keeper_of(stage, "k2").keep())
        assert len(stage.counter.asked) == 2


async def test_another_keeper_goes_on_after_one_that_was_killed() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY)
        await keeper_of(stage, "killed").keep()
        stage.forward(700)
        await keeper_of(stage, "next").keep()
        assert len(stage.counter.asked) == 3


async def test_when_something_came_last_is_written_down_by_account_and_topic() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.subscribe("https://feeds.example/b")
        await stage.post()
        shop = Subscription(id="s", url=PUBLIC + "desk", platform="desk", account="shop")
        await stage.store.save_subscription(shop)
        stage.tally.hear("hub", [None], "feed:a", NOW)
        stage.tally.hear("desk", ["cafe"], "", NOW)
        await keeper_of(stage, works=False).keep()
        last = {row.topic or row.account or row.id: row.last_event_at for row in await stage.rows()}
        assert last == {TOPIC: NOW, "https://feeds.example/b": None, "w1": NOW, "shop": None}
        stage.tally.hear("desk", [None], "", NOW)
        await keeper_of(stage, works=False).keep()
        assert {row.last_event_at for row in await stage.rows() if row.account == "shop"} == {NOW}


async def test_a_gateway_that_does_not_work_asks_nobody() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        stage.forward(6 * DAY)
        assert await keeper_of(stage, works=False).keep() == ROUND
        assert len(stage.counter.asked) == 1


async def test_a_platform_that_does_not_tell_is_asked_an_hour_later() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.post()
        stage.forward(3600)
        stage.answers(PlatformUnavailable("desk.example cannot be reached"))
        await keeper.keep()
        row = await stage.row()
        assert (row.status, row.reason) == ("active", "desk.example cannot be reached")
        stage.forward(3600)
        await keeper.keep()
        assert (await stage.row()).reason is None


async def test_what_cannot_be_asked_any_more_is_left_as_it_is() -> None:
    async with subscribed() as stage:
        await stage.post()
        bare = Site(access=Access(platform=Desk(), session=Session(access_token="")))
        keeper = Keeper(Subscriber(stage.store, [bare], stage.clock, sender=stage.counter), stage.tally, name="k")
        stage.forward(DAY)
        await keeper.keep()
        assert (await stage.row()).status == "active"
        assert stage.counter.calls == ["list", "make"]


async def test_a_renewal_that_is_refused_says_so_and_is_asked_for_again() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY)
        stage.answers((403, {}))
        await keeper.keep()
        row = await stage.row()
        assert row.status == "invalid"
        assert "403" in (row.reason or "")
        stage.forward(3600)
        await keeper.keep()
        await stage.confirm()
        assert (await stage.row()).status == "active"


async def test_what_was_only_noted_is_left_alone() -> None:
    async with subscribed() as stage:
        noted = Subscription(id="n", url=PUBLIC + "desk", platform="desk", created_at=NOW)
        await stage.store.save_subscription(noted)
        stage.forward(DAY)
        await keeper_of(stage).keep()
        assert (await stage.rows(), stage.counter.asked) == ([noted], [])


async def test_it_runs_until_it_is_stopped_and_gives_its_duties_back() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        row = await stage.row()
        await stage.store.save_subscription(replace(row, due_at=NOW))
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(60):
            while len(stage.counter.asked) < 2:
                stage.forward(5)
                await asyncio.sleep(0.01)
        assert [duty.name for duty in await stage.store.duties()] == ["webhooks:hub"]
        keeper.stop()
        await running
        assert await stage.store.duties() == []


async def test_a_store_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        asked = 0

        async def fail(platform: str | None = None) -> list[Subscription]:
            nonlocal asked
            asked += 1
            raise StoreError("the disk is gone")

        stage.store.subscriptions = fail  # type: ignore[method-assign]  # a store that fails
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(60):
            while asked < 2:
                stage.forward(60)
                await asyncio.sleep(0.01)
        keeper.stop()
        await running
        assert "the disk is gone" in caplog.text


async def test_what_seems_to_deliver_nothing_is_looked_at_in_the_next_round() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        await keeper.keep()
        asked = len(stage.counter.asked)
        await keeper.suspect("desk", "")
        await keeper.keep()
        assert len(stage.counter.asked) == asked, "another platform's"
        await keeper.suspect("hub", "")
        await keeper.keep()
        assert len(stage.counter.asked) == asked + 1


async def test_a_hub_that_signs_with_another_secret_is_asked_anew_once_in_an_hour() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        asked = []
        for minute in range(1, 150):
            stage.forward(60)
            stage.tally.reject("hub", "InvalidSignature", stage.clock.now())
            before = len(stage.counter.asked)
            await keeper.keep()
            if len(stage.counter.asked) > before:
                asked.append(minute)
                await stage.confirm()
        assert asked == [61, 122]
        assert (await stage.row()).status == "active"


async def test_a_few_wrong_signatures_among_right_ones_are_nothing() -> None:
    async with subscribed() as stage:
        keeper = keeper_of(stage)
        await stage.subscribe()
        await stage.confirm()
        for _ in range(120):
            stage.forward(60)
            stage.tally.reject("hub", "InvalidSignature", stage.clock.now())
            stage.tally.match("hub", 0, stage.clock.now())
            await keeper.keep()
        assert len(stage.counter.asked) == 1


async def test_a_process_that_can_ask_nobody_leaves_it_to_those_that_can() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * DAY)
        due = (await stage.row()).due_at
        nobody = Keeper(Subscriber(stage.store, [], stage.clock, sender=stage.counter), stage.tally, name="other")
        assert await nobody.keep() == ROUND
        assert ((await stage.row()).due_at, await stage.store.duties()) == (due, [])
        await keeper_of(stage).keep()
        assert len(stage.counter.asked) == 2
