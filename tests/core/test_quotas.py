"""What polling costs, against the documented limits."""

from __future__ import annotations

import pytest

from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call
from moderation_ai.core.polling import Feed
from moderation_ai.core.quotas import costs_of, shares_of

DAY_LIMIT = Limit(units=10_000, seconds=86_400, shared_by="app")
QUARTER = Limit(units=450, seconds=900, shared_by="call")
LIST = Call(name="list", method="GET", url="https://a.example.org/list", cost=5, limits=(QUARTER,), source="https://a")
LOOK = Call(name="look", method="GET", url="https://a.example.org/look", source="https://a")
API = Api(calls=(LIST, LOOK), limits=(DAY_LIMIT,))
FEED = Feed(name="new", of="x", interval=60, calls={"list": 1, "look": 0.5})


def test_a_feed_costs_what_its_interval_and_the_rows_of_its_calls_say() -> None:
    costs = {cost.call: (cost.calls, cost.units) for cost in costs_of(API, [FEED])}
    assert costs == {"list": (1440.0, 7200.0), "look": (720.0, 720.0)}


def test_the_share_of_a_limit_counts_all_feeds_together() -> None:
    of_list, of_all = shares_of(API, [FEED, Feed(name="other", interval=120, calls={"look": 1})])
    assert (of_list.call, of_list.units) == ("list", 75.0)
    assert of_list.of_limit == pytest.approx(75 / 450)
    assert of_all.of_limit == pytest.approx((7200 + 720 + 720) / 10_000)


def test_nothing_costs_nothing() -> None:
    assert costs_of(API, []) == ()
    assert [share.of_limit for share in shares_of(API, [])] == [0.0]
