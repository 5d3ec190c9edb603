"""The requests of subscribing, written out as the documentation has them: the table must agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.flows import Outgoing, Session
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import find_platform
from tests.platforms.driving import SESSION, THROUGH_PAGE, answer, by_table, drive
from tests.platforms.test_acting_requests import written
from tests.platforms.test_subscribing import APP, answering, empty, known_of, wish_of

X = find_platform("twitter")
_X = "https://api.x.com/2"
_USER, _APP = f"Bearer {SESSION.access_token}", f"Bearer {APP.token}"


def asked(platform: Platform, verb: str, *, events: tuple[str, ...] = (), session: Session = SESSION) -> list[Outgoing]:
    """Return what a flow asks where nothing is registered yet; to renew and to unregister, where something is."""
    wish = wish_of(platform, events=events)
    if verb in ("renew", "unregister"):
        flow = getattr(platform, verb)(known_of(platform, wish), wish, session, APP)
        return drive(flow, by_table(platform))[1]
    return drive(getattr(platform, verb)(wish, session, APP), empty(platform))[1]


def the(requests: list[Outgoing], call: str) -> tuple[tuple[str, str, Any], dict[str, str]]:
    (found,) = (each for each in requests if each.call == call)
    return written(found), dict(found.headers)


@pytest.mark.parametrize(
    ("verb", "events", "call", "expected", "token"),
    [
        ("registered", (), "webhooks", ("GET", f"{_X}/webhooks", ""), _APP),
        (
            "register",
            (),
            "add_webhook",
            ("POST", f"{_X}/webhooks", {"url": "https://hooks.example.org/webhook/twitter"}),
            _APP,
        ),
        ("register", (), "subscriptions", ("GET", f"{_X}/activity/subscriptions", ""), _APP),
        (
            "register",
            ("post.reply.create",),
            "subscribe",
            (
                "POST",
                f"{_X}/activity/subscriptions",
                {
                    "event_type": "post.reply.create",
                    "filter": {"user_id": "1201"},
                    "webhook_id": "1146654567674912769",
                },
            ),
            _USER,
        ),
        (
            "register",
            ("post.create",),
            "subscribe_public",
            (
                "POST",
                f"{_X}/activity/subscriptions",
                {"event_type": "post.create", "filter": {"user_id": "1201"}, "webhook_id": "1146654567674912769"},
            ),
            _APP,
        ),
        ("renew", (), "check_webhook", ("PUT", f"{_X}/webhooks/1146654567674912769", ""), _APP),
        (
            "unregister",
            (),
            "unsubscribe",
            ("DELETE", f"{_X}/activity/subscriptions/1976325569252868096", ""),
            _APP,
        ),
        ("unregister", (), "delete_webhook", ("DELETE", f"{_X}/webhooks/1146654567674912769", ""), _APP),
        (
            "register",
            ("account_activity",),
            "subscribe_account",
            ("POST", f"{_X}/account_activity/webhooks/1146654567674912769/subscriptions/all", ""),
            _USER,
        ),
        (
            "unregister",
            ("account_activity",),
            "unsubscribe_account",
            ("DELETE", f"{_X}/account_activity/webhooks/1146654567674912769/subscriptions/1201/all", ""),
            _APP,
        ),
        (
            "unregister",
            ("account_activity",),
            "subscribed_accounts",
            ("GET", f"{_X}/account_activity/webhooks/1146654567674912769/subscriptions/all/list", ""),
            _APP,
        ),
    ],
)
def test_asks_x_as_documented(verb: str, events: tuple[str, ...], call: str, expected: Any, token: str) -> None:
    request, headers = the(asked(X, verb, events=events), call)
    assert request == expected
    assert headers["Authorization"] == token


def test_leads_what_is_subscribed_at_x_to_another_webhook_as_documented() -> None:
    elsewhere = X.api.call("subscriptions").answer.replace("1146654567674912769", "7")
    wish = wish_of(X, events=("post.reply.create",))
    there = answering(X, {("twitter", "subscriptions"): answer(200, elsewhere)})
    requests = drive(X.register(wish, SESSION, APP), there)[1]
    body = {"webhook_id": "1146654567674912769"}
    assert the(requests, "move_subscription")[0] == (
        "PUT",
        f"{_X}/activity/subscriptions/1976325569252868096",
        body,
    )


def test_asks_x_for_the_pages_of_a_long_list() -> None:
    row = json.loads(X.api.call("subscriptions").answer)
    first = json.dumps({**row, "meta": {**row["meta"], "next_token": "n1"}})
    pages = {"": first, "?pagination_token=n1": json.dumps(row)}
    good = by_table(X)
    found, requests = drive(
        X.registered(wish_of(X), SESSION, APP),
        lambda each: (
            answer(200, pages["?" * ("?" in each.url) + each.url.partition("?")[2]])
            if each.call == "subscriptions"
            else good(each)
        ),
    )
    assert [each.url for each in requests if each.call == "subscriptions"] == [
        f"{_X}/activity/subscriptions",
        f"{_X}/activity/subscriptions?pagination_token=n1",
    ]
    assert found[0].events == ["post.reply.create"]


IG = find_platform("instagram")
_FB_APP = "https://graph.facebook.com/v25.0/app/subscriptions"
_PAIR = f"Bearer app|{APP.secret}"


@pytest.mark.parametrize(
    ("verb", "call", "expected", "token"),
    [
        ("registered", "app_subscriptions", ("GET", _FB_APP, ""), _PAIR),
        (
            "register",
            "subscribe_app",
            (
                "POST",
                _FB_APP,
                "object=instagram&callback_url=https%3A%2F%2Fhooks.example.org%2Fwebhook%2Finstagram"
                "&fields=comments%2Clive_comments%2Cmentions&verify_token=verify-token-that-nobody-may-see"
                "&include_values=true",
            ),
            _PAIR,
        ),
        ("unregister", "uninstall", ("DELETE", "https://graph.instagram.com/v25.0/me/subscribed_apps", ""), _USER),
    ],
)
def test_asks_meta_as_documented(verb: str, call: str, expected: Any, token: str) -> None:
    request, headers = the(asked(IG, verb), call)
    assert request == expected
    assert headers["Authorization"] == token


def test_asks_meta_to_forget_the_address_as_documented() -> None:
    known = replace(known_of(IG), account=None)
    _, requests = drive(IG.unregister(known, wish_of(IG), SESSION, APP), by_table(IG))
    assert the(requests, "unsubscribe_app")[0] == ("DELETE", f"{_FB_APP}?object=instagram", "")


@pytest.mark.parametrize(
    ("session", "url"),
    [
        (SESSION, "https://graph.instagram.com/v25.0/me/subscribed_apps?subscribed_fields=comments%2Clive_comments"),
        (THROUGH_PAGE, "https://graph.facebook.com/v25.0/1055/subscribed_apps?subscribed_fields=feed"),
    ],
    ids=["instagram login", "facebook login"],
)
def test_has_an_account_install_the_app_as_documented(session: Session, url: str) -> None:
    request, headers = the(asked(IG, "register", session=session), "install")
    assert request == ("POST", url, "")
    assert headers["Authorization"] == f"Bearer {session.access_token}"


TIKTOK = find_platform("tiktok")
_T = "https://business-api.tiktok.com/open_api/v1.3/business/webhook"
_COMMENT = {"app_id": "app", "secret": APP.secret, "event_type": "COMMENT"}


@pytest.mark.parametrize(
    ("verb", "call", "expected"),
    [
        ("registered", "webhooks", ("GET", f"{_T}/list/?app_id=app&secret={APP.secret}&event_type=COMMENT", "")),
        (
            "register",
            "set_webhook",
            ("POST", f"{_T}/update/", {**_COMMENT, "callback_url": "https://hooks.example.org/webhook/tiktok"}),
        ),
        ("unregister", "delete_webhook", ("POST", f"{_T}/delete/", _COMMENT)),
    ],
)
def test_asks_tiktok_about_webhooks_as_documented(verb: str, call: str, expected: Any) -> None:
    request = next(each for each in asked(TIKTOK, verb) if each.call == call)
    assert written(request) == expected
    assert {"Access-Token", "Authorization"}.isdisjoint(dict(request.headers))
    assert APP.secret not in repr(request)


YOUTUBE, MEDIUM = find_platform("youtube"), find_platform("medium")
_YT_TOPIC = "https%3A%2F%2Fwww.youtube.com%2Fxml%2Ffeeds%2Fvideos.xml%3Fchannel_id%3DUC1"
_HUBS = [
    (YOUTUBE, "https://pubsubhubbub.appspot.com/subscribe", _YT_TOPIC),
    (MEDIUM, "https://medium.superfeedr.com/", "https%3A%2F%2Fmedium.com%2Ffeed%2F%40rye"),
]


@pytest.mark.parametrize(("platform", "url", "topic"), _HUBS, ids=lambda each: getattr(each, "name", ""))
@pytest.mark.parametrize("verb", ["register", "renew", "unregister"])
def test_asks_a_hub_as_documented(platform: Platform, url: str, topic: str, verb: str) -> None:
    (request,) = asked(platform, verb)
    callback = f"https%3A%2F%2Fhooks.example.org%2Fwebhook%2F{platform.name}"
    mode = "unsubscribe" if verb == "unregister" else "subscribe"
    form = f"hub.mode={mode}&hub.topic={topic}&hub.callback={callback}&hub.verify=async"
    if verb != "unregister":
        form += "&hub.secret=hub-secret-that-nobody-may-see&hub.lease_seconds=864000"
    assert written(request) == ("POST", url, form)
    assert "Authorization" not in dict(request.headers)


def test_asks_youtubes_hub_for_a_topic_as_the_hub_spells_it() -> None:
    older = replace(wish_of(YOUTUBE), topic="https://www.youtube.com/feeds/videos.xml?channel_id=UC1")
    request = next(YOUTUBE.register(older, SESSION, APP))
    assert _YT_TOPIC in request.body.decode()
