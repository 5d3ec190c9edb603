"""Health says what is wrong, in words that tell what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation_ai.core.platform import Credential
from moderation_ai.pipeline.handlers import Handlers
from moderation_ai.pipeline.health import Health, assess
from moderation_ai.pipeline.intake import Source
from moderation_ai.pipeline.tally import Tally
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Counts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def health(tally: Tally | None = None, *, unverified: bool = False, with_handler: bool = True, **counts: Any) -> Health:
    handlers = Handlers()
    if with_handler:
        handlers.add(lambda event: None, ("*",), name="h")
    source = Source(platform=find_platform("generic"), credential=Credential(allow_unverified=unverified))
    return assess(Counts(**counts), tally or Tally(), handlers, {"generic": source}, NOW)


def tally_with(**counts: Any) -> Tally:
    tally = Tally()
    for _ in range(counts.get("stale", 0)):
        tally.reject("generic", "StaleTimestamp")
    tally.busy = counts.get("busy", 0)
    return tally


def test_where_nothing_is_wrong_it_is_ok() -> None:
    tally = tally_with(stale=4)
    tally.accept("generic", 2, 1, NOW)
    tally.ignore("generic", ["ping"])
    tally.matched["generic", 0] += 2
    found = health(tally, oldest_pending_at=NOW - timedelta(seconds=299))
    assert (found.status, found.problems, found.lag_seconds) == ("ok", [], 299.0)
    assert (found.accepted, found.duplicates, found.ignored) == ({"generic": 2}, {"generic": 1}, {"generic:ping": 1})
    assert (found.rejected, found.matched_secrets) == ({"generic:StaleTimestamp": 4}, {"generic:0": 2})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"unverified": True}, "generic: unverified requests are accepted (allow_unverified)"),
        ({"with_handler": False}, "no handler is registered: events are stored and marked unhandled"),
        ({"oldest_pending_at": NOW - timedelta(seconds=301)}, "the oldest pending event has waited 301 s"),
        ({"dead_letters": 3}, "3 dead letters: see `moderation-ai dead-letters list`"),
        (
            {"tally": tally_with(stale=5)},
            "5 requests had a stale time: compare this machine's clock with a time server",
        ),
        ({"tally": tally_with(busy=2)}, "2 requests were answered 503 because the store could not take them"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], problem: str) -> None:
    found = health(**arguments)
    assert (found.status, found.problems) == ("degraded", [problem])


def test_kinds_that_senders_make_up_do_not_grow_the_counters() -> None:
    tally = Tally()
    for number in range(1000):
        tally.ignore("generic", [f"kind {number}"])
    assert len(tally.ignored) <= 201
    assert sum(tally.ignored.values()) == 1000
