"""Checks of what became of events: handlers that are missing, kinds that nobody takes, dead letters, lag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.printing import plural
from moderation_ai.core.routing import takes
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.handling.handlers import MODERATION, Handlers
from moderation_ai.pipeline.watching.health import LAG_LIMIT, OUTBOX_LIMIT, seconds_waiting
from moderation_ai.stores.base import Counts, EventFilter, Store
from moderation_ai.stores.ledger import Waiting

_LOOKED_AT = 1000
"""Unhandled events that are looked at, from the newest on."""
AHEAD = timedelta(minutes=2)
"""How far an event may have been received in the future before the clock is suspect."""
RELEASED = datetime.fromisoformat("2026-11-01T00:00:00Z")
"""No clock that is right shows an earlier time: this program did not exist then."""


async def check_events(store: Store, handlers: Handlers, now: datetime) -> list[Finding]:
    """Return what there is to say of the events in the store."""
    counts = await store.counts()
    letters = await store.dead_letters(EventFilter())
    unhandled = await store.events(EventFilter(status="unhandled"), limit=_LOOKED_AT)
    return [
        check_clock(counts.last_received_at, now),
        check_lag(counts, now),
        *check_dead_letters([letter.handler for letter in letters], handlers),
        *check_unhandled([event.event_type for event in unhandled], handlers),
        *check_outboxes(await store.outboxes(), now),
        *check_subscriptions(await store.subscriptions()),
    ]


def check_clock(last_received_at: datetime | None, now: datetime) -> Finding:
    """Return whether the machine's clock can be right."""
    advice = "set this machine's clock by a time server: signed times are compared with it"
    if now < RELEASED:
        return failure("clock", f"it shows {now:%Y-%m-%d %H:%M} UTC, before this program was made", advice)
    if last_received_at is not None and last_received_at - now > AHEAD:
        return failure("clock", f"the newest event was received in the future, at {last_received_at:%H:%M} UTC", advice)
    return ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def check_lag(counts: Counts, now: datetime) -> Finding:
    """Return whether events wait for long."""
    pending = counts.by_status.get("pending", 0)
    oldest = counts.oldest_pending_at
    seconds = (now - oldest).total_seconds() if oldest else 0.0
    message = f"{plural(counts.total, 'event')}, {pending} pending"
    if seconds > LAG_LIMIT:
        return warning(
            "lag",
            f"{message}, the oldest for {seconds:.0f} s",
            "see that `moderation-ai serve` runs, and that no handler hangs or fails again and again",
        )
    return ok("lag", message)


def check_dead_letters(names: Iterable[str], handlers: Handlers) -> Iterator[Finding]:
    """Yield whether there are dead letters, and whose handler is not there any more."""
    by_handler = Counter(names)
    if not by_handler:
        yield ok("dead letters", "none")
    for name, count in by_handler.most_common():
        gone = len(handlers) > 0 and handlers.named(name) is None and name != MODERATION
        hint = "; no handler has that name any more" if gone else ""
        give = "`moderation-ai dead-letters list` shows why; mend it, then `dead-letters retry` or `dead-letters drop`"
        renamed = f"give a handler name={name!r} again, or `moderation-ai dead-letters drop --handler {name}`"
        yield warning("dead letters", f"{name}: {count}{hint}", renamed if gone else give)


def check_unhandled(event_types: Iterable[str], handlers: Handlers) -> Iterator[Finding]:
    """Yield the kinds that arrived and that no handler took."""
    kinds = Counter(event_types)
    if not kinds:
        yield ok("unhandled", "every event found a handler")
    for kind, count in kinds.most_common():
        patterns = [pattern for name in handlers.names() if (one := handlers.named(name)) for pattern in one.patterns]
        if any(takes(pattern, kind) for pattern in patterns):
            advice = f"a handler takes them now: `moderation-ai events replay --status unhandled --type {kind}`"
        else:
            advice = f'register one: @handler.on("{kind}"); or leave it, they are kept'
        yield warning("unhandled", f"{kind}: {count} arrived and no handler took them", advice)


def check_outboxes(outboxes: Iterable[Waiting], now: datetime) -> Iterator[Finding]:
    """Yield how the outbox of each account stands that was ever acted with."""
    for one in outboxes:
        name = f"outbox {one.platform}{f'/{one.account}' if one.account else ''}"
        seconds = seconds_waiting(one, now)
        message = f"{plural(one.open, 'action')} to be sent, the oldest for {seconds:.0f} s"
        is_paused = one.paused_until is not None and one.paused_until > now
        if seconds > OUTBOX_LIMIT:
            why = (
                f"paused until {one.paused_until:%H:%M:%S} UTC: {one.reason}" if is_paused else "see that `serve` runs"
            )
            yield warning(name, message, why)
        else:
            yield ok(name, message if one.open else "nothing waits")
        for status, number in (("uncertain", one.uncertain), ("dead", one.dead)):
            if number:
                advice = f"`moderation-ai actions list --status {status}`, then `actions dismiss` what was looked at"
                yield warning(name, f"{plural(number, 'action')} {status}", advice)


def check_subscriptions(subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Yield accounts that are registered more than once: their events come more than once."""
    urls: dict[tuple[str, str | None], set[str]] = {}
    for one in subscriptions:
        urls.setdefault((one.platform, one.account), set()).add(one.url)
    for (platform, account), several in sorted(urls.items(), key=str):
        if len(several) > 1:
            yield warning(
                "registrations",
                f"{platform}{f'/{account}' if account else ''} posts to {len(several)} addresses",
                "keep one; the same event from two of them is stored once, but costs twice",
            )
