"""Subscribing at Instagram and TikTok: what each keeps of an app, and what of an account."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import (
    PlatformError,
)
from moderation_ai.core.subscribing import ACTIVE, INVALID
from tests.fakes.stage import PAGE
from tests.fakes.subscribed import scene

# --- Instagram ---


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


# --- TikTok ---


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
