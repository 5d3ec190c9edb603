"""The register: what was agreed with platforms."""

from __future__ import annotations

import pytest
from msgspec import structs

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.base import Store
from tests.stores.making import NOW, after

pytestmark = pytest.mark.anyio

ONE = Subscription(
    id="s1",
    url="https://example.com/webhook/instagram",
    platform="instagram",
    account="brand",
    events=["comments", "mentions"],
    created_at=NOW,
    expires_at=after(86400),
)


async def test_a_subscription_comes_back_as_it_was_saved(store: Store) -> None:
    await store.save_subscription(ONE)
    assert await store.subscriptions() == [ONE]


async def test_a_subscription_is_replaced_by_one_of_the_same_platform_and_id(store: Store) -> None:
    await store.save_subscription(ONE)
    await store.save_subscription(structs.replace(ONE, status="stale", last_event_at=after(5)))
    assert [(one.status, one.last_event_at) for one in await store.subscriptions()] == [("stale", after(5))]


async def test_subscriptions_are_found_by_platform(store: Store) -> None:
    other = structs.replace(ONE, platform="twitter")
    await store.save_subscription(other)
    await store.save_subscription(ONE)
    assert await store.subscriptions() == [ONE, other]
    assert await store.subscriptions("twitter") == [other]
    assert await store.subscriptions("youtube") == []


async def test_a_deleted_subscription_is_gone(store: Store) -> None:
    await store.save_subscription(ONE)
    assert await store.delete_subscription("twitter", "s1") is False
    assert await store.delete_subscription("instagram", "s1") is True
    assert await store.delete_subscription("instagram", "s1") is False
    assert await store.subscriptions() == []
