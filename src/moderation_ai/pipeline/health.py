"""Health: what is stored and what waits, for how long, and what is wrong; read by people, probes and doctor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.pipeline.handlers import Handlers
from moderation_ai.pipeline.intake import Source
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import Counts

LAG_LIMIT = 300.0
"""Seconds that the oldest pending event may wait before health says so."""
STALE_LIMIT = 5
"""Refused signed times after which our own clock comes under suspicion."""


class Health(msgspec.Struct, kw_only=True):
    """The state of one gateway: ``ok`` or ``degraded`` with the reasons, and the figures behind it."""

    status: str
    problems: list[str]
    counts: Counts
    lag_seconds: float
    handlers: list[str]
    accepted: dict[str, int]
    duplicates: dict[str, int]
    ignored: dict[str, int]
    rejected: dict[str, int]
    matched_secrets: dict[str, int]
    unverified: list[str]
    now: datetime


def assess(counts: Counts, tally: Tally, handlers: Handlers, sources: Mapping[str, Source], now: datetime) -> Health:
    """Return the health that counts, counters and configuration amount to."""
    oldest = counts.oldest_pending_at
    lag = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    unverified = sorted(name for name, source in sources.items() if source.credential.allow_unverified)
    problems = _problems(counts, tally, handlers, unverified, lag)
    return Health(
        status="degraded" if problems else "ok",
        problems=problems,
        counts=counts,
        lag_seconds=round(lag, 3),
        handlers=handlers.names(),
        accepted=dict(tally.accepted),
        duplicates=dict(tally.duplicates),
        ignored=_flat(tally.ignored),
        rejected=_flat(tally.rejected),
        matched_secrets=_flat(tally.matched),
        unverified=unverified,
        now=now,
    )


def _problems(counts: Counts, tally: Tally, handlers: Handlers, unverified: list[str], lag: float) -> list[str]:
    stale = sum(count for (_, reason), count in tally.rejected.items() if reason == "StaleTimestamp")
    found = [f"{name}: unverified requests are accepted (allow_unverified)" for name in unverified]
    if not len(handlers):
        found.append("no handler is registered: events are stored and marked unhandled")
    if lag > LAG_LIMIT:
        found.append(f"the oldest pending event has waited {lag:.0f} s")
    if counts.dead_letters:
        found.append(f"{counts.dead_letters} dead letters: see `moderation-ai dead-letters list`")
    if stale >= STALE_LIMIT:
        found.append(f"{stale} requests had a stale time: compare this machine's clock with a time server")
    if tally.busy:
        found.append(f"{tally.busy} requests were answered 503 because the store could not take them")
    return found


def _flat(counter: Mapping[Any, int]) -> dict[str, int]:
    return {":".join(str(part) for part in key): count for key, count in counter.items()}
