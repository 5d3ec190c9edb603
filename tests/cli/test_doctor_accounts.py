"""The doctor's checks of accounts: what is well is shown, what is wrong comes with advice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.cli.doctor.accounts import check_accounts, polled_accounts
from moderation_ai.cli.doctor.findings import Finding
from moderation_ai.cli.doctor.quotas import check_quotas, limits_of
from moderation_ai.core.access import Access, Watch
from moderation_ai.core.coverage import Coverage
from moderation_ai.core.flows import Session
from moderation_ai.core.subscribing import ACTIVE, PENDING, REGISTERED, Subscription
from moderation_ai.pipeline.watching.standing import FeedStanding, Standing
from moderation_ai.platforms import all_platforms, find_platform
from moderation_ai.stores.ledger import APP, Spent
from tests.pipeline.board import Board
from tests.stores.making import NOW, after

FEED = FeedStanding(feed="comments", polled_at=NOW - timedelta(seconds=40), next_at=after(20))
HOOK = Subscription(
    id="s1",
    url="https://x",
    platform="board",
    status=ACTIVE,
    expires_at=after(3 * 86_400),
    last_event_at=NOW - timedelta(hours=5),
)
WELL = Standing(platform="board", account="", feeds=[FEED], coverage=0.98, compared=50, subscriptions=[HOOK])
POLLED = frozenset({("board", "")})


def checks(standing: Standing | None = WELL, **changes: Any) -> list[Finding]:
    found = [replace(standing, **changes)] if standing is not None else []
    return list(check_accounts(found, POLLED, NOW))


def test_an_account_that_is_well_has_a_line_for_each_side_of_it() -> None:
    assert [(each.check, each.status, each.message) for each in checks()] == [
        ("polling", "ok", "board: 1 feed, the last page 40 s ago"),
        ("coverage", "ok", "board: 98% of 50 comments of the last 24 hours were pushed"),
        ("subscription", "ok", "board: s1 is active, 3 d left, something came 5 h ago"),
    ]


@pytest.mark.parametrize(
    ("changes", "check", "status", "said"),
    [
        ({"push_silent": True}, "coverage", "failure", "pushes nothing"),
        ({"coverage": 0.5}, "coverage", "warning", "50%"),
        (
            {"feeds": [replace(FEED, error="no", cause="CredentialsRejected", failing_since=NOW)]},
            "polling",
            "failure",
            "cannot be polled since",
        ),
        ({"feeds": [replace(FEED, error="no way", cause="X", failing_since=NOW)]}, "polling", "warning", "no way"),
        ({"feeds": [replace(FEED, next_at=NOW - timedelta(hours=1))]}, "polling", "warning", "polled by nobody"),
        ({"feeds": [replace(FEED, gap_at=NOW)]}, "polling", "warning", "more was written"),
        ({"subscriptions": [replace(HOOK, expires_at=NOW)]}, "subscription", "failure", "does not deliver"),
        ({"subscriptions": [replace(HOOK, status=PENDING)]}, "subscription", "warning", "pending"),
        ({"subscriptions": [replace(HOOK, status=REGISTERED)]}, "subscription", "warning", "registered"),
    ],
)
def test_what_is_wrong_is_told_with_advice(changes: dict[str, Any], check: str, status: str, said: str) -> None:
    found = [each for each in checks(**changes) if each.check == check and each.status != "ok"]
    assert [each.status for each in found] == [status]
    assert said in found[0].message
    assert found[0].advice


def test_an_account_that_nobody_has_ever_polled_is_named() -> None:
    [finding] = checks(None)
    assert (finding.check, finding.status, finding.message) == (
        "polling",
        "warning",
        "board was never polled",
    )


def test_polled_are_the_accounts_that_have_feeds() -> None:
    watch = Watch(access=Access(platform=Board(), account="b", session=Session(access_token="t")), watched=("a",))
    without_cap = Watch(access=Access(platform=find_platform("twitter"), session=Session(access_token="t")))
    of_unknown_id = Watch(access=Access(platform=find_platform("instagram"), session=Session(access_token="t")))
    assert polled_accounts([watch, without_cap, of_unknown_id]) == {("board", "b"), ("instagram", "")}


def test_coverage_that_was_never_compared_is_not_shown() -> None:
    assert Coverage(since=NOW).recent(NOW) == ()
    assert [each.check for each in checks(coverage=None, compared=0)] == ["polling", "subscription"]


def test_of_each_account_the_limit_that_is_used_most_is_shown() -> None:
    reddit = all_platforms()["reddit"]
    (name, units), *_ = limits_of(reddit).items()
    spent = [
        Spent(platform="reddit", account=APP, name=name, units=units // 2),
        Spent(platform="reddit", account="mod", name=name, units=units),
        Spent(platform="reddit", account="mod", name="gone/60", units=5),
        Spent(platform="unheard-of", account="", name=name, units=5),
    ]
    app, mod = check_quotas(spent, all_platforms(), {})
    assert (app.check, app.status, app.message[:16]) == ("quota", "ok", "reddit: 50% used")
    assert (mod.status, mod.message[:21]) == ("warning", "reddit/mod: 100% used")
    assert all(each.status == "ok" for each in check_quotas(spent, all_platforms(), {"reddit": 2.0}))


def test_a_limit_of_one_call_names_the_call() -> None:
    (found,) = check_quotas([Spent(platform="twitter", account="", name="me/900", units=7)], all_platforms(), {})
    assert found.message == "twitter: 9% used (7 of 75 in 900 s of the call me)"
