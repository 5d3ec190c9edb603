"""The requests of every platform, written out as their documentation has them: the table must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from moderation_ai.core.acts import Target
from moderation_ai.core.flows import Outgoing, Session
from moderation_ai.platforms import find_platform
from tests.platforms.driving import CLIENT, SESSION, THROUGH_PAGE, act_of, by_table, drive

ME = SESSION.account_id


def effective(platform: str, action: str, target: Target, session: Session = SESSION) -> Outgoing:
    """Return the one request of an action that has an effect."""
    known = find_platform(platform)
    _, asked = drive(known.moderate(act_of(action, target), session), by_table(known))
    (found,) = (request for request in asked if known.api.call(request.call).effect != "reads")
    return found


def written(request: Outgoing) -> tuple[str, str, Any]:
    """Return method, address, and body: JSON as its value, a form as its text."""
    body = request.body.decode()
    is_json = dict(request.headers).get("Content-Type") == "application/json"
    return request.method, request.url, json.loads(body) if is_json else body


TWEET = Target(id="1700000000000000002", author_id="42")
_X = "https://api.x.com/2"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("approve", ("PUT", f"{_X}/tweets/1700000000000000002/hidden", {"hidden": False})),
        ("hide", ("PUT", f"{_X}/tweets/1700000000000000002/hidden", {"hidden": True})),
        ("unhide", ("PUT", f"{_X}/tweets/1700000000000000002/hidden", {"hidden": False})),
        ("retract", ("DELETE", f"{_X}/tweets/1700000000000000002", "")),
        ("mute", ("POST", f"{_X}/users/{ME}/muting", {"target_user_id": "42"})),
        ("unmute", ("DELETE", f"{_X}/users/{ME}/muting/42", "")),
        (
            "reply",
            (
                "POST",
                f"{_X}/tweets",
                {"text": "Thank you — danke", "reply": {"in_reply_to_tweet_id": "1700000000000000002"}},
            ),
        ),
    ],
)
def test_asks_x_as_documented(action: str, expected: tuple[str, str, Any]) -> None:
    request = effective("twitter", action, TWEET)
    assert written(request) == expected
    assert dict(request.headers)["Authorization"] == f"Bearer {SESSION.access_token}"


THING = Target(id="t1_c10", post_id="t3_p9", author_id="t2_r", author_username="rye_fan", space="breadmakers")
_R = "https://oauth.reddit.com"
_TEXT = "Thank+you+%E2%80%94+danke"


@pytest.mark.parametrize(
    ("action", "address", "form"),
    [
        ("approve", "/api/approve/", "api_type=json&id=t1_c10"),
        ("hide", "/api/remove/", "api_type=json&id=t1_c10&spam=False"),
        ("remove", "/api/remove/", "api_type=json&id=t1_c10&spam=False"),
        ("unhide", "/api/approve/", "api_type=json&id=t1_c10"),
        ("lock", "/api/lock/", "api_type=json&id=t1_c10"),
        ("unlock", "/api/unlock/", "api_type=json&id=t1_c10"),
        ("reply", "/api/comment/", f"api_type=json&thing_id=t1_c10&text={_TEXT}"),
        ("retract", "/api/del/", "id=t1_c10"),
        ("ban", "/r/breadmakers/api/friend/", "api_type=json&type=banned&name=rye_fan&duration=3&note=rule+2"),
        ("unban", "/r/breadmakers/api/unfriend/", "api_type=json&type=banned&name=rye_fan"),
        ("mute", "/r/breadmakers/api/friend/", "api_type=json&type=muted&name=rye_fan&note=rule+2"),
        ("unmute", "/r/breadmakers/api/unfriend/", "api_type=json&type=muted&name=rye_fan"),
    ],
)
def test_asks_reddit_as_documented(action: str, address: str, form: str) -> None:
    request = effective("reddit", action, THING)
    assert written(request) == ("POST", _R + address, form)
    assert dict(request.headers)["User-Agent"] == "test:app:1 (by /u/test)"


FIRST = Target(id="Ugx1", post_id="v1")
_Y = "https://www.googleapis.com/youtube/v3/comments"


@pytest.mark.parametrize(
    ("action", "method", "query", "body"),
    [
        ("approve", "POST", "/setModerationStatus?id=Ugx1&moderationStatus=published", ""),
        ("hide", "POST", "/setModerationStatus?id=Ugx1&moderationStatus=heldForReview", ""),
        ("unhide", "POST", "/setModerationStatus?id=Ugx1&moderationStatus=published", ""),
        ("remove", "POST", "/setModerationStatus?id=Ugx1&moderationStatus=rejected", ""),
        ("ban", "POST", "/setModerationStatus?id=Ugx1&moderationStatus=rejected&banAuthor=true", ""),
        ("retract", "DELETE", "?id=Ugx1", ""),
        (
            "reply",
            "POST",
            "?part=snippet",
            {"snippet": {"parentId": "Ugx1", "textOriginal": "Thank you — danke"}},
        ),
    ],
)
def test_asks_youtube_as_documented(action: str, method: str, query: str, body: Any) -> None:
    assert written(effective("youtube", action, FIRST)) == (method, _Y + query, body)


@pytest.mark.parametrize("reply", [Target(id="Ugx1.9b"), Target(id="Ugx1.9b", parent_id="Ugx1")])
def test_answers_a_reply_on_youtube_below_the_first_comment(reply: Target) -> None:
    assert written(effective("youtube", "reply", reply))[2]["snippet"]["parentId"] == "Ugx1"


NICE = Target(id="17870913679156914", author_id="6677")
_IG, _FB = "https://graph.instagram.com/v25.0", "https://graph.facebook.com/v25.0"


@pytest.mark.parametrize("session", [SESSION, THROUGH_PAGE], ids=["instagram login", "facebook login"])
@pytest.mark.parametrize(
    ("action", "method", "address"),
    [
        ("approve", "POST", "/17870913679156914?hide=false"),
        ("hide", "POST", "/17870913679156914?hide=true"),
        ("unhide", "POST", "/17870913679156914?hide=false"),
        ("remove", "DELETE", "/17870913679156914"),
        ("retract", "DELETE", "/17870913679156914"),
        ("reply", "POST", "/17870913679156914/replies?message=Thank%20you%20%E2%80%94%20danke"),
    ],
)
def test_asks_instagram_as_documented(session: Session, action: str, method: str, address: str) -> None:
    base = _FB if session.page_id else _IG
    request = effective("instagram", action, NICE, session)
    assert written(request) == (method, base + address, "")
    assert dict(request.headers)["Authorization"] == f"Bearer {SESSION.access_token}"


@pytest.mark.parametrize(
    ("platform", "session", "url"),
    [
        ("twitter", SESSION, f"{_X}/users/me"),
        ("reddit", SESSION, f"{_R}/api/v1/me?raw_json=1"),
        ("youtube", SESSION, "https://www.googleapis.com/youtube/v3/channels?part=id&mine=true"),
        ("instagram", SESSION, f"{_IG}/me?fields=user_id%2Cusername"),
        ("instagram", THROUGH_PAGE, f"{_FB}/1055?fields=instagram_business_account"),
    ],
)
def test_asks_who_it_is_as_documented(platform: str, session: Session, url: str) -> None:
    assert written(next(find_platform(platform).identify(session))) == ("GET", url, "")


@pytest.mark.parametrize(("action", "word"), [("ban", "block_user"), ("unban", "unblock_user")])
def test_blocks_on_instagram_through_the_page_as_documented(action: str, word: str) -> None:
    body = {"user_ids": [{"id": "6677"}], "actions": [word]}
    request = effective("instagram", action, NICE, THROUGH_PAGE)
    assert written(request) == ("POST", f"{_FB}/1055/moderate_conversations", body)


def test_answers_a_reply_on_instagram_below_the_first_comment() -> None:
    request = effective("instagram", "reply", Target(id="17", parent_id="16"))
    assert "/16/replies?" in request.url


VIDEO = Target(id="7400000000000000001", post_id="7390000000000000001")
_T = "https://business-api.tiktok.com/open_api/v1.3"
_NAMED = {"business_id": ME, "comment_id": "7400000000000000001"}
_OF_VIDEO = {**_NAMED, "video_id": "7390000000000000001"}


@pytest.mark.parametrize(
    ("action", "address", "body"),
    [
        ("approve", "hide", {**_OF_VIDEO, "action": "UNHIDE"}),
        ("hide", "hide", {**_OF_VIDEO, "action": "HIDE"}),
        ("unhide", "hide", {**_OF_VIDEO, "action": "UNHIDE"}),
        ("reply", "reply/create", {**_OF_VIDEO, "text": "Thank you — danke"}),
        ("retract", "delete", _NAMED),
    ],
)
def test_asks_tiktok_as_documented(action: str, address: str, body: dict[str, str]) -> None:
    request = effective("tiktok", action, VIDEO)
    assert written(request) == ("POST", f"{_T}/business/comment/{address}/", body)
    assert dict(request.headers)["Access-Token"] == SESSION.access_token
    assert "Authorization" not in dict(request.headers)


def test_looks_at_tiktoks_comments_as_documented() -> None:
    request = next(find_platform("tiktok").fetch((VIDEO,), SESSION))
    ids = "comment_ids=%5B%227400000000000000001%22%5D"
    query = f"business_id={ME}&video_id=7390000000000000001&{ids}&include_replies=true&status=ALL&max_count=30"
    assert written(request) == ("GET", f"{_T}/business/comment/list/?{query}", "")


def refresh(platform: str, session: Session = SESSION) -> tuple[tuple[str, str, Any], Mapping[str, str]]:
    known = find_platform(platform)
    _, (request,) = drive(known.session(session, CLIENT), by_table(known))
    return written(request), dict(request.headers)


BASIC = "Basic YXBwOnNlY3JldC10aGF0LW5vYm9keS1tYXktc2Vl"
OLD = SESSION.refresh_token


def test_refreshes_at_x_as_documented() -> None:
    request, headers = refresh("twitter")
    form = f"grant_type=refresh_token&refresh_token={OLD}&client_id=app"
    assert request == ("POST", f"{_X}/oauth2/token", form)
    assert headers["Authorization"] == BASIC


def test_refreshes_at_reddit_as_documented() -> None:
    request, headers = refresh("reddit")
    form = f"grant_type=refresh_token&refresh_token={OLD}"
    assert request == ("POST", "https://www.reddit.com/api/v1/access_token", form)
    assert headers["Authorization"] == BASIC


def test_refreshes_at_google_as_documented() -> None:
    request, headers = refresh("youtube")
    form = f"grant_type=refresh_token&refresh_token={OLD}&client_id=app&client_secret={CLIENT.secret}"
    assert request == ("POST", "https://oauth2.googleapis.com/token", form)
    assert "Authorization" not in headers


def test_renews_tokens_of_instagram_as_documented() -> None:
    request, headers = refresh("instagram")
    query = f"grant_type=ig_refresh_token&access_token={SESSION.access_token}"
    assert request == ("GET", f"https://graph.instagram.com/refresh_access_token?{query}", "")
    assert "Authorization" not in headers
    request, headers = refresh("instagram", THROUGH_PAGE)
    ours = f"client_id=app&client_secret={CLIENT.secret}&fb_exchange_token={SESSION.access_token}"
    assert request == ("GET", f"{_FB}/oauth/access_token?grant_type=fb_exchange_token&{ours}", "")


def test_refreshes_at_tiktok_as_documented() -> None:
    request, headers = refresh("tiktok")
    body = {
        "client_id": "app",
        "client_secret": CLIENT.secret,
        "grant_type": "refresh_token",
        "refresh_token": OLD,
    }
    assert request == ("POST", f"{_T}/tt_user/oauth2/refresh_token/", body)
    assert {"Access-Token", "Authorization"}.isdisjoint(headers)
