"""Sites: what a webhook of an account is wished with, and which addresses a platform could post to."""

from __future__ import annotations

import pytest
from msgspec import structs

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Client, Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site, check_callback
from tests.hubs import Hub

URL = "https://hooks.example.org/webhook/hub"


def site(platform: Hub, *, session: Session | None = None, client: Client | None = None) -> Site:
    access = Access(
        platform=platform, account="shop", session=session or Session(access_token=""), client=client or Client()
    )
    return Site(
        access=access,
        credential=Credential(secrets=("new", "old"), topics=("https://feeds.example/a", "feed:a", "feed:b")),
        url=URL,
    )


def test_one_address_is_a_wish_for_each_topic_as_its_hub_spells_it() -> None:
    place = site(Hub())
    wishes = place.wishes(place.wish(URL))
    assert [each.topic for each in wishes] == ["https://feeds.example/a", "https://feeds.example/b"]
    assert {(each.url, each.account, each.secret) for each in wishes} == {(URL, "shop", "new")}


def test_a_secret_that_is_given_stands_before_the_configured_ones() -> None:
    assert site(Hub()).wish(URL, secret="own").secret == "own"


def test_says_what_is_not_configured_that_the_platform_is_asked_with() -> None:
    class Asking(Hub):
        subscribe_needs = ("access_token", "app_token", "client_id", "client_secret")

    assert site(Hub()).can_ask
    assert site(Asking()).missing == Asking.subscribe_needs
    assert not site(Asking()).can_ask
    session = Session(access_token="", refresh_token="r")
    assert site(Asking(), session=session, client=Client(id="a", secret="s", token="t")).missing == ()


def test_a_platform_without_webhooks_is_not_asked() -> None:
    class Silent(Hub):
        subscribe = False

    assert not site(Silent()).can_ask


@pytest.mark.parametrize(
    "url", [URL, "https://203.0.113.9.example/x", "https://8.8.8.8/webhook", "https://[2606:4700::1111]:8443/x"]
)
def test_a_public_address_is_taken(url: str) -> None:
    assert check_callback(url) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/webhook/x", "http://localhost/x", "https://[::1]/x"])
def test_an_address_on_this_machine_is_taken_with_a_warning(url: str) -> None:
    assert "tests" in (check_callback(url) or "")


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.org",
        "ftp://hooks.example.org",
        "https://",
        "https://[bad",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:0/",
        "http://hooks.example.org/webhook/x",
        "https://user:hush@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://10.0.0.7/webhook/x",
        "https://192.168.1.4/x",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/x",
        "https://0.0.0.0/x",
    ],
)
def test_an_address_that_no_platform_could_post_to_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_callback(url)
    assert "hush" not in str(caught.value)


def test_a_site_without_tokens_names_its_account() -> None:
    assert site(Hub()).account == "shop"
    own = structs.replace(site(Hub()), access=Access(platform=Hub(), session=Session(access_token="")))
    assert own.account is None
