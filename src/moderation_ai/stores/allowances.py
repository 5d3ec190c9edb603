"""The ledger's verbs of allowances, as SQL that both dialects understand: what was spent, in tenths of a period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from moderation_ai.stores.ledger import APP, Spending, Spent
from moderation_ai.stores.sqlverbs import Rows, Verb
from moderation_ai.stores.times import to_micros, to_time

_TENTHS = 10


def spend(platform: str, account: str, costs: Sequence[Spending], now: datetime) -> Verb[datetime | None]:
    """Take units of allowances, all or none; return None, or when to ask again."""
    of = [(APP if cost.by_app else account, cost) for cost in costs]
    for owner in sorted({owner for owner, _ in of}):  # in one order, so that no two wait for each other
        yield from _lock(platform, owner)
    at = to_micros(now)
    free_at = 0
    for owner, cost in of:
        rows = yield (
            "SELECT slot, units FROM {s}spending WHERE platform = $1 AND account = $2 AND name = $3 AND slot >= $4 "
            "ORDER BY slot",
            (platform, owner, cost.name, _slot(at, cost) - _TENTHS),
        )
        free_at = max(free_at, _free_at(rows, cost))
    if free_at:
        return to_time(free_at)
    for owner, cost in of:
        yield (
            "DELETE FROM {s}spending WHERE platform = $1 AND account = $2 AND name = $3 AND slot < $4",
            (platform, owner, cost.name, _slot(at, cost) - _TENTHS),
        )
        yield (
            "INSERT INTO {s}spending AS t (platform, account, name, slot, units) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (platform, account, name, slot) DO UPDATE SET units = t.units + excluded.units",
            (platform, owner, cost.name, _slot(at, cost), cost.units),
        )
    return None


def _lock(platform: str, account: str) -> Verb[None]:
    """Let nobody else spend of an account until the transaction ends."""
    who = (platform, account)
    yield "INSERT INTO {s}outboxes (platform, account) VALUES ($1, $2) ON CONFLICT (platform, account) DO NOTHING", who
    yield "SELECT 1 FROM {s}outboxes WHERE platform = $1 AND account = $2 {lock}", who


def spent(now: datetime) -> Verb[list[Spent]]:
    """Return what was spent of each allowance in the period that ends now; its name ends in the period's seconds."""
    rows = yield "SELECT platform, account, name, slot, units FROM {s}spending ORDER BY platform, account, name", ()
    at, sums = to_micros(now), dict[tuple[str, str, str], int]()
    for platform, account, name, slot, units in rows:
        seconds = name.rpartition("/")[2]
        tenth = int(seconds) * 1_000_000 // _TENTHS if seconds.isdigit() else at
        if slot >= at // tenth - _TENTHS:
            sums[platform, account, name] = sums.get((platform, account, name), 0) + units
    return [Spent(platform=key[0], account=key[1], name=key[2], units=units) for key, units in sums.items()]


def _tenth(cost: Spending) -> int:
    return cost.seconds * 1_000_000 // _TENTHS


def _slot(at: int, cost: Spending) -> int:
    return at // _tenth(cost)


def _free_at(rows: Rows, cost: Spending) -> int:
    """Return 0 if the units are there, else when enough of what was spent has left the period."""
    over = sum(units for _, units in rows) + min(cost.units, cost.limit) - cost.limit
    for slot, units in rows:
        if over <= 0:
            break
        over -= units
        if over <= 0:
            return int(slot + _TENTHS + 1) * _tenth(cost)
    return 0
