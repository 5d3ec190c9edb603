"""Tokens: renewed in time and when they are refused, by one process at a time, saved before they are used, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError, CredentialsRejected, PlatformUnavailable, StoreError
from moderation_ai.core.flows import Session
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import SavedSession
from tests.fakes.stage import Serving
from tests.kinds import ANY, KINDS, content_of, lasting_store, new_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["twitter", "instagram", "reddit", "youtube", "tiktok"]
ROTATING = ["twitter", "tiktok"]
BY_REFRESH_TOKEN = ["twitter", "reddit", "youtube", "tiktok"]
SERVING = Serving()
KEY, OLDER = "A" * 43 + "=", "B" * 42 + "A="


@pytest.fixture(autouse=True, scope="module")
def _served() -> Iterator[None]:
    yield
    SERVING.close()


class Faulty:
    """A store that cannot save tokens so many times, and tells what it was asked to save."""

    def __init__(self, store: Store, fails: int = 0) -> None:
        self._store = store
        self.fails = fails
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save_session(self, session: SavedSession) -> bool:
        if session.version:
            self.asked.set()
            if self.gate is not None:
                await self.gate.wait()
            if self.fails:
                self.fails -= 1
                raise StoreError("the disk is full")
        return await self._store.save_session(session)


class Stage:
    """A fake that is served, a store, and as many processes' credentials as are wanted."""

    def __init__(self, fake: Fake, store: Store, clock: ManualClock, sender: Sender) -> None:
        self.fake, self.store, self.clock, self.sender = fake, store, clock, sender
        self.configured = fake.session

    def access(self, session: Session | None = None) -> Access:
        return Access(platform=self.fake.platform, session=session or self.configured, client=self.fake.client)

    def credentials(
        self,
        name: str = "w1",
        *,
        session: Session | None = None,
        keys: tuple[str, ...] = (KEY,),
        store: Any = None,
        patience: float = 30.0,
    ) -> tuple[Credentials, Access]:
        access = self.access(session)
        made = Credentials(
            store or self.store,
            [access],
            self.sender,
            self.clock,
            lambda is_new: Sealer(keys),
            name=name,
            patience=patience,
        )
        return made, access

    def later(self, **more: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**more))

    def near_the_end(self) -> None:
        """Turn the clock to a minute before the token ends."""
        ends = self.fake.session.expires_at
        assert ends is not None
        self.clock.set(ends - timedelta(minutes=1))

    @property
    def refreshes(self) -> int:
        return sum(asked.call in ("refresh", "exchange") for asked in self.fake.calls)

    async def saved(self) -> SavedSession:
        (found,) = await self.store.sessions()
        return found


@asynccontextmanager
async def staged(name: str, kind: str = ANY, store: Store | None = None) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW)
    fake, store = find_fake(name, clock=clock), store or new_store(kind)
    await store.open()
    try:
        yield Stage(fake, store, clock, SERVING.of(fake).sender(timeout=30, now=clock.now))
    finally:
        await store.close()


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


# --- encrypted ---


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
async def test_no_token_stands_in_the_store(kind: str, tmp_path: Any) -> None:
    store = lasting_store(tmp_path / "store.db", kind)
    async with staged("tiktok", store=store) as stage:
        credentials, access = stage.credentials()
        got = await credentials.refresh(access)
        content = content_of(store)
        for token in (stage.configured, got):
            assert token.access_token.encode() not in content
            assert str(token.refresh_token).encode() not in content
        assert b"tiktok" in content


async def test_another_key_opens_nothing_and_the_start_says_so() -> None:
    async with staged("twitter") as stage:
        credentials, _ = stage.credentials()
        await credentials.open()
        other, _ = stage.credentials("w2", keys=(OLDER,))
        with pytest.raises(ConfigurationError, match="a key that is not among those here"):
            await other.open()


async def test_an_older_key_opens_and_the_next_write_is_under_the_newest() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials(keys=(OLDER,))
        await credentials.open()
        after, access = stage.credentials("w2", keys=(KEY, OLDER))
        await after.open()
        assert not Sealer([KEY]).is_newest((await stage.saved()).sealed)
        await after.refresh(access)
        assert Sealer([KEY]).is_newest((await stage.saved()).sealed)


async def test_tokens_that_somebody_moved_to_another_account_are_not_used() -> None:
    async with staged("twitter") as stage:
        credentials, access = stage.credentials()
        await credentials.open()
        moved = replace(await stage.saved(), account="shop", version=0)
        await stage.store.save_session(moved)
        access.account = "shop"
        with pytest.raises(ConfigurationError, match="another account's"):
            await credentials.vault.look(access)
