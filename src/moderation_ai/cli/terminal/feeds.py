"""What polling a platform costs, as ``moderation-ai platforms --polling`` and the docs show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Platform
from moderation_ai.core.polling import Feed
from moderation_ai.core.quotas import costs_of, shares_of


def polling_rows(platform: Platform) -> Iterator[dict[str, Any]]:
    """Yield each feed of one account that watches one thing of each kind, and what its polls cost in a day."""
    feeds = _example_feeds(platform)
    costs = costs_of(platform.api, feeds)
    for feed in feeds:
        yield {
            "platform": platform.name,
            "feed": feed.key,
            "interval": feed.interval,
            "reconciles": feed.reconciles,
            "calls": {cost.call: round(cost.calls, 1) for cost in costs if cost.feed == feed.key},
            "units": round(sum(cost.units for cost in costs if cost.feed == feed.key)),
        }


def polling_shares(platform: Platform) -> Iterator[str]:
    """Yield, for people, how much of each documented limit these feeds use together."""
    for share in shares_of(platform.api, _example_feeds(platform)):
        what = f"of {share.call}" if share.call else "of all calls"
        limit = f"{share.limit.units} in {share.limit.seconds} s for each {share.limit.shared_by}"
        yield f"{share.of_limit:.1%} {what} ({share.units:.1f} of {limit})"


def print_polling(platform: Platform) -> None:
    """Print the feeds of a platform, and what they use of its limits."""
    for row in polling_rows(platform):
        calls = ", ".join(f"{name} {times:g}" for name, times in row["calls"].items())
        click.echo(f"  {row['feed']:<32} every {row['interval']:g} s; {row['units']} units a day ({calls})")
    for share in polling_shares(platform):
        click.echo(f"    uses   {share}")


def _example_feeds(platform: Platform) -> tuple[Feed, ...]:
    return platform.feeds(platform.watches, Session(access_token="", account_id="ACCOUNT"), spend_cap=1.0)
