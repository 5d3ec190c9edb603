"""Metrics for Prometheus: what this process has counted, and what the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from moderation_ai import __version__
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.health import seconds_waiting
from moderation_ai.pipeline.watching.standing import Standing
from moderation_ai.stores.base import Counts
from moderation_ai.stores.ledger import Waiting

PREFIX = "moderation_ai_"


class Metrics:
    """A registry of our own, so that it neither shows nor disturbs what else the process measures.

    Labels are bounded: platforms are the configured ones, kinds are at most 200, handlers are the user's.
    """

    def __init__(self, tally: Tally, clock: Clock) -> None:
        """Keep what is read at every scrape."""
        self._registry = CollectorRegistry()
        self._reading = _Reading(tally, clock)
        self._registry.register(self._reading)
        ProcessCollector(namespace="moderation_ai", registry=self._registry)

    def render(
        self,
        counts: Counts | None,
        accept: str = "",
        outboxes: Sequence[Waiting] = (),
        standings: Sequence[Standing] = (),
    ) -> tuple[bytes, str]:
        """Return the text of all metrics and its content type; ``counts`` is None where the store cannot be read."""
        self._reading.counts, self._reading.outboxes, self._reading.standings = counts, outboxes, standings
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Reading(Collector):
    def __init__(self, tally: Tally, clock: Clock) -> None:
        self.counts: Counts | None = None
        self.outboxes: Sequence[Waiting] = ()
        self.standings: Sequence[Standing] = ()
        self._tally = tally
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("moderation_ai", "The version that runs.", value={"version": __version__})
        yield from self._of_tally()
        yield _gauge("store_up", "1 if the store could be read for this scrape, else 0.", self.counts is not None)
        if self.counts is not None:
            yield from _of_counts(self.counts, self._clock.now())
            yield from _of_outboxes(self.outboxes, self._clock.now())
            yield from _of_standings(self.standings, self._clock.now())

    def _of_tally(self) -> Iterator[Metric]:
        tally = self._tally
        for name, help_text, labels, counter in (
            ("events_accepted", "New events that were stored.", "platform", tally.accepted),
            ("events_duplicate", "Events that had been stored before.", "platform", tally.duplicates),
            ("events_ignored", "Authentic events of kinds that are of no use.", "platform kind", tally.ignored),
            ("requests_rejected", "Requests that were refused, by the error.", "platform reason", tally.rejected),
            ("secret_matched", "Requests by the secret that fitted, 0 = newest.", "platform secret", tally.matched),
            ("subscriptions", "What WebSub hubs asked or told of subscriptions.", "platform answer", tally.subscribed),
            ("events_unhandled", "Events that no handler takes, by their type.", "event_type", tally.unhandled),
            ("events_polled", "Pages that polling read, and events in them.", "platform what", tally.polled),
            ("polls_failed", "Polls that brought nothing, by the error.", "platform reason", tally.polls_failed),
            ("not_assessed", "Comments without a text that could not be had.", "platform", tally.not_assessed),
            ("handler_runs", "Runs of handlers by what came of them.", "handler state", tally.runs),
        ):
            yield _counter(name, help_text, labels, counter)
        busy = "Requests that were answered 503 because the store could not take them."
        yield CounterMetricFamily(PREFIX + "store_busy", busy, value=tally.busy)
        last = GaugeMetricFamily(
            PREFIX + "last_received_timestamp_seconds", "When the last event came, in Unix time.", labels=["platform"]
        )
        for platform, when in list(tally.last_received.items()):
            last.add_metric([platform], when.timestamp())
        yield last


def _counter(name: str, help_text: str, labels: str, counter: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, help_text, labels=labels.split())
    for key, count in list(counter.items()):
        family.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], count)
    return family


def _of_counts(counts: Counts, now: datetime) -> Iterator[Metric]:
    stored = GaugeMetricFamily(PREFIX + "events_stored", "Events in the store by their status.", labels=["status"])
    for status, count in counts.by_status.items():
        stored.add_metric([status], count)
    yield stored
    oldest = counts.oldest_pending_at
    lag = (now - oldest).total_seconds() if oldest else 0.0
    yield _gauge("dead_letters", "Attempts that ended in dead letters.", counts.dead_letters)
    yield _gauge("retrying", "Events with a handler that is to run again.", counts.retrying)
    yield _gauge("lag_seconds", "How long the oldest pending event has waited.", lag)


def _of_outboxes(outboxes: Iterable[Waiting], now: datetime) -> Iterator[Metric]:
    is_paused = "1 while the account is left alone, because a limit is reached or its platform fails."
    for name, help_text, read in (
        ("actions_open", "Actions that wait to be sent.", lambda one: one.open),
        ("actions_oldest_seconds", "How long the oldest of them has waited.", lambda one: seconds_waiting(one, now)),
        ("actions_uncertain", "Actions of which nobody knows whether they were done.", lambda one: one.uncertain),
        ("actions_dead", "Actions that were given up.", lambda one: one.dead),
        ("outbox_paused", is_paused, lambda one: one.paused_until is not None and one.paused_until > now),
    ):
        family = GaugeMetricFamily(PREFIX + name, help_text, labels=["platform", "account"])
        for one in outboxes:
            family.add_metric([one.platform, one.account], float(read(one)))
        yield family


def _of_standings(standings: Sequence[Standing], now: datetime) -> Iterator[Metric]:
    """Yield how accounts stand; what is not known of one has no line."""
    rows: dict[str, list[tuple[Standing, float | None]]] = {name: [] for name in _STANDINGS}
    for one in standings:
        polled = [feed.polled_at for feed in one.feeds if feed.polled_at is not None]
        ends = [each.expires_at for each in one.subscriptions if each.expires_at is not None]
        rows["coverage_ratio"].append((one, one.coverage))
        rows["push_silent"].append((one, float(one.push_silent) if one.pushed + one.missed else None))
        rows["poll_age_seconds"].append((one, _seconds(now, min(polled)) if polled else None))
        rows["subscription_left_seconds"].append((one, _seconds(min(ends), now) if ends else None))
    for name, help_text in _STANDINGS.items():
        family = GaugeMetricFamily(PREFIX + name, help_text, labels=["platform", "account"])
        for one, value in rows[name]:
            if value is not None:
                family.add_metric([one.platform, one.account], value)
        yield family


_STANDINGS = {
    "coverage_ratio": "Share of what was written in the last 24 hours that was pushed, of what polling saw.",
    "push_silent": "1 if nothing is pushed while polling sees new comments, else 0.",
    "poll_age_seconds": "How long ago the feed was read that has waited longest.",
    "subscription_left_seconds": "How long the subscription still lasts that ends first.",
}


def _seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, help_text, value=value)
