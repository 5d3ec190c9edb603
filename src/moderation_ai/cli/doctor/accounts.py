"""Checks of accounts: whether each is polled, pushed to, subscribed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.printing import plural
from moderation_ai.core.access import Watch
from moderation_ai.core.subscribing import ACTIVE, LEAVING, REGISTERED
from moderation_ai.pipeline.polling.poller import feeds_of
from moderation_ai.pipeline.watching.standing import Problem, Standing, problems_of

_ADVICE = {
    "polling": "a token that is refused needs the account authorised again; the rest is tried again by itself",
    "poll_late": "see that `moderation-ai serve` runs with a worker (role all or worker)",
    "gap": "set a shorter platforms.NAME.poll_interval, or watch less with one account",
    "push_silent": "`moderation-ai webhooks list` shows the subscription; `webhooks renew` asks for it again",
    "coverage": "docs/coverage.md tells what is compared; polling has what push did not tell",
    "subscription": "`moderation-ai webhooks list` says why, `webhooks renew` asks again",
}
_NOTED = (
    "set what it lacks and run `moderation-ai webhooks sync`, or tell the platform by hand; "
    "`webhooks delete PLATFORM ID` takes the note away"
)
_SERIOUS = ("polling", "push_silent", "subscription")


def polled_accounts(watches: Sequence[Watch]) -> frozenset[tuple[str, str]]:
    """Return which accounts are polled: platform and account; raise ``ConfigurationError``."""
    return frozenset((each.access.platform.name, each.access.account) for each in watches if feeds_of(each))


def check_accounts(
    standings: Sequence[Standing], polled: frozenset[tuple[str, str]], now: datetime
) -> Iterator[Finding]:
    """Yield how every account stands."""
    known = {(one.platform, one.account) for one in standings if one.feeds}
    for platform, account in sorted(polled - known):
        name = f"{platform}/{account}" if account else platform
        yield warning("polling", f"{name} was never polled", _ADVICE["poll_late"])
    for one in standings:
        problems = {problem.cause.partition(":")[0]: problem for problem in problems_of([one], now)}
        yield from map(_wrong, problems.values())
        yield from _well(one, set(problems), now)


def _wrong(problem: Problem) -> Finding:
    kind = problem.cause.partition(":")[0]
    check = {"poll_late": "polling", "gap": "polling", "push_silent": "coverage"}.get(kind, kind)
    return (failure if kind in _SERIOUS else warning)(check, problem.text, _ADVICE[kind])


def _well(one: Standing, wrong: set[str], now: datetime) -> Iterator[Finding]:
    """Yield what is well with an account."""
    times = [feed.polled_at for feed in one.feeds if feed.polled_at is not None]
    failing = [feed for feed in one.feeds if feed.failing_since is not None and feed.error is not None]
    if failing and "polling" not in wrong:
        names = ", ".join(feed.feed for feed in failing)
        yield warning("polling", f"{one.name}: {names} could not be read: {failing[0].error}", _ADVICE["polling"])
    elif times and not wrong & {"polling", "poll_late"}:
        yield ok("polling", f"{one.name}: {plural(len(one.feeds), 'feed')}, the last page {_ago(max(times), now)}")
    if one.coverage is not None and not wrong & {"push_silent", "coverage"}:
        compared = plural(one.compared, "comment")
        yield ok("coverage", f"{one.name}: {one.coverage:.0%} of {compared} of the last 24 hours were pushed")
    for each in one.subscriptions if "subscription" not in wrong else ():
        left = f", {_span(each.expires_at - now)} left" if each.expires_at is not None else ""
        heard = f", something came {_ago(each.last_event_at, now)}" if each.last_event_at is not None else ""
        why = f" ({each.reason})" if each.reason else ""
        says = f"{one.name}: {each.id} is {each.status}{left}{heard}{why}"
        if each.status in (ACTIVE, LEAVING):
            yield ok("subscription", says)
        elif each.status == REGISTERED:
            yield warning("subscription", says, _NOTED)
        else:
            yield warning("subscription", says, "`moderation-ai webhooks sync` makes it what the configuration says")


def _ago(when: datetime, now: datetime) -> str:
    return f"{_span(now - when)} ago"


def _span(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
