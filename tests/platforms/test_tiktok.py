"""TikTok's signature with its long window."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.core.errors import InvalidSignature, StaleTimestamp
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
