"""What is particular about subscribing on each platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import (
    CredentialsRejected,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.flows import Answer, Outgoing
from moderation_ai.core.platform import Platform
from moderation_ai.core.subscribing import ACTIVE, INVALID, PENDING
from moderation_ai.platforms import find_platform
from tests.platforms.driving import SESSION, THROUGH_PAGE, answer, by_table, drive
from tests.platforms.test_subscribing import APP, ODD, answering, empty, error_of, known_of, refusing, wish_of

X, IG, TIKTOK = (find_platform(name) for name in ("twitter", "instagram", "tiktok"))
YOUTUBE, MEDIUM = find_platform("youtube"), find_platform("medium")

# --- X -------------------------------------------------------------------------------------------------------------


def test_x_tells_how_a_webhook_stands_and_what_is_subscribed() -> None:
    (found,) = drive(X.registered(wish_of(X), SESSION, APP), by_table(X))[0]
    assert (found.id, found.url) == ("1146654567674912769/1201", "https://hooks.example.org/webhook/twitter")
    assert (found.status, found.reason, found.account, found.events) == (ACTIVE, None, "shop", ["post.reply.create"])
    assert found.created_at is not None


def test_a_webhook_without_subscriptions_is_no_use_and_says_so() -> None:
    nothing = {("twitter", "subscriptions"): answer(200, '{"meta":{"total_subscriptions":0}}')}
    # A plan without the older API says 403.
    for older in ('{"data":{"webhook_id":"1146654567674912769","subscriptions":[]}}', '{"data":null}'):
        asked = answer(200 if "webhook_id" in older else 403, older)
        there = answering(X, {**nothing, ("twitter", "subscribed_accounts"): asked})
        (found,) = drive(X.registered(wish_of(X), SESSION, APP), there)[0]
        assert (found.status, found.events) == (INVALID, [])
    assert "nothing is subscribed" in str(found.reason)


def test_what_another_account_has_subscribed_is_not_ours() -> None:
    other = replace(wish_of(X), account_id="99")
    (found,) = drive(X.registered(other, SESSION, APP), by_table(X))[0]
    assert (found.id, found.events) == ("1146654567674912769/99", [])


def test_x_is_asked_whose_token_it_is_where_nobody_says() -> None:
    nobody, session = replace(wish_of(X), account_id=None), replace(SESSION, account_id=None)
    (found,), asked = drive(X.register(nobody, session, APP), by_table(X))
    assert asked[0].call == "me"
    assert found.id == "1146654567674912769/1201"


@pytest.mark.parametrize(
    "data",
    [
        {"subscription_id": "9", "event_type": "post.mention.create"},
        [{"subscription_id": "9", "event_type": "post.mention.create"}],
        {"subscription": {"subscription_id": "9", "event_type": "post.mention.create"}},
    ],
    ids=["object", "list", "nested"],
)
def test_x_answers_a_subscription_in_three_shapes(data: object) -> None:
    said = answering(X, {("twitter", "subscribe"): answer(200, json.dumps({"data": data}))})
    (found,), asked = drive(X.register(wish_of(X), SESSION, APP), said)
    assert [each.call for each in asked].count("subscribe") == 1
    assert found.status == ACTIVE


def test_a_webhook_that_is_not_valid_is_checked_again_when_it_is_registered() -> None:
    _, asked = drive(X.register(wish_of(X), SESSION, APP), answering(X, ODD))
    assert [each.call for each in asked][:2] == ["webhooks", "check_webhook"]
    assert "add_webhook" not in [each.call for each in asked]


def test_to_register_at_x_again_makes_nothing() -> None:
    wish = wish_of(X, events=("post.reply.create",))
    _, asked = drive(X.register(wish, SESSION, APP), by_table(X))
    assert {X.api.call(each.call).effect for each in asked} == {"reads"}


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("CrcValidationFailed", PlatformError, "first of the secrets"),
        ("UrlValidationFailed", UnsupportedAction, "https addresses without a port"),
        ("WebhookLimitExceeded", PlatformError, "delete one"),
        ("DuplicateUrlFailed", PlatformError, "already"),
    ],
)
def test_x_says_why_a_webhook_was_not_made(code: str, error: type[Exception], says: str) -> None:
    raised = error_of(X.register(wish_of(X), SESSION, APP), refusing(X, "add_webhook", code))
    assert type(raised) is error
    assert says in str(raised)
    assert not getattr(raised, "retryable", False)


@pytest.mark.parametrize("code", ["DuplicateUrlFailed", "WebhookLimitExceeded"])
def test_a_webhook_that_came_up_meanwhile_is_used(code: str) -> None:
    # Where the plan allows one, X says so and not that it is this one.
    nothing, one = empty(X), by_table(X)
    refused = refusing(X, "add_webhook", code)
    lists = iter([nothing, one, one, one])
    found, _ = drive(
        X.register(wish_of(X), SESSION, APP),
        lambda each: next(lists)(each) if each.call == "webhooks" else (refused if "add" in each.call else one)(each),
    )
    assert found[0].id.startswith("1146654567674912769")


def test_reasons_of_x_are_read_from_a_title_too() -> None:
    call = X.api.call("add_webhook")
    body = {"title": "CrcValidationFailed", "detail": "…", "status": 400, "type": "about:blank"}
    with pytest.raises(PlatformError, match="CrcValidationFailed"):
        X.api.read(call, answer(400, json.dumps(body)))


def test_a_webhook_that_other_accounts_use_stays() -> None:
    rows = json.loads(X.api.call("subscriptions").answer)
    rows["data"].append({**rows["data"][0], "subscription_id": "9", "filter": {"user_id": "99"}})
    there = answering(X, {("twitter", "subscriptions"): answer(200, json.dumps(rows))})
    _, asked = drive(X.unregister(known_of(X, wish_of(X)), wish_of(X), SESSION, APP), there)
    assert "delete_webhook" not in [each.call for each in asked]
    older = X.api.call("subscribed_accounts").answer.replace('"1201"', '"99"')
    there = answering(X, {("twitter", "subscribed_accounts"): answer(200, older)})
    _, asked = drive(X.unregister(known_of(X, wish_of(X)), wish_of(X), SESSION, APP), there)
    assert {"delete_webhook", "unsubscribe_account"}.isdisjoint(each.call for each in asked)


def test_a_plan_may_have_a_part_in_one_of_xs_products_alone() -> None:
    forbidden = answer(403, next(row.example for row in X.api.failures if row.code == "client-forbidden"))
    older = wish_of(X, events=("account_activity",))
    only_older = answering(X, {("twitter", "subscriptions"): forbidden})
    (found,), _ = drive(X.register(older, SESSION, APP), only_older)
    assert (found.status, found.events) == (ACTIVE, ["account_activity"])
    _, asked = drive(X.unregister(found, older, SESSION, APP), only_older)
    assert [each.call for each in asked][-2:] == ["unsubscribe_account", "delete_webhook"]
    raised = error_of(X.register(wish_of(X), SESSION, APP), only_older)
    assert "lacks the access" in str(raised)
    busy = answering(X, {("twitter", "subscribed_accounts"): answer(503, b"")})
    assert isinstance(error_of(X.unregister(found, older, SESSION, APP), busy), PlatformUnavailable)


def test_a_check_at_x_tells_how_it_went() -> None:
    known = known_of(X, wish_of(X))
    wrong = answering(X, {("twitter", "check_webhook"): answer(200, '{"data":{"valid":false}}')})
    assert drive(X.renew(known, wish_of(X), SESSION, APP), wrong)[0].status == INVALID
    assert drive(X.renew(known, wish_of(X), SESSION, APP), by_table(X))[0].status == ACTIVE
    raised = error_of(X.renew(known, wish_of(X), SESSION, APP), refusing(X, "check_webhook", "CrcValidationFailed"))
    assert "reachable" in str(raised)


def test_an_app_token_that_x_does_not_take_is_said_to_be_none() -> None:
    raised = error_of(X.registered(wish_of(X), SESSION, APP), lambda _: answer(401, "{}"))
    assert type(raised) is CredentialsRejected


def test_too_many_questions_at_x_say_when_to_come_again() -> None:
    limited = answer(429, "{}", x_rate_limit_remaining="0", x_rate_limit_reset="1795521660")
    raised = error_of(X.registered(wish_of(X), SESSION, APP), lambda _: limited)
    assert isinstance(raised, RateLimited)
    assert raised.retry_after is not None


# --- Instagram -----------------------------------------------------------------------------------------------------


def test_meta_tells_where_the_app_is_posted_and_of_what() -> None:
    (found,) = drive(IG.registered(wish_of(IG), SESSION, APP), by_table(IG))[0]
    assert (found.id, found.url) == (wish_of(IG).id, "https://hooks.example.org/webhook/instagram")
    assert (found.status, found.reason, found.account) == (ACTIVE, None, "shop")
    assert found.events == ["comments", "live_comments", "mentions"]


def test_an_address_that_somebody_else_gave_the_app_is_another_subscription() -> None:
    other = IG.api.call("app_subscriptions").answer.replace("hooks.example.org", "elsewhere.example.org")
    there = answering(IG, {("instagram", "app_subscriptions"): answer(200, other)})
    (found,) = drive(IG.registered(wish_of(IG), SESSION, APP), there)[0]
    assert found.id != wish_of(IG).id


def test_an_account_that_has_not_installed_the_app_is_told_of() -> None:
    there = answering(IG, {("instagram", "installed"): answer(200, '{"data":[]}')})
    (found,) = drive(IG.registered(wish_of(IG), SESSION, APP), there)[0]
    assert (found.status, found.events) == (INVALID, [])
    assert "not installed" in str(found.reason)


def test_another_app_on_the_page_is_not_ours() -> None:
    other = answering(IG, {("instagram", "installed"): answer(200, '{"data":[{"id":"1","name":"Shop"}]}')})
    (found,) = drive(IG.registered(wish_of(IG), THROUGH_PAGE, APP), other)[0]
    assert found.status == INVALID
    _, asked = drive(IG.register(wish_of(IG), THROUGH_PAGE, APP), other)
    assert "install" in [each.call for each in asked]


def test_fields_that_the_app_lacks_are_added_to_those_that_it_has() -> None:
    only = '{"data":[{"object":"page","callback_url":"https://p"},{"object":"instagram","active":true,'
    only += '"callback_url":"https://hooks.example.org/webhook/instagram","fields":[{"name":"mentions"}]}]}'
    wish = wish_of(IG, events=("comments",))
    there = answering(IG, {("instagram", "app_subscriptions"): answer(200, only)})
    _, asked = drive(IG.register(wish, SESSION, APP), there)
    body = next(each.body for each in asked if each.call == "subscribe_app")
    assert b"fields=comments%2Cmentions&" in body


def test_to_register_at_meta_again_makes_nothing() -> None:
    _, asked = drive(IG.register(wish_of(IG), SESSION, APP), by_table(IG))
    assert {IG.api.call(each.call).effect for each in asked} == {"reads"}


def test_meta_needs_a_verify_token() -> None:
    with pytest.raises(UnsupportedAction, match="verify_token"):
        drive(IG.register(replace(wish_of(IG), verify_token=None), SESSION, APP), empty(IG))


def test_meta_says_that_the_address_did_not_answer() -> None:
    raised = error_of(IG.register(wish_of(IG), SESSION, APP), refusing(IG, "subscribe_app", "2200"))
    assert "same verify_token" in str(raised)


def test_the_address_of_the_app_stays_for_its_other_accounts() -> None:
    known = known_of(IG)
    _, asked = drive(IG.unregister(known, wish_of(IG), SESSION, APP), by_table(IG))
    assert [each.call for each in asked] == ["uninstall"]
    elsewhere = replace(known, account=None, url="https://elsewhere.example.org/")
    _, asked = drive(IG.unregister(elsewhere, wish_of(IG), SESSION, APP), by_table(IG))
    assert "unsubscribe_app" not in [each.call for each in asked]


# --- TikTok --------------------------------------------------------------------------------------------------------


def kinds_at(**urls: str) -> Callable[[Outgoing], Answer]:
    """Answer as TikTok does where the app has these addresses, by their kind."""

    def reply(request: Outgoing) -> Answer:
        kind = parse_qs(urlsplit(request.url).query).get("event_type", [""])[0]
        data = {"callback_url": urls[kind]} if kind in urls else {}
        return answer(200, json.dumps({"code": 0, "message": "OK", "data": data}))

    return reply


OURS = "https://hooks.example.org/webhook/tiktok"


def test_tiktok_tells_of_each_address_which_kinds_are_posted_there() -> None:
    there = kinds_at(COMMENT=OURS, VIDEO=OURS, BRAND_MENTION="https://elsewhere.example.org/")
    found, _ = drive(TIKTOK.registered(wish_of(TIKTOK), SESSION, APP), there)
    assert {each.url: each.events for each in found} == {
        OURS: ["COMMENT", "VIDEO"],
        "https://elsewhere.example.org/": ["BRAND_MENTION"],
    }
    assert [each.id == wish_of(TIKTOK).id for each in found] == [True, False]


def test_only_what_stands_elsewhere_at_tiktok_is_set() -> None:
    there = kinds_at(COMMENT=OURS, BRAND_MENTION="https://elsewhere.example.org/")
    _, asked = drive(TIKTOK.register(wish_of(TIKTOK), SESSION, APP), there)
    assert [b"BRAND_MENTION" in each.body for each in asked if each.call == "set_webhook"] == [True]


def test_only_what_is_posted_to_us_is_deleted_at_tiktok() -> None:
    there = kinds_at(COMMENT=OURS, BRAND_MENTION="https://elsewhere.example.org/")
    known = known_of(TIKTOK)
    _, asked = drive(TIKTOK.unregister(known, wish_of(TIKTOK), SESSION, APP), there)
    assert [b"COMMENT" in each.body for each in asked if each.call == "delete_webhook"] == [True]


def test_what_tiktok_has_lost_is_told() -> None:
    found, _ = drive(TIKTOK.renew(known_of(TIKTOK), wish_of(TIKTOK), SESSION, APP), kinds_at())
    assert (found.status, "register it again" in str(found.reason)) == (INVALID, True)


# --- hubs ----------------------------------------------------------------------------------------------------------

every_hub = pytest.mark.parametrize("hub", [YOUTUBE, MEDIUM], ids=lambda hub: hub.name)


@every_hub
def test_what_a_hub_has_taken_is_pending_until_it_asks(hub: Platform) -> None:
    wish = wish_of(hub)
    (found,) = drive(hub.register(wish, SESSION, APP), by_table(hub))[0]
    assert (found.id, found.topic, found.url, found.status) == (wish.id, wish.topic, wish.url, PENDING)
    assert drive(hub.renew(found, wish, SESSION, APP), by_table(hub))[0].status == PENDING
    assert drive(hub.registered(wish, SESSION, APP), by_table(hub)) == ((), [])


@every_hub
def test_a_hub_that_is_down_is_asked_again_when_it_says(hub: Platform) -> None:
    for headers, seconds in (({"retry_after": "120"}, 120), ({"retry_after": "600"}, 600), ({}, 120)):
        down = answer(503, b"Transient error; please try again later", **headers)
        raised = error_of(hub.register(wish_of(hub), SESSION, APP), lambda _, down=down: down)  # type: ignore[misc]
        assert isinstance(raised, PlatformUnavailable)
        assert (raised.retryable, raised.retry_after) == (True, seconds)


@every_hub
@pytest.mark.parametrize(("status", "says"), [(400, "feed's address"), (403, "not allow"), (422, "the feed gives")])
def test_what_a_hub_does_not_take_is_not_tried_again(hub: Platform, status: int, says: str) -> None:
    raised = error_of(hub.register(wish_of(hub), SESSION, APP), lambda _: answer(status, b"Restricted topic"))
    assert says in str(raised)
    assert not getattr(raised, "retryable", False)


@every_hub
def test_a_hub_needs_a_topic_and_takes_no_long_secret(hub: Platform) -> None:
    for wish, says in (
        (replace(wish_of(hub), topic=None), "configure topics"),
        (replace(wish_of(hub), secret="é" * 100), "199 bytes"),
    ):
        with pytest.raises(UnsupportedAction, match=says):
            next(hub.register(wish, SESSION, APP))


@every_hub
def test_each_topic_is_a_wish_of_its_own(hub: Platform) -> None:
    several = hub.wishes(replace(wish_of(hub), topic=None), ("https://a.example/", "https://b.example/"))
    assert [each.topic for each in several] == ["https://a.example/", "https://b.example/"]
    assert len({each.id for each in several}) == 2


def test_a_hub_costs_none_of_youtubes_units() -> None:
    assert YOUTUBE.api.call("hub").cost == 0
