"""Tokens in the store: encrypted, and opened by our keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.credentials.sealing import Sealer
from tests.kinds import KINDS, content_of, lasting_store
from tests.pipeline.authorised import KEY, OLDER, staged

pytestmark = pytest.mark.anyio


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
