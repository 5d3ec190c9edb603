"""What subscribing promises on every platform: flows that keep to the table, and calls that a flow makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from moderation_ai.core.asked import find_call
from moderation_ai.core.calls import Call
from moderation_ai.core.errors import (
    ContentGone,
    ModerationError,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    UnsupportedAction,
)
from moderation_ai.core.flows import Answer, Client, Flow, Outgoing, Session
from moderation_ai.core.platform import Platform
from moderation_ai.core.subscribing import Subscription, Wish
from moderation_ai.platforms import find_platform
from moderation_ai.sender import check_address
from tests.platforms.driving import CLIENT, SESSION, THROUGH_PAGE, TOKEN, answer, by_table, drive
from tests.platforms.fixtures import PLATFORMS
from tests.platforms.test_acting_answers import survives

SUBSCRIBERS = [platform for platform in PLATFORMS if platform.subscribe]
OTHERS = [platform for platform in PLATFORMS if not platform.subscribe]
APP = replace(CLIENT, token="app-token-that-nobody-may-see")
SECRETS = ("nobody-may-see", TOKEN)
TOPICS = {
    "youtube": "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UC1",
    "medium": "https://medium.com/feed/@rye",
}

ACCOUNTS = {"twitter": "1201"}
"""Whose subscriptions the table's samples show."""

MakeFlow = Callable[[], Flow[object]]


def wish_of(platform: Platform, *, events: tuple[str, ...] = (), url: str = "") -> Wish:
    return Wish(
        platform=platform.name,
        url=url or f"https://hooks.example.org/webhook/{platform.name}",
        account="shop",
        account_id=ACCOUNTS.get(platform.name, SESSION.account_id),
        events=events,
        topic=TOPICS.get(platform.name),
        secret="hub-secret-that-nobody-may-see" if platform.name in TOPICS else None,
        verify_token="verify-token-that-nobody-may-see",
    )


def everything(platform: Platform) -> Wish:
    return wish_of(platform, events=tuple(platform.pushes))


def known_of(platform: Platform, wish: Wish | None = None) -> Subscription:
    """Return a subscription as the platform's own samples have it."""
    asked = wish or everything(platform)
    found, _ = drive(platform.register(asked, session_of(platform), APP), by_table(platform))
    return replace(found[0], events=list(asked.events) or found[0].events)


def session_of(platform: Platform, *, paged: bool = False) -> Session:
    return THROUGH_PAGE if paged else SESSION


def answering(platform: Platform, instead: Mapping[tuple[str, str], Answer]) -> Callable[[Outgoing], Answer]:
    """Answer as the table does, but for some calls."""
    good = by_table(platform)
    return lambda request: instead.get((platform.name, request.call)) or good(request)


def empty(platform: Platform) -> Callable[[Outgoing], Answer]:
    """Answer as the table does, but tell that nothing is registered yet."""
    return answering(platform, NOTHING)


X, INSTAGRAM = find_platform("twitter"), find_platform("instagram")
ODD = {
    ("instagram", "app_subscriptions"): answer(
        200, INSTAGRAM.api.call("app_subscriptions").answer.replace('"active":true', '"active":false')
    ),
    ("twitter", "webhooks"): answer(200, X.api.call("webhooks").answer.replace('"valid":true', '"valid":false')),
    ("twitter", "subscriptions"): answer(200, X.api.call("subscriptions").answer.replace("1146654567674912769", "7")),
}
"""What is not as it should be: a webhook that is not valid, what is subscribed to another one."""
NOTHING = {
    ("tiktok", "webhooks"): answer(200, '{"code":0,"message":"OK","request_id":"2026","data":{"app_id":"app"}}'),
    ("instagram", "app_subscriptions"): answer(200, '{"data":[]}'),
    ("instagram", "installed"): answer(200, '{"data":[]}'),
    ("twitter", "webhooks"): answer(200, '{"data":[],"meta":{"result_count":0}}'),
    ("twitter", "subscriptions"): answer(200, '{"meta":{"total_subscriptions":0}}'),
    ("twitter", "subscribed_accounts"): answer(200, '{"data":{"webhook_id":"1146654567674912769","subscriptions":[]}}'),
}


def flows_of(platform: Platform) -> list[tuple[str, MakeFlow, Callable[[Outgoing], Answer]]]:
    """Return every flow, in the situations that lead to different calls."""
    wish, good, session = everything(platform), by_table(platform), session_of(platform)
    elsewhere = wish_of(platform, events=wish.events, url="https://elsewhere.example.org/webhook")
    known, nobody = known_of(platform), replace(wish, account_id=None)
    listed = [("registered", lambda: platform.registered(wish, session, APP), good)] * bool(platform.pushes)
    return [
        *listed,
        ("register", lambda: platform.register(wish, session, APP), good),
        ("register-first", lambda: platform.register(wish, session, APP), empty(platform)),
        ("register-odd", lambda: platform.register(wish, session, APP), answering(platform, ODD)),
        ("register-elsewhere", lambda: platform.register(elsewhere, session, APP), good),
        ("register-page", lambda: platform.register(wish, THROUGH_PAGE, APP), good),
        ("register-whoever", lambda: platform.register(nobody, replace(session, account_id=None), APP), good),
        ("renew", lambda: platform.renew(known, wish, session, APP), good),
        ("unregister", lambda: platform.unregister(known, wish, session, APP), good),
        ("unregister-all", lambda: platform.unregister(replace(known, account=None), wish, session, APP), good),
        ("unregister-page", lambda: platform.unregister(known, wish, THROUGH_PAGE, APP), good),
    ]


FLOWS = [(each, *flow) for each in SUBSCRIBERS for flow in flows_of(each)]
every_subscriber = pytest.mark.parametrize("platform", SUBSCRIBERS, ids=lambda platform: platform.name)
every_flow = pytest.mark.parametrize(
    ("platform", "name", "make", "reply"), FLOWS, ids=[f"{each.name}-{name}" for each, name, _, _ in FLOWS]
)


def asked_by(make: MakeFlow, reply: Callable[[Outgoing], Answer]) -> list[Outgoing]:
    asked: list[Outgoing] = []
    with suppress(PlatformError, UnsupportedAction):
        drive(make(), lambda request: (asked.append(request), reply(request))[1])
    return asked


@every_flow
def test_every_subscription_call_stands_in_the_table(
    platform: Platform, name: str, make: MakeFlow, reply: Callable[[Outgoing], Answer]
) -> None:
    asked = asked_by(make, reply)
    assert asked
    for request in asked:
        call, values = find_call(platform.api.calls, request.method, request.url, request.body)
        assert call.name == request.call
        assert call.name in platform.subscribing
        assert call.fill(values) == values
        assert check_address(request.url, platform.hosts) == request.host
        assert not [secret for secret in SECRETS if secret in repr(request) or secret in request.url.partition("?")[0]]


@every_subscriber
def test_every_call_of_subscribing_is_made_by_a_flow(platform: Platform) -> None:
    made = {request.call for each, _, make, reply in FLOWS if each is platform for request in asked_by(make, reply)}
    assert made == set(platform.subscribing)
    assert set(platform.subscribing) <= {call.name for call in platform.api.calls}


@every_subscriber
def test_no_call_of_subscribing_adds_something_each_time(platform: Platform) -> None:
    for name in platform.subscribing:
        assert platform.api.call(name).effect in ("reads", "sets"), "it must be possible to repeat it"


@every_flow
def test_without_an_answer_it_may_be_tried_again(
    platform: Platform, name: str, make: MakeFlow, reply: Callable[[Outgoing], Answer]
) -> None:
    flow = make()
    next(flow)
    with pytest.raises(PlatformUnavailable) as caught:
        flow.throw(OutcomeUnknown("the connection broke"))
    assert caught.value.retryable


@every_flow
def test_nothing_but_our_errors_comes_out_whatever_is_answered(
    platform: Platform, name: str, make: MakeFlow, reply: Callable[[Outgoing], Answer]
) -> None:
    odd = (b"", b"[]", b"null", b'{"data":7}', b'{"data":[7,{}],"meta":{"result_count":1}}', b'{"data":{"id":[]}}')
    for body in odd:
        for status in (200, 201, 202, 204, 400, 401, 403, 404, 409, 429, 500, 503):
            survives(make, answer(status, body))
    survives(make, answer(200, b'{"data":[{"id":"1","url":7,"callback_url":{},"fields":7}],"meta":{}}'))


@pytest.mark.fuzz
@given(st.sampled_from(FLOWS), st.integers(0, 999), st.binary(max_size=60))
def test_any_bytes_give_a_result_or_one_of_our_errors(which: tuple, status: int, body: bytes) -> None:  # type: ignore[type-arg]
    survives(which[2], answer(status, body))


@every_subscriber
def test_says_what_is_configured_too_little(platform: Platform) -> None:
    calls = [platform.api.call(name) for name in platform.subscribing]
    as_app: list[Call] = [call for call in calls if call.auth in ("app", "app-pair")]
    for call in as_app:
        values = {**dict.fromkeys(call.in_path, "x"), **{f.name: (f.only or ("x",))[0] for f in call.fields}}
        with pytest.raises(UnsupportedAction, match="app_token" if call.auth == "app" else "client_secret"):
            call.request(values, SESSION, Client())
    needed = set(platform.subscribe_needs)
    assert needed <= {"access_token", "client_id", "client_secret", "app_token"}
    assert ("app_token" in needed) == any(call.auth == "app" for call in calls)
    assert ("access_token" in needed) == any(call.auth in ("bearer", "access-token") for call in calls)


@every_subscriber
def test_takes_events_by_the_platforms_names_and_by_ours(platform: Platform) -> None:
    assert set(platform.usual) <= set(platform.pushes)
    assert platform.events_of(wish_of(platform)) == platform.usual
    if not platform.pushes:
        return
    for native, words in platform.pushes.items():
        assert platform.events_of(wish_of(platform, events=(native,))) == (native,)
        for word in words:
            assert native in platform.events_of(wish_of(platform, events=(word,)))
    assert "comment.created" in [word for native in platform.usual for word in platform.pushes[native]]
    with pytest.raises(UnsupportedAction, match=next(iter(platform.pushes))):
        platform.events_of(wish_of(platform, events=("telepathy",)))


@pytest.mark.parametrize("platform", OTHERS, ids=lambda platform: platform.name)
def test_a_platform_without_webhooks_says_so(platform: Platform) -> None:
    wish, known = wish_of(platform), Subscription(id="1", url="https://x.example", platform=platform.name)
    assert not platform.subscribing
    for attempt in (
        lambda: platform.registered(wish, SESSION, APP),
        lambda: platform.register(wish, SESSION, APP),
        lambda: platform.renew(known, wish, SESSION, APP),
        lambda: platform.unregister(known, wish, SESSION, APP),
    ):
        with pytest.raises(UnsupportedAction, match=platform.name) as caught:
            attempt()
        assert platform.subscribe_instead
        assert platform.subscribe_instead in str(caught.value)


@every_subscriber
def test_what_is_gone_already_needs_no_unregistering(platform: Platform) -> None:
    known, wish, good = known_of(platform), everything(platform), by_table(platform)
    rows = [(name, row) for name in platform.subscribing for row in platform.api.call(name).failures]
    for name, row in rows:
        if row.error is not ContentGone or platform.api.call(name).method != "DELETE":
            continue
        gone = answer(row.status, row.example)
        drive(
            platform.unregister(known, wish, session_of(platform), APP),
            lambda request, name=name, gone=gone: gone if request.call == name else good(request),  # type: ignore[misc]
        )


def refusing(platform: Platform, call: str, code: str) -> Callable[[Outgoing], Answer]:
    """Answer as where nothing is registered yet, but ``call`` with a documented failure."""
    row = next(row for row in platform.api.call(call).failures if row.code == code)
    good = empty(platform)
    return lambda request: answer(row.status, row.example) if request.call == call else good(request)


def error_of(flow: Flow[object], reply: Callable[[Outgoing], Answer]) -> ModerationError:
    with pytest.raises((PlatformError, UnsupportedAction)) as caught:
        drive(flow, reply)
    return caught.value
