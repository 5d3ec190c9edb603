"""Subscribing over real HTTP: a fake that asks a gateway, and posts where it is registered and valid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import (
    ConfigurationError,
    ContentGone,
    CredentialsRejected,
    PlatformError,
    UnsupportedAction,
)
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscription, Wish
from moderation_ai.fakes import fake_names, find_fake
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter
from moderation_ai.web.gateway import Gateway
from tests.fakes.gates import GATES, on_loop
from tests.fakes.stage import PAGE, Stage
from tests.kinds import new_store
from tests.web.stage import Served

HOST = "hooks.example.org"
NAMES = [name for name in fake_names() if find_fake(name).platform.pushes]
CHECKS = [name for name in NAMES if name != "tiktok"]
"""Those that ask an address before they post there."""
VERIFY_TOKEN = "what we agreed on"
every_name = pytest.mark.parametrize("name", NAMES)


class Scene:
    """A fake, a gateway, and a wish of ours."""

    def __init__(self, stage: Stage, gateway: Served | None, store: Any) -> None:
        self.stage, self.fake, self.gateway, self.store = stage, stage.fake, gateway, store
        self.platform = self.fake.platform
        self.client = self.fake.client
        self.wish = Wish(
            platform=self.fake.name,
            url=f"https://{HOST}/webhook/{self.fake.name}",
            account="shop",
            account_id=self.fake.account,
            secret=self.fake.secret,
            verify_token=VERIFY_TOKEN,
        )

    def do(self, verb: str, *known: Subscription) -> Any:
        flow = getattr(self.platform, verb)(*known, self.wish, self.fake.session, self.client)
        return self.stage.drive(flow)

    def registered(self) -> list[Subscription]:
        return [each for each in self.do("registered") if each.url == self.wish.url]

    def arrived(self) -> list[WebhookEvent]:
        """Return what the gateway has stored."""
        assert self.gateway is not None
        self.fake.postman.settle()
        found: list[WebhookEvent] = on_loop(self.gateway, self.store.events(EventFilter(), newest_first=False))
        return found


@contextmanager
def scene(name: str, *, secret: str | None = None, is_up: bool = True, **arguments: Any) -> Iterator[Scene]:
    stage = Stage(name, **arguments)
    credential = Credential(secrets=(secret or stage.fake.secret,), verify_token=VERIFY_TOKEN)
    store = new_store()
    sources = {name: Source(platform=stage.fake.platform, credential=credential)}
    app = Gateway(Intake(store, sources, aliases=aliases()), clock=stage.clock)
    with GATES.of(app, store) as gateway, stage.served():
        if is_up:
            stage.fake.reach(HOST, f"http://127.0.0.1:{gateway.port}")
        with stage.fake.push():
            yield Scene(stage, gateway, store)


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


# --- X -------------------------------------------------------------------------------------------------------------


def test_x_takes_no_address_that_signs_with_another_secret() -> None:
    with scene("twitter", secret="of another app") as each:
        with pytest.raises(PlatformError, match="CrcValidationFailed"):
            each.do("register")
        assert each.registered() == []


def test_a_webhook_of_x_ends_after_a_day_without_a_right_answer_and_is_healed_by_a_renewal() -> None:
    with scene("twitter") as each:
        (known,) = each.do("register")
        way = each.fake.asker.way_to(each.wish.url)
        assert way is not None
        each.fake.reach(HOST, "http://127.0.0.1:9")
        for hours, status in ((25, ACTIVE), (27, ACTIVE), (29, INVALID)):
            each.stage.clock.set(each.fake.webhooks[known.id.partition("/")[0]].created_at + timedelta(hours=hours))
            each.fake.check_webhooks()
            assert [one.status for one in each.registered()] == [status]
        each.fake.write("lost")
        assert each.arrived() == []
        with pytest.raises(PlatformError, match="reachable"):
            each.do("renew", known)
        each.fake.reach(HOST, way.partition("/webhook")[0])
        assert each.do("renew", known).status == ACTIVE
        each.fake.write("heard again")
        assert len(each.arrived()) == 1


def test_an_address_that_answers_wrong_ends_at_once() -> None:
    with scene("twitter") as each:
        each.do("register")
        each.fake.secret = "another secret than the gateway has"
        each.stage.clock.set(each.stage.clock.now() + timedelta(hours=25))
        each.fake.check_webhooks()
        (found,) = each.registered()
        assert (found.status, "right answer" in str(found.reason)) == (INVALID, True)


def test_an_address_is_left_alone_for_a_day_after_a_right_answer() -> None:
    with scene("twitter") as each:
        each.do("register")
        each.fake.secret = "another secret than the gateway has"
        each.stage.clock.set(each.stage.clock.now() + timedelta(hours=23))
        each.fake.check_webhooks()
        assert [one.status for one in each.registered()] == [ACTIVE]


def test_a_second_webhook_is_more_than_the_plan_of_x_allows() -> None:
    with scene("twitter") as each:
        each.do("register")
        each.wish = replace(each.wish, url=f"https://{HOST}/elsewhere")
        with pytest.raises(PlatformError, match="WebhookLimitExceeded"):
            each.do("register")


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/x", "https://hooks.example.org:8443/x", "https://h/" + "x" * 200]
)
def test_x_posts_to_https_without_a_port(url: str) -> None:
    with scene("twitter") as each:
        each.wish = replace(each.wish, url=url)
        with pytest.raises(UnsupportedAction, match="https addresses"):
            each.do("register")


def test_what_was_subscribed_to_a_webhook_that_is_gone_is_led_to_the_next() -> None:
    with scene("twitter") as each:
        each.do("register")
        each.fake.webhooks.clear()
        each.fake.write("lost")
        (found,) = each.do("register")
        assert (found.status, set(found.events)) == (ACTIVE, set(each.platform.usual))
        each.fake.write("heard")
        assert len(each.arrived()) == 1


def test_all_of_an_account_is_subscribed_by_the_older_api_where_it_is_asked_for() -> None:
    with scene("twitter") as each:
        each.wish = replace(each.wish, events=("account_activity",))
        (found,) = each.do("register")
        assert (found.status, found.events) == (ACTIVE, ["account_activity"])
        each.do("register")
        each.do("unregister", found)
        assert each.fake.webhooks == {}


def test_x_subscribes_nobody_to_the_private_events_of_another_account() -> None:
    with scene("twitter") as each:
        each.wish = replace(each.wish, account_id="99")
        with pytest.raises(PlatformError, match="403"):
            each.do("register")


def test_x_shows_hundreds_of_subscriptions_page_by_page() -> None:
    with scene("twitter") as each:
        each.do("register")
        for number in range(250):
            row = {"subscription_id": f"s{number}", "event_type": "post.create", "filter": {"user_id": str(number)}}
            each.fake.subscriptions = {f"s{number}": row, **each.fake.subscriptions}
        (found,) = each.registered()
        assert set(found.events) == set(each.platform.usual)


# --- Instagram -----------------------------------------------------------------------------------------------------


def test_meta_takes_no_address_that_knows_another_verify_token() -> None:
    with scene("instagram") as each:
        each.wish = replace(each.wish, verify_token="another one")
        with pytest.raises(PlatformError, match="2200"):
            each.do("register")
        assert each.registered() == []


def test_an_account_with_a_page_installs_the_app_through_it() -> None:
    with scene("instagram", page_id=PAGE) as each:
        (found,) = each.do("register")
        assert (found.status, each.fake.installed) == (ACTIVE, {PAGE: ["feed"]})
        each.fake.write("by the Page")
        assert len(each.arrived()) == 1
        each.do("unregister", found)
        each.fake.write("too late")
        assert len(each.arrived()) == 1


def test_nothing_comes_of_an_account_that_nobody_ever_subscribed() -> None:
    # The receiver worked, the app had its address, and no account had installed the app.
    with scene("instagram") as each:
        each.do("register")
        each.fake.installed.clear()
        each.fake.write("lost")
        assert each.arrived() == []
        (found,) = each.registered()
        assert (found.status, "not installed" in str(found.reason)) == (INVALID, True)
        each.do("register")
        each.fake.write("heard")
        assert len(each.arrived()) == 1


def test_comments_come_only_where_the_app_is_subscribed_to_comments() -> None:
    with scene("instagram") as each:
        wish = each.wish
        each.wish = replace(wish, events=("mentions",))
        assert [one.events for one in each.do("register")] == [["mentions"]]
        each.fake.write("lost")
        assert each.arrived() == []
        each.wish = replace(wish, events=("comment.created",))
        assert [one.events for one in each.do("register")] == [["comments", "live_comments", "mentions"]]
        each.fake.write("heard")
        assert len(each.arrived()) == 1


def test_the_address_of_an_app_at_meta_is_one_and_the_last_wins() -> None:
    with scene("instagram") as each:
        each.do("register")
        each.fake.callback.url = "https://elsewhere.example.org/"
        assert [one.url for one in each.do("registered")] == ["https://elsewhere.example.org/"]
        each.do("register")
        assert [one.url for one in each.do("registered")] == [each.wish.url]


def test_what_meta_switched_off_is_switched_on_by_a_renewal() -> None:
    with scene("instagram") as each:
        (known,) = each.do("register")
        each.fake.callback.is_active = False
        each.fake.write("lost")
        assert [one.status for one in each.registered()] == [INVALID]
        assert each.do("renew", known).status == ACTIVE
        each.fake.write("heard")
        assert len(each.arrived()) == 1


# --- TikTok --------------------------------------------------------------------------------------------------------


def test_tiktok_asks_nobody_at_the_address_and_what_is_posted_there_is_lost() -> None:
    with scene("tiktok", is_up=False) as each:
        assert [one.status for one in each.do("register")] == [ACTIVE]
        each.fake.write("lost")
        assert each.arrived() == []


def test_each_kind_of_tiktoks_events_has_an_address_of_its_own() -> None:
    with scene("tiktok") as each:
        each.wish = replace(each.wish, events=("BRAND_MENTION",))
        assert [one.events for one in each.do("register")] == [["BRAND_MENTION"]]
        each.fake.write("lost")
        each.wish = replace(each.wish, events=("comment.deleted",))
        assert [one.events for one in each.do("register")] == [["COMMENT", "BRAND_MENTION"]]
        each.fake.write("heard")
        assert [event.data.comment.text for event in each.arrived() if event.data.comment] == ["heard"]


def test_an_address_that_somebody_took_from_us_at_tiktok_is_taken_back() -> None:
    with scene("tiktok") as each:
        (known,) = each.do("register")
        each.fake.webhooks["COMMENT"] = "https://elsewhere.example.org/"
        assert [one.events for one in each.registered()] == [["BRAND_MENTION"]]
        assert set(each.do("renew", known).events) == {"COMMENT", "BRAND_MENTION"}


def test_tiktok_posts_to_https_alone() -> None:
    with scene("tiktok") as each:
        each.wish = replace(each.wish, url="http://hooks.example.org/webhook/tiktok")
        with pytest.raises(PlatformError, match="40002"):
            each.do("register")


# --- what is refused there -----------------------------------------------------------------------------------------


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
