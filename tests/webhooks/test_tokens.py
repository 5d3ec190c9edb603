"""One process with its parts: whatever speaks to a platform does so with the tokens that count now."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.handlers import Handlers
from moderation_ai.sender import Sender
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup

pytestmark = pytest.mark.anyio


def parts(file: Path, fake: Fake, sender: Sender, *, keys: tuple[str, ...] = (), works: bool = True) -> Parts:
    access = Access(platform=fake.platform, session=replace(fake.session, expires_at=None), client=fake.client)
    setup = Setup(accesses=(access,), keys=keys)
    return Parts(SqliteStore(str(file)), setup, Handlers(), sender=sender, works=works)


async def test_the_first_start_makes_a_key_and_the_next_one_reads_what_it_opens(tmp_path: Path) -> None:
    file, fake = tmp_path / "store.db", find_fake("twitter")
    with fake.serve() as served:
        first = parts(file, fake, served.sender(timeout=30))
        await first.open()
        (access,) = first.credentials.accesses.values()
        got = await first.credentials.refresh(access)
        await first.close()
        assert stat.S_IMODE((tmp_path / "store.db.key").stat().st_mode) == 0o600
        second = parts(file, fake, served.sender(timeout=30))
        second.credentials.accesses[("twitter", "")].session = access.session
        await second.open()
        (same,) = second.credentials.accesses.values()
        assert await second.credentials.session(same) == got
        await second.close()


async def test_a_start_with_another_key_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    file, fake = tmp_path / "store.db", find_fake("twitter")
    for keys in (("A" * 43 + "=",), ("B" * 42 + "A=",)):
        process = parts(file, fake, Sender(), keys=keys)
        if keys[0].startswith("A"):
            await process.open()
        else:
            with pytest.raises(ConfigurationError, match="not among those here"):
                await process.open()
        await process.close()
    assert not (tmp_path / "store.db.key").exists()


async def test_a_gateway_that_only_receives_makes_no_key(tmp_path: Path) -> None:
    process = parts(tmp_path / "store.db", find_fake("twitter"), Sender(), works=False)
    await process.open()
    await process.close()
    assert not (tmp_path / "store.db.key").exists()


async def test_a_feed_whose_token_has_ended_is_read_with_the_next_one(tmp_path: Path) -> None:
    fake = find_fake("reddit")
    thing = fake.write("Too salty.")
    fake.expire()
    with fake.serve() as served:
        access = Access(platform=fake.platform, session=replace(fake.session, expires_at=None), client=fake.client)
        store = SqliteStore(str(tmp_path / "store.db"))
        watch = Watch(access=access, watched=("breadmakers",))
        setup = Setup(accesses=(access,), watches=(watch,))
        process = Parts(store, setup, Handlers(), sender=served.sender(timeout=30))
        await process.open()
        async with asyncio.timeout(60):
            while not [each for each in await store.events(EventFilter()) if thing.id in each.lane]:
                await asyncio.sleep(0.02)
        await process.close()
    assert [asked.call for asked in fake.calls].count("refresh") == 1
