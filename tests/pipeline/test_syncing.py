"""Syncing: the difference between what is configured and what platforms have is told first, and made away with then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Session
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.subscribing.syncing import Step, apply, plan
from tests.hubs import Desk, Hub
from tests.pipeline.subscribed import DAY, NOW, PUBLIC, TOPIC, Subscribed, subscribed

pytestmark = pytest.mark.anyio
TWO = ("feed:a", "feed:b")


def told(steps: list[Step]) -> list[tuple[str | None, ...]]:
    return [(step.do, step.site.platform.name, step.to_dict()["topic"] or step.to_dict()["url"]) for step in steps]


async def do_all(stage: Subscribed) -> None:
    for step in await plan(stage.subscriber):
        await apply(stage.subscriber, step)


async def test_what_lacks_is_registered_and_then_there_is_nothing_to_do() -> None:
    async with subscribed(topics=TWO) as stage:
        steps = await plan(stage.subscriber)
        assert told(steps) == [
            ("register", "hub", TOPIC),
            ("register", "hub", "https://feeds.example/b"),
            ("register", "desk", PUBLIC + "desk"),
        ]
        assert "POST https://desk.example/webhooks" in steps[2].why
        assert (await stage.rows(), stage.counter.webhooks) == ([], {})
        await do_all(stage)
        await stage.confirm()
        await stage.confirm("https://feeds.example/b")
        steps = await plan(stage.subscriber)
        assert {step.do for step in steps} == {"keep"}
        assert "2026-11-29 12:00 UTC" in steps[0].why


async def test_what_is_there_already_is_adopted() -> None:
    async with subscribed(topics=TWO) as stage:
        stage.counter.webhooks["w7"] = {"id": "w7", "url": PUBLIC + "desk", "valid": True}
        steps = await plan(stage.subscriber, ["desk"])
        assert told(steps) == [("adopt", "desk", PUBLIC + "desk")]
        (row,) = await apply(stage.subscriber, steps[0])
        assert (row.id, row.status) == ("w7", "active")
        assert await stage.rows() == [row]
        assert "make" not in stage.counter.calls


async def test_what_is_not_ours_is_told_and_left_alone() -> None:
    async with subscribed() as stage:
        other = {"id": "w7", "url": "https://other.example/hook", "valid": True}
        stage.counter.webhooks["w7"] = other
        steps = await plan(stage.subscriber, ["desk"])
        assert told(steps) == [
            ("register", "desk", PUBLIC + "desk"),
            ("leave", "desk", "https://other.example/hook"),
        ]
        for step in steps:
            await apply(stage.subscriber, step)
        assert stage.counter.webhooks["w7"] == other


async def test_what_is_not_configured_any_more_is_deleted() -> None:
    async with subscribed(topics=TWO) as stage:
        await do_all(stage)
        stage.subscriber.sites = (
            replace(stage.hub, credential=replace(stage.hub.credential, topics=("feed:b",))),
            replace(stage.desk, url="https://new.example.org/webhook/desk"),
        )
        steps = await plan(stage.subscriber)
        assert told(steps) == [
            ("keep", "hub", "https://feeds.example/b"),
            ("delete", "hub", TOPIC),
            ("register", "desk", "https://new.example.org/webhook/desk"),
            ("delete", "desk", PUBLIC + "desk"),
        ]
        for step in steps:
            await apply(stage.subscriber, step)
        assert [each["url"] for each in stage.counter.webhooks.values()] == ["https://new.example.org/webhook/desk"]


@pytest.mark.parametrize("status", ["denied", "expired", "invalid"])
async def test_a_topic_that_is_not_well_is_asked_for_again(status: str) -> None:
    async with subscribed(topics=("feed:a",)) as stage:
        row = await stage.subscribe()
        await stage.store.save_subscription(replace(row, status=status, reason="so it is"))
        (step,) = await plan(stage.subscriber, ["hub"])
        assert (step.do, step.why) == ("register", "so it is")


async def test_a_topic_that_was_asked_for_is_waited_for() -> None:
    async with subscribed(topics=("feed:a",)) as stage:
        await stage.subscribe()
        (step,) = await plan(stage.subscriber, ["hub"])
        assert (step.do, "asked back" in step.why) == ("keep", True)
        stage.forward(DAY)


async def test_a_platform_that_does_not_answer_hinders_no_other() -> None:
    async with subscribed(topics=("feed:a",)) as stage:
        stage.answers((500, {}))
        steps = await plan(stage.subscriber)
        assert [(step.do, step.site.platform.name) for step in steps] == [("register", "hub"), ("fail", "desk")]
        assert "500" in steps[1].why


async def test_what_cannot_be_asked_is_skipped_and_says_what_to_set() -> None:
    async with subscribed() as stage:
        bare = Site(access=Access(platform=Desk(), session=Session(access_token="")), url=PUBLIC + "desk")
        steps = await plan(Subscriber(stage.store, [bare, stage.hub], stage.clock, sender=stage.counter))
        assert [(step.do, step.why) for step in steps] == [
            ("skip", "desk cannot be asked: set platforms.desk.access_token"),
            ("skip", "no topic is configured: set platforms.hub.topics"),
        ]


async def test_what_one_of_its_accounts_does_is_not_missed_of_the_platform() -> None:
    async with subscribed() as stage:
        own = Site(access=Access(platform=Desk(), session=Session(access_token="")), url=PUBLIC + "desk")
        shop = replace(
            own, access=Access(platform=Desk(), account="shop", session=Session(access_token="t", account_id="7"))
        )
        steps = await plan(Subscriber(stage.store, [own, shop], stage.clock, sender=stage.counter))
        assert [(step.do, step.to_dict()["account"]) for step in steps] == [("register", "shop")]


async def test_what_was_only_noted_is_told_to_the_platform_now() -> None:
    async with subscribed() as stage:
        noted = Subscription(id="n", url=PUBLIC + "desk", platform="desk", created_at=NOW)
        await stage.store.save_subscription(noted)
        (step,) = await plan(stage.subscriber, ["desk"])
        assert step.do == "register"
        await apply(stage.subscriber, step)
        assert [(row.id, row.status) for row in await stage.rows()] == [("w1", "active")]


async def test_without_a_public_address_there_is_nothing_to_tell() -> None:
    async with subscribed() as stage:
        nowhere = Site(access=Access(platform=Hub(), session=Session(access_token="")))
        with pytest.raises(ConfigurationError, match="public_url"):
            await plan(Subscriber(stage.store, [nowhere], stage.clock, sender=stage.counter))


class OneAddress(Desk):
    one_address = True


def with_one_address(stage: Subscribed, url: str = PUBLIC + "desk") -> Site:
    made = replace(stage.desk, access=Access(platform=OneAddress(), session=Session(access_token="t")), url=url)
    stage.subscriber.sites = (made,)
    return made


async def test_an_address_that_would_be_displaced_is_left_alone() -> None:
    async with subscribed() as stage:
        with_one_address(stage)
        stage.counter.webhooks["w7"] = {"id": "w7", "url": "https://other.example/hook", "valid": True}
        steps = await plan(stage.subscriber)
        assert [step.do for step in steps] == ["skip", "leave"]
        assert "https://other.example/hook has its place" in steps[0].why
        assert "webhooks register desk" in steps[0].why


async def test_an_own_address_gives_its_place_to_the_next_and_is_kept_no_more() -> None:
    async with subscribed() as stage:
        first = with_one_address(stage)
        await stage.subscriber.register(first, first.wish(PUBLIC + "desk"))
        with_one_address(stage, "https://new.example.org/webhook/desk")
        for step in await plan(stage.subscriber):
            await apply(stage.subscriber, step)
        assert [row.url for row in await stage.rows()] == ["https://new.example.org/webhook/desk"]
        assert "drop" not in stage.counter.calls


async def test_what_is_not_configured_is_told() -> None:
    async with subscribed() as stage:
        with pytest.raises(ConfigurationError, match="medium"):
            await plan(stage.subscriber, ["medium"])
