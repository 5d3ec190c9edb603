"""What accounts are acted with, as the configuration has it."""

from __future__ import annotations

import pytest

from moderation_ai.config import accesses_of, load
from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Client

ABOVE = "MODERATION_AI_PLATFORMS__"


def accesses(**variables: str) -> dict[str, Access]:
    environ = {ABOVE + name: value for name, value in variables.items()}
    return {each.name: each for each in accesses_of(load(environ=environ).settings.platforms)}


def test_an_account_acts_with_what_is_configured_for_it() -> None:
    found = accesses(
        INSTAGRAM__ACCOUNTS__SHOP__ACCESS_TOKEN="at",
        INSTAGRAM__ACCOUNTS__SHOP__ID="178414",
        INSTAGRAM__ACCOUNTS__SHOP__PAGE_ID="1055",
        INSTAGRAM__USER_AGENT="shop/1",
        INSTAGRAM__CLIENT_ID="app",
        INSTAGRAM__CLIENT_SECRET="hush",
    )["instagram/shop"]
    session = found.session
    assert (session.access_token, session.account_id, session.page_id) == ("at", "178414", "1055")
    assert (session.user_agent, found.client.id, found.client.secret) == ("shop/1", "app", "hush")


def test_a_platforms_own_account_has_a_page_too() -> None:
    assert accesses(INSTAGRAM__ACCESS_TOKEN="at", INSTAGRAM__PAGE_ID="1055")["instagram"].session.page_id == "1055"


def test_what_an_account_does_not_say_of_the_app_its_platform_says() -> None:
    client = accesses(
        TWITTER__CLIENT_ID="app",
        TWITTER__CLIENT_SECRET="hush",
        TWITTER__APP_TOKEN="the app's",
        TWITTER__ACCOUNTS__SHOP__ACCESS_TOKEN="at",
        TWITTER__ACCOUNTS__SHOP__CLIENT_SECRET="own",
    )["twitter/shop"].client
    assert client == Client(id="app", secret="own", token="the app's")
    assert "own" not in repr(client) + str(client)
    assert "the app's" not in repr(client)


def test_a_refresh_token_is_enough_to_act_with() -> None:
    session = accesses(YOUTUBE__REFRESH_TOKEN="rt")["youtube"].session
    assert (session.access_token, session.refresh_token) == ("", "rt")


def test_without_a_token_there_is_nothing_to_act_with() -> None:
    assert accesses(YOUTUBE__CLIENT_ID="app", YOUTUBE__ACCOUNTS__MAIN__ID="UC1") == {}


@pytest.mark.parametrize("text", ["short", "A" * 44, "A" * 42 + "==", "ä" * 44])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"32 bytes in base64.*openssl rand -base64 32") as raised:
        load(environ={"MODERATION_AI_CREDENTIALS__KEYS": text})
    assert text not in str(raised.value)


def test_keys_of_either_alphabet_are_taken() -> None:
    made = load(environ={"MODERATION_AI_CREDENTIALS__KEYS": "-_" * 21 + "A="}).settings
    assert made.credentials.keys == ("-_" * 21 + "A=",)
    load(environ={"MODERATION_AI_CREDENTIALS__KEYS": "+/" * 21 + "A="})
