"""Platforms are told to post to us, asked what they have, and told to stop; the register says how it stands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError, PlatformError, PlatformUnavailable
from moderation_ai.core.flows import Answer, Outgoing, Session
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from tests.hubs import Desk, Hub
from tests.kinds import KINDS
from tests.pipeline.subscribed import NOW, PUBLIC, TOPIC, subscribed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_platform_made_is_in_the_register_under_its_id(kind: str) -> None:
    async with subscribed(kind) as stage:
        made = await stage.post()
        assert (made.id, made.url, made.status, made.created_at) == ("w1", PUBLIC + "desk", "active", NOW)
        assert await stage.rows() == [made]
        assert stage.counter.calls == ["list", "make"]


async def test_the_same_wish_again_makes_nothing_new() -> None:
    async with subscribed() as stage:
        first, second = await stage.post(), await stage.post()
        assert first.id == second.id
        assert stage.counter.calls == ["list", "make", "list"]
        one, two = await stage.subscribe(), await stage.subscribe()
        assert one.id == two.id
        assert len(await stage.rows()) == 2


async def test_the_hub_signs_with_the_newest_configured_secret_which_is_kept_nowhere() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        assert b"hub.secret=newest" in stage.counter.asked[0].body
        assert "newest" not in repr(await stage.rows())


async def test_a_topic_without_a_secret_is_not_asked_for() -> None:
    async with subscribed() as stage:
        bare = Site(access=Access(platform=Hub(), session=Session(access_token="")))
        with pytest.raises(ConfigurationError, match="openssl"):
            await stage.subscriber.register(bare, bare.wish(PUBLIC + "hub", topic=TOPIC))
        assert (await stage.rows(), stage.counter.asked) == ([], [])


async def test_a_hub_that_is_busy_is_asked_again_when_it_says() -> None:
    async with subscribed() as stage:
        stage.answers((503, {"retry-after": "1200"}))
        made = await stage.subscribe()
        assert (made.status, made.due_at) == ("pending", NOW + timedelta(seconds=1200))
        assert "503" in (made.reason or "")
        assert await stage.rows() == [made]


async def test_a_platform_that_cannot_be_reached_is_asked_again() -> None:
    async with subscribed() as stage:
        stage.answers(PlatformUnavailable("desk.example cannot be reached"))
        made = await stage.post()
        assert (made.status, made.reason) == ("pending", "desk.example cannot be reached")
        made = await stage.post()
        assert (made.id, made.status, made.reason) == ("w1", "active", None)
        assert await stage.rows() == [made]


async def test_what_is_refused_is_raised_and_leaves_nothing() -> None:
    async with subscribed() as stage:
        stage.answers((400, {}))
        with pytest.raises(PlatformError):
            await stage.post()
        assert await stage.rows() == []


async def test_what_is_refused_leaves_what_was_there() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        stage.answers((403, {}))
        with pytest.raises(PlatformError):
            await stage.post()
        assert [row.id for row in await stage.rows()] == [made.id]


async def test_what_is_deleted_is_gone_there_and_here() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        assert await stage.subscriber.unregister(made) is True
        assert (stage.counter.webhooks, await stage.rows()) == ({}, [])


async def test_a_deletion_that_the_platform_refuses_leaves_it_in_the_register() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        stage.answers((403, {}))
        with pytest.raises(PlatformError):
            await stage.subscriber.unregister(made)
        assert len(await stage.rows()) == 1


async def test_an_end_that_the_hub_cannot_be_told_now_is_told_later() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.answers((503, {}))
        assert await stage.subscriber.unregister(await stage.row()) is False
        row = await stage.row()
        assert (row.status, "503" in (row.reason or "")) == ("leaving", True)


async def test_what_no_hub_ever_confirmed_is_forgotten_also_where_it_cannot_be_told() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        stage.answers((503, {}))
        assert await stage.subscriber.unregister(await stage.row()) is True
        assert await stage.rows() == []


async def test_what_was_to_end_and_is_wanted_again_is_pending() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.subscriber.unregister(await stage.row())
        assert (await stage.subscribe()).status == "pending"
        assert (await stage.confirm()).status == 200


async def test_a_renewal_keeps_the_old_lease_until_the_new_one_is_confirmed() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        await stage.confirm()
        stage.forward(4 * 86_400)
        renewed = await stage.subscriber.renew(await stage.row())
        assert renewed is not None
        assert (renewed.status, renewed.expires_at) == ("active", NOW + timedelta(days=5))
        await stage.confirm()
        assert (await stage.row()).expires_at == NOW + timedelta(days=9)


async def test_nothing_is_renewed_that_was_deleted_meanwhile() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        await stage.store.delete_subscription("desk", made.id)
        assert await stage.subscriber.renew(made) is None
        assert stage.counter.calls == ["list", "make"]
        assert await stage.rows() == []


async def test_a_look_finds_what_is_not_valid_and_what_is_gone() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        stage.counter.webhooks["w1"]["valid"] = False
        await stage.subscriber.look(stage.desk)
        row = await stage.row()
        assert (row.status, row.reason) == ("invalid", "the platform says that it is not valid")
        renewed = await stage.subscriber.renew(made)
        assert renewed is not None
        assert (renewed.status, renewed.reason) == ("active", None)
        stage.counter.webhooks.clear()
        await stage.subscriber.look(stage.desk)
        assert (await stage.row()).reason == "the platform does not list it any more"


async def test_a_look_leaves_what_a_hub_has_alone() -> None:
    async with subscribed() as stage:
        await stage.subscribe()
        before = await stage.rows()
        assert await stage.subscriber.look(stage.hub) == []
        assert await stage.rows() == before


async def test_a_preview_changes_nothing_and_says_what_would_be() -> None:
    async with subscribed() as stage:
        wish = stage.desk.wish(PUBLIC + "desk")
        assert await stage.subscriber.preview(stage.desk, wish) == "POST https://desk.example/webhooks"
        assert (stage.counter.webhooks, await stage.rows()) == ({}, [])
        await stage.post()
        assert await stage.subscriber.preview(stage.desk, wish) is None


async def test_calls_are_paid_from_the_allowance() -> None:
    async with subscribed() as stage:
        made = await stage.post()
        for _ in range(5):
            await stage.subscriber.renew(made)
        spent = await stage.subscriber.renew(made)
        assert spent is not None
        assert "used up" in (spent.reason or "")
        assert spent.due_at is not None
        assert spent.due_at > NOW + timedelta(minutes=5)
        assert stage.counter.calls.count("check") == 5


async def test_without_what_it_takes_the_error_says_what_to_set() -> None:
    async with subscribed() as stage:
        bare = Site(access=Access(platform=Desk(), session=Session(access_token="")))
        subscriber = Subscriber(stage.store, [bare], stage.clock, sender=stage.counter)
        told = Subscription(id="w9", url=PUBLIC + "desk", platform="desk", status="active")
        with pytest.raises(ConfigurationError, match=r"platforms\.desk\.access_token"):
            await subscriber.renew(told)
        with pytest.raises(ConfigurationError, match=r"platforms\.other\.access_token"):
            await subscriber.unregister(Subscription(id="w", url=PUBLIC, platform="other", status="active"))


async def test_what_nobody_was_told_of_is_only_forgotten() -> None:
    async with subscribed() as stage:
        noted = Subscription(id="wh_1", url=PUBLIC + "desk", platform="desk")
        await stage.store.save_subscription(noted)
        assert await stage.subscriber.unregister(noted) is True
        assert (await stage.rows(), stage.counter.asked) == ([], [])


async def test_a_hub_whose_answer_got_lost_and_that_asked_back_is_believed() -> None:
    async with subscribed() as stage:
        send = stage.counter.send

        async def lose_answer(request: Outgoing, hosts: Collection[str]) -> Answer:
            await send(request, hosts)
            assert (await stage.confirm()).status == 200
            raise PlatformUnavailable("the answer got lost")

        stage.counter.send = lose_answer  # type: ignore[method-assign]  # the hub asks back before its answer is lost
        made = await stage.subscribe()
        assert (made.status, made.reason, made.due_at) == ("active", None, NOW + timedelta(days=4))
