"""The demo's lost webhook: noticed, made good, and every comment of the meantime is there once."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import asdict, replace

from moderation_ai.cli.demo.command import is_good
from moderation_ai.cli.demo.healing import LOST, Healing, heal
from moderation_ai.cli.demo.noting import Notes
from moderation_ai.cli.demo.playing import Hiding
from moderation_ai.cli.demo.summing import print_summary, summarise


def test_a_webhook_that_is_lost_is_healed_and_a_poll_catches_up() -> None:
    said: list[str] = []
    found = asyncio.run(heal(said.append))
    expected = Healing(
        platform="instagram", written=LOST + 6, pushed=6, polled=LOST, twice=0, was_invalid=True, is_active=True
    )
    assert found == expected
    assert found.is_good
    assert f"{LOST} comments in 10 minutes did not arrive" in said[0]


GOOD = Healing(platform="instagram", written=16, pushed=6, polled=10, twice=0, was_invalid=True, is_active=True)


@pytest.mark.parametrize(
    "change", [{"polled": 9}, {"pushed": 5}, {"twice": 1}, {"was_invalid": False}, {"is_active": False}], ids=str
)
def test_what_is_not_noticed_not_made_good_missing_or_told_twice_is_not_healed(change: dict[str, int]) -> None:
    assert GOOD.is_good
    assert not replace(GOOD, **change).is_good


@pytest.mark.parametrize("healed", [True, False])
def test_a_run_that_does_not_heal_is_no_good_run_and_says_so(healed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    summary = summarise(Notes(), {}, {}, Hiding(hidden=1)) | {"accepted": 1, "healed": healed, "healing": asdict(GOOD)}
    assert is_good(summary) is healed
    print_summary(summary)
    printed = capsys.readouterr().out
    assert ("NOT healed" in printed) is not healed
    assert "of 16 comments 6 were pushed, 10 polled, 0 told twice" in printed
