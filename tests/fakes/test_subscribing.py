"""Subscribing over real HTTP: a fake that asks a gateway, and posts where it is registered and valid."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import (
    ConfigurationError,
    ContentGone,
    CredentialsRejected,
    PlatformError,
)
from moderation_ai.core.subscribing import ACTIVE
from moderation_ai.fakes import find_fake
from tests.fakes.subscribed import CHECKS, HOST, VERIFY_TOKEN, Scene, every_name, scene


@every_name
def test_a_comment_reaches_the_gateway_once_it_is_registered_and_not_before(name: str) -> None:
    with scene(name) as each:
        each.fake.write("before")
        found = each.do("register")
        assert {one.status for one in found} == {ACTIVE}
        assert not each.fake.misunderstood
        each.fake.write("after")
        assert [event.data.comment.text for event in each.arrived() if event.data.comment] == ["after"]
        assert len(each.fake.postman.unsent) == 1


@every_name
def test_what_is_registered_is_told(name: str) -> None:
    with scene(name) as each:
        assert each.registered() == []
        found = each.do("register")
        assert each.registered() == list(found)
        assert {(one.platform, one.url, one.account) for one in found} == {(name, each.wish.url, "shop")}
        assert {event for one in found for event in one.events} == set(each.platform.usual)


@every_name
def test_to_register_twice_changes_nothing(name: str) -> None:
    with scene(name) as each:
        first = each.do("register")
        effects = each.fake.count()
        assert each.do("register") == first
        assert each.fake.count() == effects


@every_name
def test_what_was_unregistered_is_posted_no_more(name: str) -> None:
    with scene(name) as each:
        found = each.do("register")
        for known in found:
            each.do("unregister", known)
        each.fake.write("too late")
        assert each.arrived() == []
        for known in found:
            each.do("unregister", known)
        assert not [one for one in each.registered() if one.status == ACTIVE]


@every_name
def test_a_renewal_leaves_what_is_well_as_it_is(name: str) -> None:
    with scene(name) as each:
        for known in each.do("register"):
            assert each.do("renew", known).status == ACTIVE
        each.fake.write("still there")
        assert len(each.arrived()) == 1


@pytest.mark.parametrize("name", CHECKS)
def test_an_address_that_nobody_answers_at_is_not_registered(name: str) -> None:
    with scene(name, is_up=False) as each:
        with pytest.raises(PlatformError) as caught:
            each.do("register")
        assert not caught.value.retryable
        assert "reach" in str(caught.value)
        each.fake.write("nobody hears it")
        assert each.arrived() == []


@every_name
def test_who_does_not_know_the_apps_secret_registers_nothing(name: str) -> None:
    with scene(name) as each:
        each.client = replace(each.client, secret="a guess", token="a guess")
        with pytest.raises(CredentialsRejected):
            each.do("register")
        assert each.fake.count() == 0


def test_a_fake_asks_this_machine_alone() -> None:
    fake = find_fake("twitter")
    for base in ("http://example.org", "https://127.0.0.1:1", "ftp://127.0.0.1"):
        with pytest.raises(ConfigurationError, match="this machine"):
            fake.reach(HOST, base)
    assert fake.asker.ask("https://example.org/", {}).status == 0
    assert fake.asker.ask("http://[::1", {}).status == 0


# --- what is refused there ---


def ask(each: Scene, name: str, **values: object) -> Any:
    return each.stage.drive(each.platform.api.ask(name, values, each.fake.session, each.client))


def test_x_has_no_two_webhooks_at_one_address() -> None:
    with scene("twitter") as each:
        each.fake.allowed = 2
        each.do("register")
        with pytest.raises(PlatformError, match="DuplicateUrlFailed"):
            ask(each, "add_webhook", url=each.wish.url)
        assert len(each.fake.webhooks) == 1


def test_x_refuses_what_is_subscribed_twice_or_too_often_and_what_it_does_not_know() -> None:
    with scene("twitter") as each:
        (found,) = each.do("register")
        hook = found.id.partition("/")[0]
        public = {"event_type": "post.create", "filter.user_id": "99"}
        ask(each, "subscribe_public", **public, webhook_id=hook)
        with pytest.raises(PlatformError, match="DuplicateSubscriptionFailed"):
            ask(each, "subscribe_public", **public, webhook_id=hook)
        with pytest.raises(ContentGone, match="WebhookIdInvalid"):
            ask(each, "subscribe_public", **{**public, "filter.user_id": "100"}, webhook_id="1")
        ask(each, "subscribe_account", webhook_id=hook)
        with pytest.raises(PlatformError, match="DuplicateSubscriptionFailed"):
            ask(each, "subscribe_account", webhook_id=hook)
        for call, values in (("unsubscribe", {"subscription_id": "1"}), ("check_webhook", {"webhook_id": "1"})):
            with pytest.raises(ContentGone):
                ask(each, call, **values)
        with pytest.raises(ContentGone, match="SubscriptionNotFound"):
            ask(each, "unsubscribe_account", webhook_id=hook, user_id="99")
        row = next(iter(each.fake.subscriptions.values()))
        each.fake.subscriptions = {str(number): row for number in range(1500)}
        with pytest.raises(PlatformError, match="SubscriptionLimitExceeded"):
            ask(each, "subscribe_public", **{**public, "filter.user_id": "100"}, webhook_id=hook)


def test_meta_knows_its_fields_its_app_and_its_assets() -> None:
    with scene("instagram") as each:
        whole = {"callback_url": each.wish.url, "verify_token": VERIFY_TOKEN}
        for wrong in ({"fields": "telepathy"}, {"fields": "comments", "callback_url": "http://hooks.example.org/"}):
            with pytest.raises(PlatformError, match="100"):
                ask(each, "subscribe_app", app_id=each.client.id, **{**whole, **wrong})
        with pytest.raises(ContentGone):
            ask(each, "app_subscriptions", app_id="another")
        with pytest.raises(ContentGone):
            ask(each, "installed", host="graph.facebook.com", asset="1055")
        with pytest.raises(PlatformError, match="100"):
            ask(each, "install", host="graph.instagram.com", asset="me", subscribed_fields="telepathy")
        each.do("register")
        (all_accounts,) = each.registered()
        each.do("unregister", replace(all_accounts, account=None))
        assert (each.fake.callback, each.fake.installed) == (None, {})
