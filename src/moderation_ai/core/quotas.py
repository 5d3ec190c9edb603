"""Quotas: what the polls of a platform's feeds cost in a day, against its documented limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.polling import Feed

DAY = 86_400.0


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one feed's polls cost in a day by one call: how often it is made, and how many units that takes."""

    feed: str
    call: str
    calls: float
    units: float


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one documented limit the polls use: ``units`` in the limit's period, of all calls or of one."""

    limit: Limit
    call: str = ""
    units: float

    @property
    def of_limit(self) -> float:
        """Return the share of the limit that is used: 1 is all of it."""
        return self.units / self.limit.units


def costs_of(api: Api, feeds: Sequence[Feed]) -> tuple[Cost, ...]:
    """Return what each feed costs in a day, call by call."""
    return tuple(cost for feed in feeds for cost in _costs(api, feed))


def _costs(api: Api, feed: Feed) -> Iterator[Cost]:
    for name, times in feed.calls.items():
        calls = DAY / feed.interval * times
        yield Cost(feed=feed.key, call=name, calls=calls, units=calls * api.call(name).cost)


def shares_of(api: Api, feeds: Sequence[Feed]) -> tuple[Share, ...]:
    """Return how much of each documented limit the feeds use together: the calls' own, then those of all calls."""
    costs = costs_of(api, feeds)
    found = [
        _share(limit, [cost for cost in costs if cost.call == name], name)
        for name in dict.fromkeys(cost.call for cost in costs)
        for limit in api.call(name).limits
    ]
    return (*found, *(_share(limit, costs) for limit in api.limits))


def _share(limit: Limit, costs: Sequence[Cost], call: str = "") -> Share:
    units = sum(cost.units for cost in costs)
    return Share(limit=limit, call=call, units=units * limit.seconds / DAY)
