"""The register: what was agreed with platforms."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import Cursor
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


# --- duties ---


async def test_of_two_workers_only_one_has_a_duty(store: Store) -> None:
    assert await store.take_duty("poll:reddit", "w1", NOW, 30) is True
    assert await store.take_duty("poll:reddit", "w2", after(29), 30) is False
    assert await store.take_duty("poll:youtube", "w2", NOW, 30) is True, "another duty is free"
    assert [(duty.name, duty.worker) for duty in await store.duties()] == [
        ("poll:reddit", "w1"),
        ("poll:youtube", "w2"),
    ]


async def test_a_duty_that_is_taken_again_is_renewed(store: Store) -> None:
    assert await store.take_duty("poll:reddit", "w1", NOW, 30)
    assert await store.take_duty("poll:reddit", "w1", after(20), 30)
    assert await store.take_duty("poll:reddit", "w2", after(49), 30) is False
    assert [duty.until for duty in await store.duties()] == [after(50)]


async def test_a_duty_goes_to_whoever_asks_when_its_lease_is_over(store: Store) -> None:
    assert await store.take_duty("poll:reddit", "w1", NOW, 30)
    assert await store.take_duty("poll:reddit", "w2", after(30), 30) is True
    assert await store.take_duty("poll:reddit", "w1", after(31), 30) is False, "who was away has it no more"


async def test_a_duty_that_is_dropped_is_free_at_once(store: Store) -> None:
    assert await store.take_duty("poll:reddit", "w1", NOW, 30)
    assert await store.drop_duty("poll:reddit", "w2") is False
    assert await store.take_duty("poll:reddit", "w2", NOW, 30) is False, "nobody drops what is another's"
    assert await store.drop_duty("poll:reddit", "w1") is True
    assert await store.take_duty("poll:reddit", "w2", NOW, 30) is True


async def test_of_many_that_ask_at_once_one_has_the_duty(store: Store) -> None:
    asked = [store.take_duty("poll:reddit", f"w{number}", NOW, 30) for number in range(8)]
    assert sum(await asyncio.gather(*asked)) == 1


# --- cursors ---

READ = Cursor(platform="reddit", account="", feed="comments:python", cursor='{"after":"t1_ü"}', polled_at=NOW)


async def test_a_feed_that_was_never_read_has_no_cursor(store: Store) -> None:
    assert await store.cursor("reddit", "", "comments:python") is None
    assert await store.cursors() == []


async def test_a_cursor_comes_back_as_it_was_saved(store: Store) -> None:
    await store.save_cursor(READ)
    assert await store.cursor("reddit", "", "comments:python") == READ
    assert await store.cursor("reddit", "brand", "comments:python") is None


async def test_a_cursor_is_replaced_by_a_later_one(store: Store) -> None:
    await store.save_cursor(READ)
    later = structs.replace(READ, cursor="2", polled_at=None, error="gone", failing_since=after(5), next_at=after(9))
    await store.save_cursor(later)
    assert await store.cursors() == [later]


async def test_cursors_are_listed_by_platform_account_and_feed(store: Store) -> None:
    others = [structs.replace(READ, account="b"), structs.replace(READ, feed="modqueue"), READ]
    for cursor in others:
        await store.save_cursor(cursor)
    assert await store.cursors() == [others[2], others[1], others[0]]


async def test_a_change_is_made_of_what_stands_there(store: Store) -> None:
    await store.save_subscription(ONE)

    def confirm(known: Subscription) -> Subscription:
        return structs.replace(known, status="active", tries=known.tries + 1)

    for tries in (1, 2):
        changed = await store.change_subscription("instagram", "s1", confirm)
        assert changed == structs.replace(ONE, status="active", tries=tries)
        assert await store.subscriptions() == [changed]


async def test_a_change_of_nothing_makes_nothing(store: Store) -> None:
    assert await store.change_subscription("instagram", "s1", lambda known: known) is None
    await store.save_subscription(ONE)
    assert await store.change_subscription("instagram", "s1", lambda known: None) is None
    assert await store.change_subscription("twitter", "s1", lambda known: known) is None
    assert await store.subscriptions() == [ONE]


async def test_changes_at_the_same_time_lose_none(store: Store) -> None:
    await store.save_subscription(ONE)

    def count(known: Subscription) -> Subscription:
        return structs.replace(known, tries=known.tries + 1)

    await asyncio.gather(*(store.change_subscription("instagram", "s1", count) for _ in range(20)))
    assert (await store.subscriptions())[0].tries == 20


# --- what was pushed once more ---


async def test_what_was_pushed_once_more_is_known_for_an_hour(store: Store) -> None:
    await store.note_repeats([3, 5, 3], NOW)
    await store.note_repeats([5, 7], after(3000))
    assert await store.repeats([1, 3, 5, 7]) == {3, 5, 7}
    assert await store.repeats([]) == set()
    await store.note_repeats([], after(3601))
    assert await store.repeats([3, 5, 7]) == {7}
