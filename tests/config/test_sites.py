"""Sites: which accounts webhooks can be registered for, by what is configured, and at which address."""

from __future__ import annotations

from typing import Any

from moderation_ai.config import load, sites_of
from moderation_ai.core.sites import Site


def sites(**variables: str) -> dict[str, Site]:
    environ = {f"MODERATION_AI_{name}": value for name, value in variables.items()}
    settings = load(environ=environ).settings
    return {each.access.name: each for each in sites_of(settings.platforms, settings.server)}


PUBLIC: dict[str, Any] = {"SERVER__PUBLIC_URL": "https://hooks.example.org/", "SERVER__ENDPOINT": "/in"}


def test_a_platform_has_a_site_of_its_own_at_its_address() -> None:
    found = sites(PLATFORMS__YOUTUBE__SECRETS='["new", "old"]', PLATFORMS__YOUTUBE__TOPICS='["t"]', **PUBLIC)
    (site,) = found.values()
    assert (site.url, site.account) == ("https://hooks.example.org/in/youtube", None)
    assert (site.credential.secrets, site.credential.topics) == (("new", "old"), ("t",))


def test_an_account_has_one_too_with_what_is_its_own() -> None:
    found = sites(
        PLATFORMS__X__SECRETS="s",
        PLATFORMS__X__CLIENT_ID="app",
        PLATFORMS__X__ACCOUNTS__SHOP__ID="77",
        PLATFORMS__X__ACCOUNTS__SHOP__ACCESS_TOKEN="t",
        PLATFORMS__X__ACCOUNTS__CAFE__SECRETS="own",
        **PUBLIC,
    )
    shop, cafe = found["twitter/shop"], found["twitter/cafe"]
    assert (shop.url, shop.credential.secrets) == ("https://hooks.example.org/in/twitter", ("s",))
    assert (shop.access.session.account_id, shop.access.session.access_token) == ("77", "t")
    assert shop.access.client.id == "app"
    assert (cafe.url, cafe.credential.secrets) == ("https://hooks.example.org/in/twitter/cafe", ("own",))


def test_without_a_public_address_there_is_none() -> None:
    assert sites(PLATFORMS__TIKTOK__SECRETS="s")["tiktok"].url is None
