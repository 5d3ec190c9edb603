"""TikTok's signature with its long window."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from moderation_ai.core.errors import InvalidSignature, StaleTimestamp
from moderation_ai.core.events import KeyedEvent, finish
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms.tiktok import PLATFORM
from tests.platforms.fixtures import NOW

LIVE = Credential(secrets=("client-secret",))
GOOD = PLATFORM.sign(b"{}", "client-secret", NOW)["Tiktok-Signature"]
TIME, DIGEST = GOOD.split(",")


def verify(header: str, late: timedelta = timedelta()) -> int:
    fields = Headers.of({"Tiktok-Signature": header})
    return PLATFORM.verify(Request(body=b"{}", headers=fields, received_at=NOW + late), LIVE)


@pytest.mark.parametrize("late", [timedelta(hours=73), timedelta(hours=72), timedelta(0), timedelta(seconds=-300)])
def test_takes_what_was_signed_as_long_ago_as_it_retries(late: timedelta) -> None:
    assert verify(GOOD, late) == 0


@pytest.mark.parametrize("late", [timedelta(hours=73, seconds=1), timedelta(seconds=-301)])
def test_refuses_what_lies_outside_the_window(late: timedelta) -> None:
    with pytest.raises(StaleTimestamp):
        verify(GOOD, late)


@pytest.mark.parametrize(
    "header", [f"{DIGEST},{TIME}", f"{TIME}, {DIGEST}", f"{TIME},s=00,{DIGEST}", f"{TIME},x=1,{DIGEST}"]
)
def test_reads_the_parts_in_any_order_and_several_digests(header: str) -> None:
    assert verify(header) == 0


@pytest.mark.parametrize(
    "header",
    [
        TIME,
        DIGEST,
        f"{TIME},{TIME},{DIGEST}",
        f"t=１,{DIGEST}",
        f"{TIME}.0,{DIGEST}",
        f"{TIME},{DIGEST}00",
        f"{TIME},s={DIGEST}",
        # https://developers.tiktok.com/doc/webhooks-verification, signed with a secret that is not published
        "t=1633174587,s=18494715036ac4416a1d0a673871a2edbcfc94d94bd88ccd2c5ec9b3425afe66",
        ",".join([TIME, *["s=00"] * 40, DIGEST]),
    ],
)
def test_refuses_what_is_malformed_or_not_ours(header: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(header)


def test_refuses_a_time_that_was_not_the_signed_one() -> None:
    with pytest.raises(InvalidSignature):
        verify(f"t={int(NOW.timestamp()) + 1},{DIGEST}")


def told(event: str, content: dict[str, Any], *, at: int = 1795521000) -> KeyedEvent:
    body = {"event": event, "create_time": at, "user_openid": "biz", "content": json.dumps(content)}
    parsed = PLATFORM.parse(Request(body=json.dumps(body).encode(), received_at=NOW))
    return finish(parsed.facts[0], platform="tiktok", received_at=NOW)


def comment(action: str, milliseconds: int) -> dict[str, Any]:
    return {"comment_id": 7400, "video_id": 7390, "comment_action": action, "timestamp": milliseconds}


def test_hiding_and_showing_again_and_again_are_events_of_their_own() -> None:
    actions = [("set_to_hidden", 1), ("set_to_public", 2), ("set_to_hidden", 3)]
    keys = {told("comment.update", comment(action, 1795521000000 + number)).key for action, number in actions}
    assert len(keys) == 3


@pytest.mark.parametrize("action", ["insert", "delete", "set_to_hidden", "set_to_public"])
def test_a_retry_is_the_same_event_even_with_another_time_of_sending(action: str) -> None:
    first, again = (told("comment.update", comment(action, 1795521000000), at=at) for at in (1795521000, 1795524600))
    assert first.key == again.key


@pytest.mark.parametrize(
    ("reason", "said"),
    [(1, "the user disconnected the app"), ("4", "the user's account was banned"), (9, "9"), (None, None)],
)
def test_says_in_words_why_an_account_was_lost(reason: object, said: str | None) -> None:
    event = told("authorization.removed", {"reason": reason}).event
    assert (event.data.account and event.data.account.id, event.data.account and event.data.account.reason) == (
        "biz",
        said,
    )


@pytest.mark.parametrize("kind", ["im_receive_msg", "im_receive_msg_eu", "portability.download.failed"])
def test_counts_messages_and_exports_whatever_they_are_called(kind: str) -> None:
    body = json.dumps({"event": kind, "create_time": 1, "content": "{}"}).encode()
    parsed = PLATFORM.parse(Request(body=body, received_at=NOW))
    assert (parsed.ignored, parsed.facts) == ([kind], [])
