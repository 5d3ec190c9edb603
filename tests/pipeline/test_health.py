"""Health says what is wrong, in words that tell what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.health import RECENT, Health, assess
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Counts
from moderation_ai.stores.ledger import Waiting

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def health(
    tally: Tally | None = None,
    *,
    unverified: bool = False,
    with_handler: bool = True,
    silence_after: float | None = None,
    now: datetime = NOW,
    **counts: Any,
) -> Health:
    handlers = Handlers()
    if with_handler:
        handlers.add(lambda event: None, ("*",), name="h")
    credential = Credential(allow_unverified=unverified)
    source = Source(platform=find_platform("generic"), credential=credential, silence_after=silence_after)
    return assess(Counts(**counts), tally or Tally(NOW), handlers, {"generic": source}, now)


def tally_with(**counts: Any) -> Tally:
    tally = Tally(NOW)
    for _ in range(counts.get("stale", 0)):
        tally.reject("generic", "StaleTimestamp", NOW)
    for _ in range(counts.get("wrong", 0)):
        tally.reject("generic", "InvalidSignature", NOW)
    for _ in range(counts.get("busy", 0)):
        tally.turn_away(NOW)
    return tally


def test_where_nothing_is_wrong_it_is_ok() -> None:
    tally = tally_with(stale=4)
    tally.accept("generic", 2, 1, NOW)
    tally.ignore("generic", ["ping"])
    tally.match("generic", 0, NOW)
    tally.match("generic", 0, NOW)
    found = health(tally, oldest_pending_at=NOW - timedelta(seconds=299))
    assert (found.status, found.problems, found.lag_seconds) == ("ok", [], 299.0)
    assert (found.accepted, found.duplicates, found.ignored) == ({"generic": 2}, {"generic": 1}, {"generic:ping": 1})
    assert (found.rejected, found.matched_secrets) == ({"generic:StaleTimestamp": 4}, {"generic:0": 2})


@pytest.mark.parametrize(
    ("arguments", "cause", "problem"),
    [
        (
            {"unverified": True},
            "unverified:generic",
            "generic: unverified requests are accepted (allow_unverified)",
        ),
        ({"with_handler": False}, "no_handler", "no handler is registered: events are stored and marked unhandled"),
        ({"oldest_pending_at": NOW - timedelta(seconds=301)}, "lag", "the oldest pending event has waited 301 s"),
        ({"dead_letters": 3}, "dead_letters", "3 dead letters: see `moderation-ai dead-letters list`"),
        (
            {"tally": tally_with(stale=5)},
            "stale",
            "5 requests had a stale time: compare this machine's clock with a time server",
        ),
        (
            {"tally": tally_with(wrong=5)},
            "signatures:generic",
            "generic: 5 signatures were wrong and none was right: compare the secret with the platform's",
        ),
        ({"tally": tally_with(busy=2)}, "busy", "2 requests were answered 503 because the store could not take them"),
        (
            {"silence_after": 60, "now": NOW + timedelta(seconds=61)},
            "silence:generic",
            "generic has sent nothing for 61 s: see its dashboard, and `moderation-ai doctor`",
        ),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], cause: str, problem: str) -> None:
    found = health(**arguments)
    assert (found.status, found.causes, found.problems) == ("degraded", [cause], [problem])


@pytest.mark.parametrize("trouble", ["stale", "wrong", "busy"])
def test_a_trouble_at_the_door_that_is_over_is_forgotten(trouble: str) -> None:
    tally = tally_with(**{trouble: 5})
    assert health(tally, now=NOW + RECENT).status == "degraded"
    assert health(tally, now=NOW + RECENT + timedelta(seconds=1)).status == "ok"


def test_wrong_signatures_beside_right_ones_are_strangers() -> None:
    tally = tally_with(wrong=500)
    tally.match("generic", 0, NOW)
    assert health(tally).status == "ok"


def test_refused_signatures_are_told_by_platform_and_cause() -> None:
    tally = tally_with(stale=1, wrong=2)
    for reason in ("MissingSignature", "MissingSignature", "MissingSignature", "BodyTooLarge"):
        tally.reject("generic", reason, NOW)
    tally.reject("twitter", "InvalidSignature")
    found = health(tally)
    expected = {"generic": {"stale": 1, "mismatch": 2, "missing": 3}, "twitter": {"mismatch": 1}}
    assert (found.signature_failures, found.stale_rejections) == (expected, 1)


def test_silence_counts_from_the_last_event_and_before_the_first_from_the_start() -> None:
    tally = Tally(NOW - timedelta(seconds=100))
    assert health(tally, silence_after=200).silent_seconds == {"generic": 100.0}
    tally.accept("generic", 1, 0, NOW - timedelta(seconds=10))
    tally.accept("reddit", 1, 0, NOW - timedelta(seconds=20))
    found = health(tally, silence_after=50)
    assert (found.status, found.silent_seconds) == ("ok", {"generic": 10.0, "reddit": 20.0})
    assert found.last_received["reddit"] == NOW - timedelta(seconds=20)
    assert found.since == NOW - timedelta(seconds=100)


def test_a_bridge_that_names_ever_new_platforms_makes_no_table_grow() -> None:
    tally = Tally()
    for number in range(1000):
        tally.lack_text(f"place{number}")
    assert len(tally.not_assessed) <= 201
    assert tally.not_assessed["other"] == 800


def test_types_that_nobody_handles_are_named_and_do_not_grow_without_end() -> None:
    tally = Tally()
    for number in range(1000):
        tally.leave(f"odd.{number}")
    tally.leave("odd.0")
    found = health(tally).unhandled_types
    assert (len(found), found["odd.0"], sum(found.values())) == (201, 2, 1001)


def test_kinds_that_senders_make_up_do_not_grow_the_counters() -> None:
    tally = Tally()
    for number in range(1000):
        tally.ignore("generic", [f"kind {number}"])
    assert len(tally.ignored) <= 201
    assert sum(tally.ignored.values()) == 1000


def with_outbox(**fields: Any) -> Health:
    outbox = Waiting(platform="instagram", account="main", **fields)
    return assess(Counts(), Tally(NOW), Handlers(), {}, NOW, moderates=True, outboxes=[outbox])


def test_what_is_to_be_sent_may_wait_as_long_as_a_limit_lasts() -> None:
    found = with_outbox(open=3, oldest_at=NOW - timedelta(seconds=900))
    assert (found.status, [one.open for one in found.outboxes]) == ("ok", [3])


def test_an_outbox_that_stands_still_is_told_with_its_reason() -> None:
    paused = {"paused_until": NOW + timedelta(minutes=5), "reason": "the token is not accepted"}
    found = with_outbox(open=3, oldest_at=NOW - timedelta(seconds=901), **paused)
    assert found.causes == ["outbox:instagram/main"]
    assert found.problems == [
        "instagram/main: 3 actions wait to be sent, the oldest for 901 s: the token is not accepted"
    ]


@pytest.mark.parametrize("status", ["uncertain", "dead"])
def test_an_action_that_needs_a_person_is_told(status: str) -> None:
    found = with_outbox(**{status: 2})
    assert found.causes == [f"actions_{status}:instagram/main"]
    assert f"actions list --status {status}" in found.problems[0]
