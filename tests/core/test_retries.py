"""When a failed attempt is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.retries import RetrySchedule


def test_waits_longer_after_each_failure_and_gives_up_in_the_end() -> None:
    schedule = RetrySchedule(max_attempts=5, first=2, factor=4, longest=100, jitter=0.2)
    assert [schedule.delay(attempts, 0.5) for attempts in range(1, 7)] == [2, 8, 32, 100, None, None]


def test_spreads_to_either_side() -> None:
    schedule = RetrySchedule(first=10, jitter=0.2)
    assert [schedule.delay(1, chance) for chance in (0, 0.5)] == [8, 10]
    assert 11.9 < (schedule.delay(1, 0.999) or 0) < 12


@given(attempts=st.integers(1, 10**6), chance=st.floats(0, 1, exclude_max=True), longest=st.floats(0, 10**6))
def test_never_waits_longer_than_the_longest_and_its_jitter(attempts: int, chance: float, longest: float) -> None:
    delay = RetrySchedule(max_attempts=10**7, longest=longest).delay(attempts, chance)
    assert delay is not None
    assert 0 <= delay <= longest * 1.2
