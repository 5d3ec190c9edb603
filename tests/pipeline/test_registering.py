"""What a person asks for by names: which account is meant, and what is said where that is not clear."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.pipeline.subscribing.registering import list_all, register_all
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.stores.register import Cursor
from tests.hubs import Desk
from tests.pipeline.subscribed import PUBLIC, Subscribed, subscribed

pytestmark = pytest.mark.anyio
URL = PUBLIC + "desk"
DESK = Desk()


def site(account: str = "", token: str = "") -> Site:
    return Site(access=Access(platform=DESK, account=account, session=Session(access_token=token)), url=URL)


def subscriber(stage: Subscribed, *sites: Site) -> Subscriber:
    return Subscriber(stage.store, sites, stage.clock, sender=stage.counter)


async def test_the_only_account_that_can_ask_is_meant() -> None:
    async with subscribed() as stage:
        ours = subscriber(stage, site(), site("shop", "t"), site("cafe"))
        (made,) = await register_all(ours, DESK, URL)
        assert (made.status, made.account) == ("active", "shop")


async def test_the_platforms_own_token_stands_before_those_of_accounts() -> None:
    async with subscribed() as stage:
        ours = subscriber(stage, site(token="t"), site("shop", "t"))
        (made,) = await register_all(ours, DESK, URL)
        assert (made.status, made.account) == ("active", None)


async def test_of_several_accounts_one_has_to_be_named() -> None:
    async with subscribed() as stage:
        ours = subscriber(stage, site(), site("shop", "t"), site("cafe", "t"))
        with pytest.raises(ConfigurationError, match="shop, cafe"):
            await register_all(ours, DESK, URL)
        (made,) = await register_all(ours, DESK, URL, account="cafe")
        assert made.account == "cafe"


async def test_an_account_that_cannot_ask_is_noted_with_what_to_set() -> None:
    async with subscribed() as stage:
        ours = subscriber(stage, site(token="t"), site("shop"))
        (made,) = await register_all(ours, DESK, URL, account="shop")
        assert (made.status, made.account) == ("registered", "shop")
        assert "set platforms.desk.accounts.shop.access_token" in (made.reason or "")
        assert stage.counter.asked == []


async def test_what_was_noted_says_what_lacks_now() -> None:
    async with subscribed() as stage:
        (only,) = await register_all(subscriber(stage, site()), DESK, URL)
        await stage.store.save_subscription(replace(only, reason="an old reason"))
        (now,) = await register_all(subscriber(stage, site()), DESK, URL)
        assert "set platforms.desk.access_token" in (now.reason or "")
        assert [row.reason for row in await stage.rows()] == [now.reason]


async def test_what_was_noted_is_the_same_when_it_is_told() -> None:
    async with subscribed() as stage:
        (noted,) = await register_all(subscriber(stage, site()), DESK, URL)
        (again,) = await register_all(subscriber(stage, site()), DESK, URL)
        assert noted == again
        (told,) = await register_all(subscriber(stage, site(token="t")), DESK, URL)
        assert [replace(row, due_at=None) for row in await stage.rows()] == [replace(told, due_at=None)]


async def test_a_hub_that_is_not_configured_lacks_a_secret_and_no_token() -> None:
    async with subscribed() as stage:
        (made,) = await register_all(subscriber(stage, site()), stage.hub.platform, PUBLIC + "hub", topics=("feed:a",))
        assert made.status == "registered"
        assert "set platforms.hub.secrets" in (made.reason or "")


@pytest.mark.parametrize(("secrets", "ids"), [((), ["poll:posts"]), (("s",), [])])
async def test_what_is_polled_stands_for_a_platform_that_cannot_post_to_us(
    secrets: tuple[str, ...], ids: list[str]
) -> None:
    async with subscribed() as stage:
        await stage.store.save_cursor(Cursor(platform="hub", account="", feed="posts", next_at=stage.clock.now()))
        hub = replace(stage.hub, credential=Credential(secrets=secrets))
        assert [each.id for each in await list_all(subscriber(stage, hub), ask=False)] == ids
