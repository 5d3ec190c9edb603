"""Health: what is stored and what waits, for how long, and what is wrong; read by people, probes and doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from moderation_ai.core.sources import Source
from moderation_ai.pipeline.credentials.authorising import Authorisation, refusals
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.standing import Problem, Standing, problems_of
from moderation_ai.stores.base import Counts
from moderation_ai.stores.ledger import Waiting

LAG_LIMIT = 300.0
"""Seconds that the oldest pending event may wait before health says so."""
OUTBOX_LIMIT = 900.0
"""Seconds that the oldest action may wait to be sent: the longest short period of platforms' limits."""
STALE_LIMIT = 5
"""Refused signed times, of late, after which our own clock comes under suspicion."""
MISMATCH_LIMIT = 5
"""Refused signatures of a platform, of late and with none that was right, after which its secret does."""
RECENT = timedelta(minutes=10)
"""What counts as of late: a trouble that is over is forgotten after that."""
SIGNATURE_CAUSES = {"MissingSignature": "missing", "InvalidSignature": "mismatch", "StaleTimestamp": "stale"}
"""Classes of refusal that concern a signature, and what they are called here."""


class Health(msgspec.Struct, kw_only=True):
    """The state of one gateway: ``ok`` or ``degraded`` with the reasons, and the figures behind it.

    ``causes`` are the reasons as short fixed words, in the order of ``problems``. What is counted is this process's,
    since ``since``; ``counts`` is the store's. ``signature_failures`` are by platform and cause: ``missing``,
    ``mismatch`` (or malformed), ``stale``. ``silent_seconds`` says for how long a platform has sent nothing.
    ``outboxes`` says of each account that is acted with what waits to be sent there, and what a person has to look at.
    ``accounts`` are those that are polled or subscribed, with their feeds and subscriptions.
    """

    status: str
    problems: list[str]
    causes: list[str]
    counts: Counts
    lag_seconds: float
    handlers: list[str]
    unhandled_types: dict[str, int]
    accepted: dict[str, int]
    duplicates: dict[str, int]
    ignored: dict[str, int]
    rejected: dict[str, int]
    signature_failures: dict[str, dict[str, int]]
    stale_rejections: int
    matched_secrets: dict[str, int]
    last_received: dict[str, datetime]
    silent_seconds: dict[str, float]
    unverified: list[str]
    outboxes: list[Waiting]
    accounts: list[Standing]
    since: datetime | None
    now: datetime


class Evidence(NamedTuple):
    """Everything that health is judged by."""

    counts: Counts
    tally: Tally
    handlers: Handlers
    sources: Mapping[str, Source]
    silence_after: Mapping[str, float]
    now: datetime
    moderates: bool = False
    outboxes: Sequence[Waiting] = ()
    standings: Sequence[Standing] = ()
    tokens: Sequence[Authorisation] = ()

    @property
    def lag(self) -> float:
        """Return how many seconds the oldest pending event has waited."""
        oldest = self.counts.oldest_pending_at
        return max(0.0, (self.now - oldest).total_seconds()) if oldest else 0.0

    @property
    def unverified(self) -> list[str]:
        """Return the sources that accept what nobody signed."""
        return sorted(name for name, source in self.sources.items() if source.credential.allow_unverified)

    @property
    def silence(self) -> dict[str, float]:
        """Return for how many seconds each platform has sent nothing: those that ever did, and those with a limit."""
        since = dict.fromkeys(self.silence_after, self.tally.began_at) | dict(self.tally.last_received)
        return {
            name: max(0.0, round((self.now - last).total_seconds(), 3))
            for name, last in since.items()
            if last is not None
        }


def assess(
    counts: Counts,
    tally: Tally,
    handlers: Handlers,
    sources: Mapping[str, Source],
    now: datetime,
    *,
    silence_after: Mapping[str, float] | None = None,
    moderates: bool = False,
    outboxes: Sequence[Waiting] = (),
    standings: Sequence[Standing] = (),
    tokens: Sequence[Authorisation] = (),
) -> Health:
    """Return the health that counts, counters and configuration amount to.

    ``silence_after`` are limits in seconds by platform, over those of the sources; ``moderates`` says that what
    arrives is judged by a policy, so that no other handler is needed. ``outboxes`` are the store's,
    ``standings`` the accounts, ``tokens`` what is known of theirs.
    """
    limits = {each.platform.name: each.silence_after for each in sources.values() if each.silence_after is not None}
    silence_after = limits | dict(silence_after or {})
    evidence = Evidence(counts, tally, handlers, sources, silence_after, now, moderates, outboxes, standings, tokens)
    problems = list(_problems(evidence))
    return Health(
        status="degraded" if problems else "ok",
        problems=[problem.text for problem in problems],
        causes=[problem.cause for problem in problems],
        counts=counts,
        lag_seconds=round(evidence.lag, 3),
        handlers=handlers.names(),
        unhandled_types=dict(tally.unhandled),
        accepted=dict(tally.accepted),
        duplicates=dict(tally.duplicates),
        ignored=_flat(tally.ignored),
        rejected=_flat(tally.rejected),
        signature_failures=_signature_failures(tally),
        stale_rejections=_stale(tally),
        matched_secrets=_flat(tally.matched),
        last_received=dict(tally.last_received),
        silent_seconds=evidence.silence,
        unverified=evidence.unverified,
        outboxes=list(outboxes),
        accounts=list(standings),
        since=tally.began_at,
        now=now,
    )


def _problems(evidence: Evidence) -> Iterator[Problem]:
    for name in evidence.unverified:
        yield Problem(f"unverified:{name}", f"{name}: unverified requests are accepted (allow_unverified)")
    if not len(evidence.handlers) and not evidence.moderates:
        yield Problem("no_handler", "no handler is registered: events are stored and marked unhandled")
    if evidence.lag > LAG_LIMIT:
        yield Problem("lag", f"the oldest pending event has waited {evidence.lag:.0f} s")
    if evidence.counts.dead_letters:
        found = evidence.counts.dead_letters
        yield Problem("dead_letters", f"{found} dead letters: see `moderation-ai dead-letters list`")
    yield from _outbox_problems(evidence)
    for name, text in refusals(evidence.tokens):
        yield Problem(f"authorise:{name}", text)
    yield from _recent_problems(evidence)
    yield from problems_of(evidence.standings, evidence.now)
    usual = {name: limit for name, rhythm in evidence.tally.rhythms.items() if (limit := rhythm.limit()) is not None}
    for name, limit in sorted((usual | dict(evidence.silence_after)).items()):
        if (seconds := evidence.silence.get(name, 0.0)) > limit:
            advice = "see its dashboard, and `moderation-ai doctor`"
            yield Problem(f"silence:{name}", f"{name} has sent nothing for {seconds:.0f} s: {advice}")


def _outbox_problems(evidence: Evidence) -> Iterator[Problem]:
    """Yield what hinders acting: what waits for long, and what only a person can settle."""
    for outbox in evidence.outboxes:
        name = f"{outbox.platform}/{outbox.account}" if outbox.account else outbox.platform
        if (seconds := seconds_waiting(outbox, evidence.now)) > OUTBOX_LIMIT:
            why = f": {outbox.reason}" if outbox.reason else ""
            text = f"{name}: {outbox.open} actions wait to be sent, the oldest for {seconds:.0f} s{why}"
            yield Problem(f"outbox:{name}", text)
        for status, number in (("uncertain", outbox.uncertain), ("dead", outbox.dead)):
            if number:
                advice = f"see `moderation-ai actions list --status {status}`"
                yield Problem(f"actions_{status}:{name}", f"{name}: {number} actions are {status}: {advice}")


def seconds_waiting(outbox: Waiting, now: datetime) -> float:
    """Return for how many seconds the oldest action of an outbox has waited."""
    return max(0.0, (now - outbox.oldest_at).total_seconds()) if outbox.oldest_at else 0.0


def _recent_problems(evidence: Evidence) -> Iterator[Problem]:
    """Yield what went wrong at the door of late."""
    tally, begin = evidence.tally, evidence.now - RECENT
    if (stale := tally.stale.since(begin)) >= STALE_LIMIT:
        advice = "compare this machine's clock with a time server"
        yield Problem("stale", f"{stale} requests had a stale time: {advice}")
    for name, recent in sorted(tally.mismatched.items()):
        last = tally.last_verified.get(name)
        if (refused := recent.since(begin)) >= MISMATCH_LIMIT and (last is None or last < begin):
            advice = "compare the secret with the platform's"
            yield Problem(f"signatures:{name}", f"{name}: {refused} signatures were wrong and none was right: {advice}")
    if busy := tally.turned_away.since(begin):
        yield Problem("busy", f"{busy} requests were answered 503 because the store could not take them")


def _signature_failures(tally: Tally) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (platform, reason), count in list(tally.rejected.items()):
        if reason in SIGNATURE_CAUSES:
            found.setdefault(platform, {})[SIGNATURE_CAUSES[reason]] = count
    return found


def _stale(tally: Tally) -> int:
    return sum(count for (_, reason), count in list(tally.rejected.items()) if reason == "StaleTimestamp")


def _flat(counter: Mapping[Any, int]) -> dict[str, int]:
    return {":".join(str(part) for part in key): count for key, count in list(counter.items())}
