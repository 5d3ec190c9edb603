"""Tokens: renewed in time and when they are refused, and known by whose they are."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import CredentialsRejected
from moderation_ai.core.flows import Session
from tests.kinds import KINDS
from tests.pipeline.authorised import BY_REFRESH_TOKEN, NAMES, NOW, staged

pytestmark = pytest.mark.anyio


# --- in time ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_token_is_renewed_before_it_ends(name: str, kind: str) -> None:
    async with staged(name, kind) as stage:
        credentials, access = stage.credentials()
        await credentials.refresh(access)
        first = await credentials.session(access)
        assert (first.access_token, stage.refreshes) == (stage.fake.session.access_token, 1)
        stage.near_the_end()
        second = await credentials.session(access)
        assert second.access_token == stage.fake.session.access_token != first.access_token
        assert await credentials.session(access) == second
        assert stage.refreshes == 2
        assert (await stage.saved()).expires_at == second.expires_at == stage.fake.session.expires_at


@pytest.mark.parametrize("name", NAMES)
async def test_what_was_renewed_is_there_after_a_restart(name: str) -> None:
    async with staged(name) as stage:
        credentials, access = stage.credentials()
        renewed = await credentials.refresh(access)
        again, access = stage.credentials("w2")
        assert await again.session(access) == renewed
        assert stage.refreshes == 1


async def test_a_token_of_instagrams_whose_end_nobody_told_is_renewed_when_it_is_a_day_old() -> None:
    async with staged("instagram") as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, expires_at=None))
        await credentials.session(access)
        assert stage.refreshes == 0
        stage.later(days=1, minutes=6)
        await credentials.session(access)
        assert stage.refreshes == 1


async def test_a_pages_token_does_not_end_and_is_left_alone() -> None:
    async with staged("instagram") as stage:
        page = replace(stage.configured, expires_at=None, page_id="1055")
        credentials, access = stage.credentials(session=page)
        stage.later(days=400)
        assert (await credentials.session(access)).access_token == page.access_token
        assert stage.refreshes == 0


@pytest.mark.parametrize("name", BY_REFRESH_TOKEN)
async def test_a_refresh_token_alone_is_enough(name: str) -> None:
    async with staged(name) as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, access_token="", expires_at=None))
        assert (await credentials.session(access)).access_token == stage.fake.session.access_token
        assert stage.refreshes == 1


async def test_it_is_renewed_while_nobody_acts() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials()
        await credentials.refresh(access)
        running = asyncio.create_task(credentials.run())
        stage.near_the_end()
        await asyncio.to_thread(stage.fake.wait_until, lambda: stage.refreshes == 2, 30)
        await credentials.stop()
        await running


async def test_while_the_token_lasts_a_platform_that_fails_costs_nothing() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials()
        first = await credentials.refresh(access)
        stage.near_the_end()
        stage.fake.faults.order("fails", "refresh")
        # The fake did it and answered 503: the token there was is not accepted any more, and nobody knows yet.
        assert await credentials.session(access) == first
        assert await credentials.session(access) == first
        assert stage.refreshes == 2, "and it is not asked again at once"


# --- refused ---


@pytest.mark.parametrize("name", ["twitter", "youtube"])
async def test_an_act_that_meets_an_ended_token_is_done_once_more_with_the_next(name: str) -> None:
    async with staged(name) as stage:
        credentials, access = stage.credentials()
        stage.fake.expire()
        given: list[str] = []

        async def act(session: Session) -> str:
            given.append(session.access_token)
            flow = access.platform.identify(session)
            return await stage.sender.drive(flow, access.platform.hosts)

        assert await credentials.using(access, act) == stage.fake.account
        assert given == [stage.configured.access_token, stage.fake.session.access_token]
        assert stage.refreshes == 1


async def test_many_acts_that_meet_it_at_once_cause_one_refresh() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials()
        stage.fake.expire()

        async def act(session: Session) -> str:
            return await stage.sender.drive(access.platform.identify(session), access.platform.hosts)

        assert set(await asyncio.gather(*(credentials.using(access, act) for _ in range(12)))) == {stage.fake.account}
        assert stage.refreshes == 1


async def test_a_new_token_that_is_refused_too_is_not_renewed_again_and_again() -> None:
    async with staged("youtube") as stage:
        credentials, access = stage.credentials()
        tries: list[str] = []

        async def act(session: Session) -> None:
            tries.append(session.access_token)
            raise CredentialsRejected("the token lacks a scope")

        for _ in range(3):
            with pytest.raises(CredentialsRejected):
                await credentials.using(access, act)
        assert (len(tries), stage.refreshes) == (4, 1)


@pytest.mark.parametrize("name", BY_REFRESH_TOKEN)
async def test_an_account_that_must_be_authorised_again_says_so_to_all_processes(name: str) -> None:
    async with staged(name) as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, refresh_token="revoked"))
        await credentials.session(access)
        with pytest.raises(CredentialsRejected, match=r"authorise|refresh it"):
            await credentials.renewed(access, await credentials.session(access))
        saved = await stage.saved()
        assert saved.refused_at == NOW
        assert saved.reason
        assert "revoked" not in saved.reason


async def test_without_a_refresh_token_the_account_must_be_authorised_again() -> None:
    async with staged("reddit") as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, refresh_token=None))
        with pytest.raises(CredentialsRejected, match="no refresh token"):
            await credentials.renewed(access, access.session)
        assert stage.refreshes == 0
        assert "no refresh token" in str((await stage.saved()).reason)


async def test_who_has_no_token_asks_as_nobody_and_is_told_so() -> None:
    async with staged("reddit") as stage:
        credentials, access = stage.credentials(session=Session(access_token=""))

        async def act(session: Session) -> str:
            return await stage.sender.drive(access.platform.identify(session), access.platform.hosts)

        with pytest.raises(CredentialsRejected):
            await credentials.using(access, act)
        assert (len(stage.fake.calls), await stage.store.sessions()) == (1, [])


async def test_a_refusal_that_was_none_is_forgotten() -> None:
    async with staged("reddit") as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, refresh_token=None))
        with pytest.raises(CredentialsRejected):
            await credentials.renewed(access, access.session)
        await credentials.session(access)

        async def act(session: Session) -> None:
            return None

        await credentials.using(access, act)
        assert (await stage.saved()).refused_at is None


async def test_new_tokens_in_the_configuration_end_a_refusal() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, refresh_token="revoked"))
        with pytest.raises(CredentialsRejected):
            await credentials.renewed(access, access.session)
        stage.fake.authorise()
        after, access = stage.credentials("w2", session=stage.fake.session)
        assert (await after.session(access)).access_token == stage.fake.session.access_token
        assert (await stage.saved()).refused_at is None


async def test_what_the_token_endpoint_refuses_for_another_reason_gives_no_action_up() -> None:
    async with staged("youtube") as stage:
        credentials, access = stage.credentials()
        access.client = replace(access.client, secret="")
        with pytest.raises(CredentialsRejected, match=r"cannot be had.*client_secret"):
            await credentials.refresh(access)


# --- who we are ---


@pytest.mark.parametrize("name", ["twitter", "instagram", "reddit", "youtube"])
async def test_whose_token_it_is_is_asked_once_and_kept(name: str) -> None:
    async with staged(name) as stage:
        nameless = replace(stage.configured, account_id=None)
        credentials, access = stage.credentials(session=nameless)
        found = [(await credentials.session(access)).account_id for _ in range(3)]
        again, same = stage.credentials("w2", session=nameless)
        found.append((await again.session(same)).account_id)
        assert len(set(found)) == 1
        assert found[0] == (stage.fake.account if name != "reddit" else found[0])
        assert [asked.call for asked in stage.fake.calls] == ["me"]


async def test_tiktok_tells_it_with_the_next_token() -> None:
    async with staged("tiktok") as stage:
        nameless = replace(stage.configured, account_id=None)
        credentials, access = stage.credentials(session=nameless)
        assert credentials.known(access).account_id is None
        assert (await credentials.session(access)).account_id == stage.fake.account
        assert credentials.known(access).account_id == stage.fake.account
        again, same = stage.credentials("w2", session=nameless)
        assert (await again.session(same)).account_id == stage.fake.account
        assert stage.refreshes == 1


async def test_where_nobody_ever_tells_it_goes_on_without_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async with staged("tiktok") as stage:
        bare = replace(stage.configured, account_id=None, refresh_token=None)
        credentials, access = stage.credentials(session=bare)
        for _ in range(3):
            assert (await credentials.session(access)).account_id is None
        assert stage.fake.calls == []
        assert [each.getMessage() for each in caplog.records if "configure the account's id" in each.getMessage()] == [
            "tiktok: tiktok does not tell whose token it is: configure the account's id"
        ]


async def test_where_nobody_can_tell_just_now_it_goes_on_without_and_asks_later() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials(session=replace(stage.configured, account_id=None))
        stage.fake.faults.order("limited", "me")
        assert (await credentials.session(access)).account_id is None
        assert (await credentials.session(access)).account_id is None
        stage.later(minutes=11)
        assert (await credentials.session(access)).account_id == stage.fake.account
        assert [asked.call for asked in stage.fake.calls] == ["me", "me"]


async def test_what_the_configuration_alone_says_reaches_what_was_saved() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials()
        await credentials.refresh(access)
        named = replace(stage.configured, user_agent="shop/2", page_id="1055", account_id="77")
        again, same = stage.credentials("w2", session=named)
        found = await again.session(same)
        assert (found.user_agent, found.page_id, found.account_id) == ("shop/2", "1055", "77")
        assert found.access_token == stage.fake.session.access_token
