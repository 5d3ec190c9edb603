"""One process with its parts: whatever speaks to a platform does so with the tokens that count now."""

from __future__ import annotations

import asyncio
import stat
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.errors import ConfigurationError, CredentialsRejected
from moderation_ai.core.flows import Session
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.handling.handlers import Handlers
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


@pytest.mark.parametrize("stops", ["before", "after"])
@pytest.mark.parametrize("name", ["twitter", "reddit"])
async def test_a_process_killed_around_the_save_leaves_what_the_next_one_goes_on_with_or_tells(
    name: str, stops: str, tmp_path: Path
) -> None:
    file, fake = tmp_path / "store.db", find_fake(name)
    before = fake.session
    with fake.serve() as served:
        arguments = (str(file), served.url, name, str(before.refresh_token), stops)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.webhooks.refreshing", *arguments, stdout=PIPE, cwd=Path(__file__).parents[2]
        )
        assert child.stdout is not None
        async with asyncio.timeout(60):
            assert await child.stdout.readline() == b"here\n"
        child.kill()
        await child.wait()
        session = Session(access_token=before.access_token, refresh_token=before.refresh_token, account_id="1")
        access = Access(platform=fake.platform, session=session, client=fake.client)
        process = Parts(SqliteStore(str(file)), Setup(accesses=(access,)), Handlers(), sender=served.sender(timeout=60))
        await process.open()  # What the dead one alone might do anybody may now, at once.
        try:
            found = await asyncio.gather(process.credentials.renewed(access, session), return_exceptions=True)
            (saved,) = await process.store.sessions()
        finally:
            await process.close()
    refreshes = [asked.call for asked in fake.calls].count("refresh")
    if stops == "after":
        assert (found[0], refreshes, saved.refused_at) == (process.credentials.known(access), 1, None)
    elif name == "reddit":
        assert (found[0], refreshes, saved.refused_at) == (process.credentials.known(access), 2, None)
    else:
        assert isinstance(found[0], CredentialsRejected)
        assert (refreshes, saved.refused_at is not None) == (2, True)
        assert (await health_of(file, access)) == ["authorise:twitter"]


async def health_of(file: Path, access: Access) -> list[str]:
    process = Parts(SqliteStore(str(file)), Setup(accesses=(access,)), Handlers(), works=False)
    await process.open()
    try:
        return [cause for cause in (await process.health()).causes if cause.startswith("authorise")]
    finally:
        await process.close()
