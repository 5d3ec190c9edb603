"""The accounts' tokens: the newest are kept, and never overwritten by who knows older ones."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from moderation_ai.stores.base import Store
from moderation_ai.stores.register import SavedSession
from tests.stores.making import NOW, after

pytestmark = pytest.mark.anyio

FIRST = SavedSession(platform="twitter", account="shop", sealed=b"\x00one", expires_at=after(7200), saved_at=NOW)


async def saved(store: Store) -> SavedSession:
    found = await store.session("twitter", "shop")
    assert found is not None
    return found


async def test_tokens_come_back_as_they_were_saved(store: Store) -> None:
    assert await store.session("twitter", "shop") is None
    assert await store.save_session(FIRST)
    assert await saved(store) == replace(FIRST, version=1)


async def test_each_account_has_its_own(store: Store) -> None:
    other = replace(FIRST, account="", sealed=b"two", expires_at=None)
    assert await store.save_session(FIRST)
    assert await store.save_session(other)
    assert await store.sessions() == [replace(other, version=1), replace(FIRST, version=1)]


async def test_who_knows_an_older_version_overwrites_nothing(store: Store) -> None:
    await store.save_session(FIRST)
    assert await store.save_session(replace(FIRST, version=1, sealed=b"two", saved_at=after(1)))
    assert not await store.save_session(replace(FIRST, version=1, sealed=b"three"))
    assert not await store.save_session(replace(FIRST, version=0, sealed=b"four"))
    assert not await store.save_session(replace(FIRST, version=3, sealed=b"five"))
    found = await saved(store)
    assert (found.sealed, found.version, found.saved_at) == (b"two", 2, after(1))


async def test_of_many_who_save_at_once_one_does(store: Store) -> None:
    first = [store.save_session(replace(FIRST, sealed=b"%d" % number)) for number in range(8)]
    assert sum(await asyncio.gather(*first)) == 1
    second = [store.save_session(replace(FIRST, sealed=b"%d" % number, version=1)) for number in range(8)]
    assert sum(await asyncio.gather(*second)) == 1


async def test_a_refusal_stands_until_there_are_other_tokens(store: Store) -> None:
    await store.save_session(FIRST)
    await store.refuse_session("twitter", "shop", 1, after(3), "authorise the account again")
    found = await saved(store)
    assert (found.refused_at, found.reason) == (after(3), "authorise the account again")
    assert (found.sealed, found.version) == (FIRST.sealed, 1)
    await store.save_session(replace(FIRST, version=1))
    assert ((await saved(store)).refused_at, (await saved(store)).reason) == (None, None)


async def test_a_refusal_of_older_tokens_is_not_one_of_the_newer(store: Store) -> None:
    await store.save_session(FIRST)
    await store.save_session(replace(FIRST, version=1))
    await store.refuse_session("twitter", "shop", 1, after(3), "no")
    assert (await saved(store)).refused_at is None


async def test_what_is_forgotten_is_gone_and_can_begin_anew(store: Store) -> None:
    await store.save_session(FIRST)
    assert await store.delete_session("twitter", "shop") is True
    assert await store.delete_session("twitter", "shop") is False
    assert await store.session("twitter", "shop") is None
    assert await store.save_session(FIRST)
