"""Standing: what is wrong with an account is told, with what to do, and no more than is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.coverage import Coverage
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscription
from moderation_ai.pipeline.rhythm import Rhythm
from moderation_ai.pipeline.watching.standing import Standing, problems_of, read_standings
from moderation_ai.stores.register import Cursor
from tests.kinds import new_store
from tests.stores.making import NOW, after

WELL = Cursor(platform="instagram", account="brand", feed="comments", polled_at=NOW, next_at=after(60))
POLLED = {("instagram", "brand")}
HOOK = Subscription(id="s", url="https://x", platform="instagram", account="brand", status=ACTIVE, expires_at=after(9))


def coverage(told: str) -> Coverage:
    found = Coverage(since=NOW)
    for sign in told:
        found = found.counted(NOW, NOW, pushed=sign == "+")
    return found


async def standings(*cursors: Cursor, hooks: tuple[Subscription, ...] = (), seconds: float = 0) -> list[Standing]:
    store = new_store()
    await store.open()
    for cursor in cursors:
        await store.save_cursor(cursor)
    for hook in hooks:
        await store.save_subscription(hook)
    found = await read_standings(store, POLLED, after(seconds))
    await store.close()
    return found


@pytest.mark.anyio
async def test_an_account_that_is_well_has_no_problem() -> None:
    (one,) = await standings(replace(WELL, coverage=coverage("+" * 20)), hooks=(HOOK,))
    assert (one.name, one.coverage, one.compared, one.push_silent) == ("instagram/brand", 1.0, 20, False)
    assert (one.feeds[0].feed, one.subscriptions) == ("comments", [HOOK])
    assert list(problems_of([one], NOW)) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "seconds", "cause"),
    [
        ({"coverage": coverage("+---")}, 0, "push_silent:instagram/brand"),
        ({"coverage": coverage("+-" * 10)}, 0, "coverage:instagram/brand"),
        ({"error": "no", "cause": "CredentialsRejected", "failing_since": NOW}, 0, "polling:instagram/brand"),
        ({"error": "no", "cause": "PlatformUnavailable", "failing_since": NOW}, 301, "polling:instagram/brand"),
        ({}, 361, "poll_late:instagram/brand"),
        ({"gap_at": NOW}, 0, "gap:instagram/brand"),
    ],
)
async def test_what_is_wrong_with_polling_or_push_is_told(changes: dict[str, Any], seconds: float, cause: str) -> None:
    found = await standings(replace(WELL, **changes), seconds=seconds)
    assert [problem.cause for problem in problems_of(found, after(seconds))] == [cause]


@pytest.mark.anyio
async def test_a_short_failure_is_no_problem() -> None:
    failing = replace(WELL, error="no", cause="PlatformUnavailable", failing_since=NOW)
    assert list(problems_of(await standings(failing, seconds=60), after(60))) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (replace(HOOK, status=INVALID, reason="the check failed"), 0),
        (replace(HOOK, status="denied", reason="quota"), 0),
        (HOOK, 9),
        (replace(HOOK, status="pending", reason="the hub answers 503", created_at=NOW, expires_at=None), 3601),
    ],
)
async def test_a_subscription_that_does_not_deliver_is_told(hook: Subscription, seconds: float) -> None:
    found = await standings(hooks=(hook,), seconds=seconds)
    [problem] = problems_of(found, after(seconds))
    assert problem.cause == "subscription:instagram/brand"
    assert (hook.reason or "active") in problem.text


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["registered", "leaving", "pending"])
async def test_a_subscription_of_which_nothing_is_awaited_is_no_problem(status: str) -> None:
    hook = replace(HOOK, status=status, created_at=NOW)
    assert list(problems_of(await standings(hooks=(hook,), seconds=9), after(9))) == []


@pytest.mark.anyio
async def test_a_feed_that_is_not_watched_any_more_is_no_problem() -> None:
    gone = replace(WELL, feed="other", error="no", cause="CredentialsRejected", failing_since=NOW)
    assert await standings(replace(gone, next_at=None), replace(gone, account="other")) == []


def test_a_silence_is_unusual_only_where_the_usual_is_known() -> None:
    rhythm = Rhythm()
    for hour in range(24):
        rhythm.hear(NOW + timedelta(hours=hour))
    assert rhythm.limit() is None, "not a whole day yet"
    rhythm.hear(NOW + timedelta(hours=24))
    assert rhythm.limit() == 7200.0


def test_of_a_busy_platform_no_short_silence_is_unusual() -> None:
    rhythm = Rhythm()
    for minute in range(24 * 60 + 1):
        rhythm.hear(NOW + timedelta(minutes=minute))
    assert rhythm.limit() == 900.0


def test_what_was_usual_eight_days_ago_is_forgotten() -> None:
    rhythm = Rhythm()
    rhythm.hear(NOW)
    rhythm.hear(NOW + timedelta(hours=20))
    assert rhythm.limit() is None
    for hour in range(20, 24 * 9):
        rhythm.hear(NOW + timedelta(hours=hour))
    assert rhythm.limit() == 7200.0
