"""Whatever a platform, a hub or a stranger says, in any order: a subscription keeps to its terms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from moderation_ai.core.errors import PlatformError, PlatformUnavailable, RateLimited
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.subscribing import terms
from moderation_ai.stores.memory import MemoryStore
from tests.hubs import Hub

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROW = Subscription(
    id="wh_1", url="https://h.example/webhook/hub", platform="hub", topic="t", status="pending", created_at=NOW
)
STATUSES = ("pending", "active", "invalid", "denied", "expired", "leaving")
Step = Callable[[Subscription, datetime], Subscription | None]

STEPS: dict[str, Step] = {
    "asked": terms.asked,
    "down": lambda row, now: terms.put_off(row, PlatformUnavailable("down"), now),
    "limited": lambda row, now: terms.put_off(row, RateLimited("slow", retry_after=7200), now),
    "refused": lambda row, now: terms.refused(row, PlatformError("no"), now),
    "pending": lambda row, now: terms.answered(row, replace(ROW, status="pending"), row.asked_at or now),
    "active": lambda row, now: terms.answered(row, replace(ROW, status="active"), row.asked_at or now),
    "invalid": lambda row, now: terms.answered(row, replace(ROW, status="invalid"), row.asked_at or now),
    "five days": lambda row, now: terms.confirmed(row, 432_000, now),
    "a second": lambda row, now: terms.confirmed(row, 1, now),
    "for ever": lambda row, now: terms.confirmed(row, 9_999_999_999, now),
    "open end": lambda row, now: terms.confirmed(row, None, now),
    "denied": lambda row, now: terms.denied(row, "no", now),
    "ended": terms.ended,
    "missed": terms.missed,
    "wanted": lambda row, now: terms.wanted(row),
    "to leave": lambda row, now: terms.asked(replace(row, status="leaving"), now),
}
LIFE = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 200_000)), max_size=30)


@given(LIFE)
def test_something_is_always_due_and_no_lease_is_longer_than_is_believed(life: list[tuple[str, int]]) -> None:
    row, now = terms.asked(ROW, NOW), NOW
    for name, seconds in life:
        now += timedelta(seconds=seconds)
        row = STEPS[name](row, now) or row
        assert row.status in STATUSES
        assert row.due_at is not None
        assert row.expires_at is None or row.expires_at <= now + terms.LONGEST
        assert row.created_at == NOW


@given(st.integers(0, 500))
def test_waits_grow_and_end_at_six_hours(tries: int) -> None:
    assert timedelta(minutes=5) <= terms.again(tries) <= terms.again(tries + 1) <= timedelta(hours=6)


@pytest.mark.parametrize("seconds", [3600, 86_400, 432_000, 864_000])
def test_a_lease_is_due_at_80_percent_but_not_within_an_hour(seconds: int) -> None:
    row = terms.confirmed(terms.asked(ROW, NOW), seconds, NOW)
    assert row is not None
    assert row.due_at == NOW + max(timedelta(seconds=0.8 * seconds), timedelta(hours=1))


class Register:
    """One row that is awaited, and how often it was written."""

    def __init__(self) -> None:
        self.row = terms.asked(ROW, NOW)
        self.writes = 0

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        return [self.row]

    async def change_subscription(self, platform: str, _: str, change: terms.Change) -> Subscription | None:
        self.writes += 1
        made = change(self.row)
        self.row = made or self.row
        return made

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        raise AssertionError("nobody asked for an end")


WORDS = st.one_of(
    st.sampled_from(["subscribe", "unsubscribe", "denied", "publish", "", "t", "u", "c1", "432000", "-1", "１"]),
    st.text(max_size=30),
)
NAMES = st.sampled_from(
    ["hub.mode", "hub.topic", "hub.challenge", "hub.lease_seconds", "hub.reason", "hub.secret", "x"]
)


@given(st.lists(st.lists(st.tuples(NAMES, WORDS), max_size=6), max_size=8))
def test_whatever_is_asked_there_is_an_answer_and_a_row_that_makes_sense(
    asked: list[list[tuple[str, str]]],
) -> None:
    register = Register()
    source = Source(platform=Hub(), credential=Credential(secrets=("s",)))
    intake = Intake(MemoryStore(), {"hub": source}, hubs=Hubs(register))

    async def ask_all() -> None:
        for pairs in asked:
            query = urlencode(pairs, errors="surrogatepass")
            request = Request(method="GET", path="/webhook/hub", query=query, received_at=NOW)
            answer = await intake.receive(request, "hub")
            assert answer.status in (200, 400, 404, 405)
            assert len(answer.body) <= 600

    asyncio.run(ask_all())
    assert register.row.status in ("pending", "active", "denied")
    assert register.writes <= 3, "denied, confirmed, and once more for a shorter lease: then nothing changes any more"
