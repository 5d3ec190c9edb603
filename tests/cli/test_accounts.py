"""``accounts`` and what health and ``doctor`` say of tokens: how they stand, and never a token itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moderation_ai.cli import cli
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.core.access import Access
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.credentials.authorising import (
    ENDED,
    GOOD,
    NEW,
    REFUSED,
    UNCONFIGURED,
    authorisations,
    refusals,
)
from moderation_ai.sender import Sender
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.register import SavedSession
from tests.cli.conftest import rows
from tests.cli.filling import NOW, URL

SECRET = ("twitter-access-1", "twitter-refresh-1", "the app's secret")


class Stage:
    """An account on X that is configured, its store, and the command line."""

    def __init__(self, fake: Fake, sender: Sender, clock: ManualClock) -> None:
        self.fake, self.clock = fake, clock
        self._sender = sender
        above = "MODERATION_AI_PLATFORMS__TWITTER__"
        session = fake.session
        self.env = {
            f"{above}SECRETS": "something long enough",
            f"{above}CLIENT_ID": fake.client.id,
            f"{above}CLIENT_SECRET": fake.client.secret,
            f"{above}ACCOUNTS__SHOP__ACCESS_TOKEN": session.access_token,
            f"{above}ACCOUNTS__SHOP__REFRESH_TOKEN": str(session.refresh_token),
        }

    def run(self, *args: str, **env: str) -> Result:
        invocation = Invocation(self.clock, self._sender)
        result = CliRunner(env={**self.env, **env}).invoke(
            cli, [*args, "--store", URL], obj=invocation, prog_name="moderation-ai"
        )
        assert not [secret for secret in SECRET if secret in result.output], "no token is shown"
        return result


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = ManualClock(NOW)
    fake = find_fake("twitter", clock=clock)
    within(lambda store: store.describe())
    with fake.serve() as served:
        yield Stage(fake, served.sender(timeout=30, now=clock.now), clock)


def within(do: Any) -> Any:
    async def work() -> Any:
        store = open_store(URL)
        await store.open()
        try:
            return await do(store)
        finally:
            await store.close()

    return asyncio.run(work())


def test_an_account_is_listed_before_and_after_its_first_use(stage: Stage) -> None:
    (before,) = rows(stage.run("accounts", "list", "--json"))
    assert (before["platform"], before["account"], before["status"]) == ("twitter", "shop", "new")
    assert stage.run("accounts", "check").exit_code == 0
    (after,) = rows(stage.run("accounts", "list", "--json"))
    assert after["status"] == "ok"
    assert "twitter/shop" in stage.run("accounts", "list").stdout


def test_a_check_asks_the_platform_whose_tokens_they_are(stage: Stage) -> None:
    (row,) = rows(stage.run("accounts", "check", "x/shop", "--json"))
    assert (row["status"], row["account_id"]) == ("ok", stage.fake.account)
    stage.fake.expire()
    (row,) = rows(stage.run("accounts", "check", "--json"))
    assert (row["status"], row["account_id"]) == ("ok", stage.fake.account), "what has ended is renewed"


def test_a_refresh_gets_the_next_tokens_and_they_count_from_then_on(stage: Stage) -> None:
    result = stage.run("accounts", "refresh", "--json")
    (row,) = rows(result)
    assert row["expires_at"] == str(stage.fake.session.expires_at).replace(" ", "T")
    assert stage.fake.session.access_token not in result.output
    assert stage.run("accounts", "check").exit_code == 0
    assert [asked.call for asked in stage.fake.calls].count("refresh") == 1


def test_an_account_that_must_be_authorised_again_is_told_everywhere(stage: Stage) -> None:
    refused = {"MODERATION_AI_PLATFORMS__TWITTER__ACCOUNTS__SHOP__REFRESH_TOKEN": "revoked"}
    result = stage.run("accounts", "refresh", **refused)
    assert result.exit_code == 1
    assert "authorise the account again" in result.stdout
    (row,) = rows(stage.run("accounts", "list", "--json", **refused))
    assert (row["status"], "authorise" in row["reason"]) == ("refused", True)
    found = [each for each in rows(stage.run("doctor", "--json", **refused)) if each["check"] == "tokens"]
    assert [(each["status"], "twitter/shop" in each["message"]) for each in found] == [("failure", True)]


def test_what_is_forgotten_begins_anew_with_what_is_configured(stage: Stage) -> None:
    stage.run("accounts", "refresh")
    assert stage.run("accounts", "forget", "twitter/shop").exit_code == 0
    (row,) = rows(stage.run("accounts", "list", "--json"))
    assert row["status"] == "new"
    assert stage.run("accounts", "forget", "twitter/shop").exit_code == 1


def test_an_account_without_a_token_is_no_account(stage: Stage) -> None:
    result = stage.run("accounts", "check", "youtube")
    assert result.exit_code == 3
    assert "no token is configured for youtube; there is one for: twitter/shop" in result.stderr


def test_the_doctor_tells_of_the_key(stage: Stage, folder: Path) -> None:
    def told(**env: str) -> list[str]:
        return [each["status"] for each in rows(stage.run("doctor", "--json", **env)) if each["check"] == "key"]

    assert told() == []
    stage.run("accounts", "check")
    assert told() == ["ok"]
    newer = {"MODERATION_AI_CREDENTIALS__KEYS": "A" * 43 + "="}
    assert told(**newer) == ["warning"]
    assert stage.run("accounts", "refresh", **newer).exit_code == 0
    assert told(**newer) == ["ok"]
    (folder / "moderation.db.key").unlink()
    assert told() == ["failure"]
    assert not (folder / "moderation.db.key").exists(), "no other key takes its place"
    assert stage.run("accounts", "check").exit_code == 1
    assert not (folder / "moderation.db.key").exists()


def test_keys_are_masked_where_settings_are_shown(stage: Stage) -> None:
    key = "A" * 43 + "="
    result = stage.run("config", "show", MODERATION_AI_CREDENTIALS__KEYS=key)
    assert "credentials.keys" in result.stdout
    assert key not in result.output


def saved(**more: Any) -> SavedSession:
    return SavedSession(**{"platform": "twitter", "sealed": b"x", "saved_at": NOW, "version": 1, **more})


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (None, NEW),
        (saved(), GOOD),
        (saved(expires_at=NOW + timedelta(seconds=1)), GOOD),
        (saved(expires_at=NOW), ENDED),
        (saved(refused_at=NOW, reason="no more"), REFUSED),
        (saved(refused_at=NOW, reason="no more", expires_at=NOW), REFUSED),
    ],
)
def test_the_status_follows_from_what_is_saved(row: SavedSession | None, status: str, stage: Stage) -> None:
    access = Access(platform=stage.fake.platform, session=stage.fake.session)
    (found,) = authorisations([access], [row] if row else [], NOW)
    assert found.status == status
    assert [name for name, _ in refusals([found])] == (["twitter"] if status == REFUSED else [])
    if row is not None:
        assert [each.status for each in authorisations([], [row], NOW)] == [UNCONFIGURED]


def test_tokens_that_cannot_be_renewed_are_none_the_worse_for_being_asked_to(stage: Stage) -> None:
    without = {"MODERATION_AI_PLATFORMS__TWITTER__ACCOUNTS__SHOP__REFRESH_TOKEN": ""}
    asked = stage.run("accounts", "refresh", **without)
    assert (asked.exit_code, "no refresh token" in asked.stdout) == (1, True)
    assert [each["status"] for each in rows(stage.run("accounts", "list", "--json", **without))] == ["ok"]
