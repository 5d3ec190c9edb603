"""Watches: which platforms are polled, with what, and under which keys their events stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moderation_ai.config import accesses_of, load, sources_of, watches_of
from moderation_ai.core.access import Watch
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.platforms import all_platforms


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class _Polled(Platform):
    name = "instagram"
    poll = True


class _Deaf(Platform):
    name = "youtube"
    poll = False


PLATFORMS = {"instagram": _Polled(), "youtube": _Deaf()}


def watches(text: str) -> list[Watch]:
    Path("c.toml").write_text(text)
    return watches_of(load("c.toml", environ={}).settings.platforms, PLATFORMS)


def served(text: str) -> list[str]:
    Path("c.toml").write_text(text)
    return sorted(sources_of(load("c.toml", environ={}).settings, PLATFORMS))


def test_a_token_is_enough_to_be_polled_with() -> None:
    [watch] = watches('[platforms.instagram]\nsecrets = "s"\naccess_token = "t"\n')
    assert (watch.access.session.access_token, watch.watched, watch.interval, watch.spend_cap) == ("t", (), None, None)
    assert watch.pushes
    assert watches('[platforms.instagram]\nsecrets = "s"\n') == []


def test_what_is_watched_needs_no_token() -> None:
    [watch] = watches('[platforms.instagram]\nwatch = ["a", "b"]\npoll_interval = 90\npoll_spend_cap = 2\n')
    assert watch.access.session.access_token == ""
    assert (watch.watched, watch.interval, watch.spend_cap) == (("a", "b"), 90.0, 2.0)


def test_nothing_is_polled_where_that_is_turned_off() -> None:
    assert watches('[platforms.instagram]\nsecrets = "s"\naccess_token = "t"\nwatch = "a"\npoll = false\n') == []


@pytest.mark.parametrize("setting", ['watch = "a"', "poll = true"])
def test_what_cannot_be_polled_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=r"platforms\.youtube: nothing can be polled there"):
        watches(f'[platforms.youtube]\nsecrets = "s"\n{setting}\n')


@pytest.mark.parametrize("setting", ['watch = "a"', "poll = true", '[platforms.instagram.accounts.b]\nwatch = "a"'])
def test_a_platform_that_is_only_polled_needs_no_secret_and_gets_no_address(setting: str) -> None:
    text = f'[platforms.instagram]\naccess_token = "t"\n{setting}\n'
    assert served(text) == []
    assert [watch.pushes for watch in watches(text)] == [False], "nothing is missed where nobody posts"


@pytest.mark.parametrize("setting", ['watch = "a"\npoll = false', ""])
def test_a_platform_that_is_not_polled_needs_its_secret(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="no secret"):
        served(f'[platforms.instagram]\naccess_token = "t"\n{setting}\n')


def test_a_secret_opens_the_address_of_a_platform_that_is_polled_too() -> None:
    assert served('[platforms.instagram]\nsecrets = "s"\nwatch = "a"\n') == ["instagram"]


ACCOUNTS = """
[platforms.instagram]
secrets = "shared"
watch = ["a"]
{own}
[platforms.instagram.accounts.brand]
id = "1"
access_token = "t1"
[platforms.instagram.accounts.shop]
id = "2"
access_token = "t2"
secrets = "shop's"
watch = ["b"]
"""


def test_events_of_an_account_have_the_keys_of_what_is_pushed_to_its_address() -> None:
    brand, shop = watches(ACCOUNTS.format(own=""))
    Path("c.toml").write_text(ACCOUNTS.format(own=""))
    pushed = {name: one for name, (_, one) in sources_of(load("c.toml", environ={}).settings, PLATFORMS).items()}

    def keys(credential: Credential) -> Any:
        return credential.name, credential.accounts

    assert keys(brand.credential) == keys(pushed["instagram"]) == ("", {"1": "brand"})
    assert keys(shop.credential) == keys(pushed["instagram/shop"]) == ("shop", {"2": "shop"})


def test_an_account_watches_its_own_list_else_the_one_of_a_platform_without_a_token() -> None:
    assert [one.watched for one in watches(ACCOUNTS.format(own=""))] == [("a",), ("b",)]
    with_token = watches(ACCOUNTS.format(own='access_token = "t0"'))
    assert [(one.access.account, one.watched) for one in with_token] == [("", ("a",)), ("brand", ()), ("shop", ("b",))]


def test_an_access_has_its_platforms_agent_and_limits() -> None:
    Path("c.toml").write_text(
        '[platforms.reddit]\nsecrets = "s"\nlimits_factor = 2\nuser_agent = "us"\n'
        '[platforms.reddit.accounts.mod]\naccess_token = "t"\n'
    )
    [access] = accesses_of(load("c.toml", environ={}).settings.platforms, all_platforms())
    assert (access.limits_factor, access.session.user_agent) == (2.0, "us")
