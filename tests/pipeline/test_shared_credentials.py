"""Tokens of several processes: renewed by one at a time, saved before they are used, never lost."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import CredentialsRejected, PlatformUnavailable, StoreError
from tests.kinds import KINDS
from tests.pipeline.authorised import BY_REFRESH_TOKEN, NOW, ROTATING, Faulty, staged

pytestmark = pytest.mark.anyio


# --- several processes ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ROTATING)
async def test_a_refresh_token_for_one_use_is_used_once_by_many_processes(name: str, kind: str) -> None:
    async with staged(name, kind) as stage:
        several = [stage.credentials(f"w{number}") for number in range(5)]
        for credentials, access in several:
            await credentials.session(access)
        stage.fake.expire()
        found = await asyncio.gather(
            *(credentials.renewed(access, stage.configured) for credentials, access in several)
        )
        assert {each.access_token for each in found} == {stage.fake.session.access_token}
        assert stage.refreshes == 1
        assert await stage.store.duties() == []


async def test_what_another_process_got_counts() -> None:
    async with staged("twitter") as stage:
        (one, access), (other, same) = stage.credentials("w1"), stage.credentials("w2")
        before = await other.session(same)
        got = await one.refresh(access)
        assert await other.renewed(same, before) == got
        assert stage.refreshes == 1


async def test_configured_tokens_that_changed_win_and_older_settings_do_not_bring_theirs_back() -> None:
    async with staged("twitter") as stage:
        one, access = stage.credentials("w1")
        await one.refresh(access)
        stage.fake.authorise()
        other, same = stage.credentials("w2", session=stage.fake.session)
        assert (await other.session(same)).access_token == stage.fake.session.access_token
        renewed = await other.refresh(same)
        late, old = stage.credentials("w3")
        assert await late.session(old) == renewed
        assert await one.renewed(access, access.session) == renewed


async def test_who_waits_for_another_process_in_vain_may_come_again() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials(patience=0.0)
        await credentials.session(access)
        assert await stage.store.take_duty("refresh twitter", "other", NOW, 60)
        with pytest.raises(PlatformUnavailable, match="another process"):
            await credentials.refresh(access)
        stage.later(seconds=61)
        assert (await credentials.refresh(access)).access_token == stage.fake.session.access_token


async def test_what_is_known_of_an_account_meanwhile_costs_no_token() -> None:
    async with staged("twitter") as stage:
        faulty = Faulty(stage.store)
        faulty.gate = asyncio.Event()
        nameless = replace(stage.configured, account_id=None)
        credentials, access = stage.credentials(session=nameless, store=faulty)
        await credentials.vault.look(access)
        refreshing = asyncio.create_task(credentials.refresh(access))
        await faulty.asked.wait()
        kept = await credentials.vault.look(access)
        named = replace(kept.record, session=replace(kept.session, account_id="1201"))
        other, _ = stage.credentials("w2", session=nameless)
        assert await other.vault.save(replace(kept, record=named)) is not None
        faulty.gate.set()
        session = await refreshing
        assert (session.access_token, session.account_id) == (stage.fake.session.access_token, "1201")
        assert (await stage.saved()).version == 3


# --- nothing is lost ---


@pytest.mark.parametrize("name", ROTATING)
async def test_tokens_that_cannot_be_saved_at_first_are_kept_and_not_asked_for_again(name: str) -> None:
    async with staged(name) as stage:
        faulty = Faulty(stage.store, fails=2)
        credentials, access = stage.credentials(store=faulty)
        got = await credentials.refresh(access)
        assert got.access_token == stage.fake.session.access_token
        again, same = stage.credentials("w2")
        assert await again.session(same) == got
        assert stage.refreshes == 1


async def test_tokens_that_cannot_be_saved_for_long_are_saved_before_they_are_used() -> None:
    async with staged("twitter") as stage:
        faulty = Faulty(stage.store, fails=6)
        credentials, access = stage.credentials(store=faulty)
        await credentials.session(access)
        with pytest.raises(StoreError):
            await credentials.refresh(access)
        with pytest.raises(StoreError):
            await credentials.refresh(access)
        assert (await stage.saved()).version == 1
        assert [each.name for each in await stage.store.duties()] == ["refresh twitter"], "nobody else may use them up"
        assert (await credentials.renewed(access, stage.configured)).access_token == stage.fake.session.access_token
        assert (stage.refreshes, await stage.store.duties()) == (1, [])


async def test_at_the_end_what_is_not_saved_yet_is_saved() -> None:
    async with staged("twitter") as stage:
        faulty = Faulty(stage.store, fails=5)
        credentials, access = stage.credentials(store=faulty)
        with pytest.raises(StoreError):
            await credentials.refresh(access)
        await credentials.stop()
        again, same = stage.credentials("w2")
        assert (await again.session(same)).access_token == stage.fake.session.access_token


async def test_who_goes_away_while_a_refresh_runs_loses_nothing() -> None:
    async with staged("twitter") as stage:
        faulty = Faulty(stage.store)
        faulty.gate = asyncio.Event()
        credentials, access = stage.credentials(store=faulty)
        asking = asyncio.create_task(credentials.refresh(access))
        await faulty.asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        ending = asyncio.create_task(credentials.stop())
        faulty.gate.set()
        await ending
        again, same = stage.credentials("w2")
        assert (await again.session(same)).access_token == stage.fake.session.access_token
        assert stage.refreshes == 1


@pytest.mark.parametrize("name", BY_REFRESH_TOKEN)
async def test_a_process_killed_before_it_saved_leaves_an_account_that_goes_on_or_says_what_to_do(name: str) -> None:
    async with staged(name) as stage:
        faulty = Faulty(stage.store)
        faulty.gate = asyncio.Event()  # It never gets further than the answer.
        killed, access = stage.credentials("killed", store=faulty)
        dying = asyncio.create_task(killed.refresh(access))
        await faulty.asked.wait()
        stage.later(seconds=61)
        credentials, same = stage.credentials("w2")
        if name in ROTATING:
            with pytest.raises(CredentialsRejected):
                await credentials.renewed(same, stage.configured)
            assert (await stage.saved()).refused_at is not None
        else:
            got = await credentials.renewed(same, stage.configured)
            assert got.access_token == stage.fake.session.access_token
        dying.cancel()
        faulty.gate.set()
        await killed.stop()
