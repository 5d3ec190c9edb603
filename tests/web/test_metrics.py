"""Metrics: what Prometheus reads, with names that say whose they are and labels that cannot grow."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from moderation_ai import __version__
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import Counts
from moderation_ai.stores.ledger import Waiting
from moderation_ai.web.metrics import PREFIX, Metrics
from tests.web.console import console
from tests.web.stage import NOW, ask, comment, post, request


def tally() -> Tally:
    filled = Tally()
    filled.accept("generic", 2, 1, NOW)
    filled.ignore("twitter", ["follow"])
    filled.reject("generic", "InvalidSignature")
    filled.matched["generic", 0] += 3
    filled.run("handle", "done")
    filled.busy = 4
    return filled


def read(text: bytes) -> dict[tuple[str, frozenset[str]], float]:
    families = text_string_to_metric_families(text.decode())
    return {(one.name, frozenset(one.labels.values())): one.value for family in families for one in family.samples}


def test_shows_what_was_counted_and_what_is_stored() -> None:
    counts = Counts(total=3, by_status={"done": 1, "dead": 2}, dead_letters=2, retrying=1)
    counts.oldest_pending_at = NOW - timedelta(seconds=90)
    found = read(Metrics(tally(), ManualClock(NOW)).render(counts)[0])
    assert {
        ("moderation_ai_info", frozenset({__version__})): 1,
        ("moderation_ai_events_accepted_total", frozenset({"generic"})): 2,
        ("moderation_ai_events_duplicate_total", frozenset({"generic"})): 1,
        ("moderation_ai_events_ignored_total", frozenset({"twitter", "follow"})): 1,
        ("moderation_ai_requests_rejected_total", frozenset({"generic", "InvalidSignature"})): 1,
        ("moderation_ai_secret_matched_total", frozenset({"generic", "0"})): 3,
        ("moderation_ai_handler_runs_total", frozenset({"handle", "done"})): 1,
        ("moderation_ai_store_busy_total", frozenset()): 4,
        ("moderation_ai_last_received_timestamp_seconds", frozenset({"generic"})): NOW.timestamp(),
        ("moderation_ai_store_up", frozenset()): 1,
        ("moderation_ai_events_stored", frozenset({"done"})): 1,
        ("moderation_ai_events_stored", frozenset({"dead"})): 2,
        ("moderation_ai_dead_letters", frozenset()): 2,
        ("moderation_ai_retrying", frozenset()): 1,
        ("moderation_ai_lag_seconds", frozenset()): 90,
    }.items() <= found.items()


def test_shows_what_was_counted_when_the_store_cannot_be_read() -> None:
    found = read(Metrics(tally(), ManualClock(NOW)).render(None)[0])
    assert found["moderation_ai_store_up", frozenset()] == 0
    assert found["moderation_ai_events_accepted_total", frozenset({"generic"})] == 2
    assert ("moderation_ai_dead_letters", frozenset()) not in found


def test_gives_every_metric_our_name_and_a_help_text() -> None:
    text = Metrics(tally(), ManualClock(NOW)).render(Counts())[0].decode()
    for family in text_string_to_metric_families(text):
        assert family.name.startswith(PREFIX)
        assert family.documentation


def test_speaks_the_format_that_is_asked_for() -> None:
    metrics = Metrics(tally(), ManualClock(NOW))
    assert metrics.render(None)[1].startswith("text/plain")
    text, kind = metrics.render(None, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_does_not_grow_with_what_strangers_write() -> None:
    with console() as running:
        for number in range(30):
            ask(running.gateway.port, request(f"/webhook/made-up-{number}", b"{}"))
            ask(running.gateway.port, request(f"/made/up/{number}", method="GET"))
        assert ask(running.gateway.port, post(comment())).status == 200
        answer = running.ask("/metrics")
        assert answer.fields["content-type"].startswith("text/plain")
        assert b"made" not in answer.body
        assert read(answer.body)["moderation_ai_requests_rejected_total", frozenset({"other", "UnknownPlatform"})] == 60


def test_shows_how_each_outbox_stands() -> None:
    outbox = Waiting(
        platform="twitter",
        account="main",
        open=3,
        uncertain=1,
        dead=2,
        oldest_at=NOW - timedelta(seconds=70),
        paused_until=NOW + timedelta(seconds=1),
    )
    found = read(Metrics(tally(), ManualClock(NOW)).render(Counts(), outboxes=[outbox])[0])
    who = frozenset({"twitter", "main"})
    assert {
        ("moderation_ai_actions_open", who): 3,
        ("moderation_ai_actions_oldest_seconds", who): 70,
        ("moderation_ai_actions_uncertain", who): 1,
        ("moderation_ai_actions_dead", who): 2,
        ("moderation_ai_outbox_paused", who): 1,
    }.items() <= found.items()
