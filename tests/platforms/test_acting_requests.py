"""The requests of every platform, written out as their documentation has them: the table must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from moderation_ai.core.acting import Target
from moderation_ai.core.flows import Outgoing, Session
from moderation_ai.platforms import find_platform
from tests.platforms.driving import CLIENT, SESSION, act_of, by_table, drive

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
