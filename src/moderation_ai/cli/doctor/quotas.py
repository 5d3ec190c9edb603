"""Checks of quotas: how much of each documented limit is used, by polling and by acting together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from moderation_ai.cli.doctor.findings import Finding, ok, warning
from moderation_ai.core.platform import Platform
from moderation_ai.pipeline.acting.driving import allowance_of
from moderation_ai.stores.ledger import APP, Spent

NEARLY = 0.9
"""The share of a limit from which on it deserves a look."""
_SHARED = ("account", "app")


def check_quotas(
    spent: Iterable[Spent], platforms: Mapping[str, Platform], factors: Mapping[str, float]
) -> Iterator[Finding]:
    """Yield for each account the limit that is used most; ``factors`` are how many times the limits were granted."""
    used: dict[str, list[tuple[float, str]]] = {}
    for one in spent:
        platform = platforms.get(one.platform)
        limit = limits_of(platform).get(one.name) if platform is not None else None
        if limit is not None:
            granted = max(1, int(limit * factors.get(one.platform, 1.0)))
            name = one.platform if one.account in ("", APP) else f"{one.platform}/{one.account}"
            what, _, seconds = one.name.rpartition("/")
            whose = f"for each {what}" if what in _SHARED else f"of the call {what}"
            says = f"{one.units} of {granted} in {seconds} s {whose}"
            used.setdefault(name, []).append((one.units / granted, says))
    for name, shares in sorted(used.items()):
        share, says = max(shares)
        if share >= NEARLY:
            advice = "what is left over is done later; poll less often, or set limits_factor if you were granted more"
            yield warning("quota", f"{name}: {share:.0%} used ({says})", advice)
        else:
            yield ok("quota", f"{name}: {share:.0%} used ({says})")


def limits_of(platform: Platform) -> dict[str, int]:
    """Return the documented limits of a platform by the names that they are counted under."""
    return {
        allowance_of(call, limit): limit.units
        for call in platform.api.calls
        for limit in (*call.limits, *platform.api.limits)
    }
