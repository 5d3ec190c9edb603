"""Coverage: what push told of, what it did not, and when that is silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.coverage import GRACE, PATIENCE, Coverage, is_judged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(told: str, *, apart: float = 60.0) -> Coverage:
    """Return the coverage after comments that push told of (+) or not (-), so many seconds apart."""
    coverage = Coverage(since=NOW)
    for number, sign in enumerate(told):
        when = NOW + timedelta(seconds=number * apart)
        coverage = coverage.counted(when, when, pushed=sign == "+")
    return coverage


def test_a_young_comment_is_not_judged() -> None:
    assert not is_judged(NOW - GRACE, NOW)
    assert is_judged(NOW - GRACE - timedelta(seconds=1), NOW)


def test_three_in_a_row_that_were_not_pushed_are_silence() -> None:
    assert not after("++--").is_silent(NOW)
    assert after("++---").is_silent(NOW)
    assert not after("++---+").is_silent(NOW)
    assert not after("--+--+--+").is_silent(NOW)


def test_even_one_is_silence_when_nothing_follows_for_long() -> None:
    coverage = after("+-")
    found_at = NOW + timedelta(seconds=60)
    assert not coverage.is_silent(found_at + PATIENCE - timedelta(seconds=1))
    assert coverage.is_silent(found_at + PATIENCE)


def test_only_the_last_day_is_recent() -> None:
    coverage = after("+-" * 60, apart=3600)
    now = NOW + timedelta(hours=119)
    recent = coverage.recent(now)
    assert (coverage.pushed, coverage.missed, len(coverage.hours) <= 24) == (60, 60, True)
    assert sum(hour.pushed + hour.missed for hour in recent) <= 24
    assert coverage.recent(now + timedelta(days=2)) == ()


@given(st.text(alphabet="+-", max_size=200), st.floats(0, 7200))
def test_what_is_counted_adds_up(told: str, apart: float) -> None:
    coverage = after(told, apart=apart)
    assert (coverage.pushed, coverage.missed) == (told.count("+"), told.count("-"))
    assert coverage.missed_in_row == len(told) - len(told.rstrip("-"))
    assert len(coverage.hours) <= 24
