"""Standing: how each account stands with its platform: polled, pushed to, subscribed; and what is wrong."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from moderation_ai.core.errors import CredentialsRejected
from moderation_ai.core.subscribing import ACTIVE, DENIED, EXPIRED, INVALID, PENDING, Subscription
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import Cursor

FAILING = timedelta(minutes=5)
"""How long a feed may fail before health says so; a token that is refused is told of at once."""
LATE = timedelta(minutes=5)
"""How long after it was due a feed may wait before nobody seems to poll it."""
OPEN = timedelta(hours=1)
"""How long a platform may leave it open whether it posts to us."""
GAP = timedelta(hours=24)
"""For how long health tells that something was written that polling never saw."""
COVERED, COMPARED = 0.9, 10
"""The share that push has to tell of, once so many comments were compared in the last 24 hours."""


class Problem(NamedTuple):
    """One thing that is wrong: a word for programs, a sentence for people."""

    cause: str
    text: str


class FeedStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How one polled feed stands; times are aware UTC, ``events`` counts what polling told first."""

    feed: str
    polled_at: datetime | None = None
    next_at: datetime | None = None
    error: str | None = None
    cause: str | None = None
    failing_since: datetime | None = None
    events: int = 0
    gap_at: datetime | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one account stands; ``account`` is empty for a platform's own.

    ``coverage`` is the share of what polling saw that push had told of in the last 24 hours, 0 to 1, None where nothing
    was compared; ``pushed`` and ``missed`` are the counts of all time.
    """

    platform: str
    account: str
    feeds: list[FeedStanding] = []
    push_silent: bool = False
    coverage: float | None = None
    compared: int = 0
    pushed: int = 0
    missed: int = 0
    subscriptions: list[Subscription] = []

    @property
    def name(self) -> str:
        """Return ``platform``, or ``platform/account``."""
        return f"{self.platform}/{self.account}" if self.account else self.platform


async def read_standings(store: Store, polled: Container[tuple[str, str]], now: datetime) -> list[Standing]:
    """Return how every account stands that is polled or subscribed, by name; raise ``StoreError``.

    ``polled`` are the accounts that are configured, platform and account: others were, and are left out, as are feeds
    that nobody waits for any more.
    """
    cursors = [
        one for one in await store.cursors() if (one.platform, one.account) in polled and one.next_at is not None
    ]
    subscriptions = await store.subscriptions()
    names = {(one.platform, one.account) for one in cursors}
    names |= {(one.platform, one.account or "") for one in subscriptions}
    return [
        standing_of(
            name,
            [one for one in cursors if (one.platform, one.account) == name],
            [one for one in subscriptions if (one.platform, one.account or "") == name],
            now,
        )
        for name in sorted(names)
    ]


def standing_of(
    name: tuple[str, str],
    cursors: Sequence[Cursor],
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> Standing:
    """Return how one account stands."""
    coverages = [one.coverage for one in cursors if one.coverage is not None]
    hours = [hour for one in coverages for hour in one.recent(now)]
    pushed, missed = sum(hour.pushed for hour in hours), sum(hour.missed for hour in hours)
    return Standing(
        platform=name[0],
        account=name[1],
        feeds=[_feed(one) for one in cursors],
        push_silent=any(one.is_silent(now) for one in coverages),
        coverage=round(pushed / (pushed + missed), 4) if pushed + missed else None,
        compared=pushed + missed,
        pushed=sum(one.pushed for one in coverages),
        missed=sum(one.missed for one in coverages),
        subscriptions=list(subscriptions),
    )


def _feed(cursor: Cursor) -> FeedStanding:
    names = [field for field in FeedStanding.__struct_fields__ if field != "feed"]
    return FeedStanding(feed=cursor.feed, **{name: getattr(cursor, name) for name in names})


def problems_of(standings: Iterable[Standing], now: datetime) -> Iterator[Problem]:
    """Yield what is wrong with accounts."""
    for one in standings:
        yield from _push_problems(one)
        yield from _poll_problems(one, now)
        yield from _subscription_problems(one, now)


def _push_problems(one: Standing) -> Iterator[Problem]:
    if one.push_silent:
        advice = f"polling has them; see the subscription: `moderation-ai webhooks list {one.platform}`"
        yield Problem(f"push_silent:{one.name}", f"{one.name} pushes nothing while comments are written: {advice}")
    elif one.coverage is not None and one.coverage < COVERED and one.compared >= COMPARED:
        advice = "polling has the others; see docs/coverage.md"
        yield Problem(f"coverage:{one.name}", f"{one.name} pushes {one.coverage:.0%} of what is written: {advice}")


def _poll_problems(one: Standing, now: datetime) -> Iterator[Problem]:
    failing = [
        feed
        for feed in one.feeds
        if feed.failing_since is not None
        and (feed.cause == CredentialsRejected.__name__ or now - feed.failing_since > FAILING)
    ]
    if failing:
        since = min(feed.failing_since for feed in failing if feed.failing_since is not None)
        feeds = ", ".join(feed.feed for feed in failing)
        says = f"{one.name} cannot be polled since {since:%Y-%m-%d %H:%M} UTC ({feeds}): {failing[0].error}"
        yield Problem(f"polling:{one.name}", says)
    late = [feed.feed for feed in one.feeds if feed.next_at is not None and now - feed.next_at > LATE]
    if late:
        advice = "see that a `serve` that works (role all or worker) runs"
        yield Problem(f"poll_late:{one.name}", f"{one.name} is polled by nobody ({', '.join(late)}): {advice}")
    gaps = [feed for feed in one.feeds if feed.gap_at is not None and now - feed.gap_at < GAP]
    if gaps:
        advice = "poll more often, or watch less"
        feeds = ", ".join(feed.feed for feed in gaps)
        yield Problem(f"gap:{one.name}", f"{one.name}: more was written than could be asked for ({feeds}): {advice}")


def _subscription_problems(one: Standing, now: datetime) -> Iterator[Problem]:
    lost = [each for each in one.subscriptions if each.status in (INVALID, DENIED, EXPIRED) or _is_over(each, now)]
    lost += [each for each in one.subscriptions if _is_open(each, now)]
    if lost:
        reasons = "; ".join(dict.fromkeys(each.reason or each.status for each in lost))
        advice = "`moderation-ai webhooks list` shows it, `webhooks renew` asks again"
        yield Problem(f"subscription:{one.name}", f"{one.name}: a subscription does not deliver ({reasons}): {advice}")


def _is_over(subscription: Subscription, now: datetime) -> bool:
    ends = subscription.expires_at
    return subscription.status == ACTIVE and ends is not None and ends <= now


def _is_open(subscription: Subscription, now: datetime) -> bool:
    """Say whether a platform has not confirmed for long what we asked it for."""
    made = subscription.created_at
    return subscription.status == PENDING and made is not None and now - made > OPEN
