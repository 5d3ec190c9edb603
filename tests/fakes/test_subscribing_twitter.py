"""Subscribing at X: its addresses are asked again and again, and its subscriptions are of accounts and rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import (
    PlatformError,
    UnsupportedAction,
)
from moderation_ai.core.subscribing import ACTIVE, INVALID
from tests.fakes.subscribed import HOST, scene


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
