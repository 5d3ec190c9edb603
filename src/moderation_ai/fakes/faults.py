"""Faults on order: one by one, or drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Literal, TypeVar, get_args

from moderation_ai.core.calls import Failure

T = TypeVar("T")

Fault = Literal["lost", "hangs", "fails", "limited", "limited_silently", "expired"]
"""``lost``: it is done, and the connection breaks before the answer. ``hangs``: it is done, and no answer comes while
the client waits. ``fails``: it is done, and the platform's 5xx is answered. ``limited``: nothing is done, with
``Retry-After``; ``limited_silently``: without. ``expired``: the access token ends before the call."""
Late = Literal["twice", "late", "out_of_order"]
"""What happens to a webhook: it comes twice; it is held back until ``release``; it comes after the next one."""
AFTER_EFFECT = ("lost", "hangs", "fails")
RETRY_AFTER = 7
"""Seconds that ``limited`` asks for."""


class Faults:
    """Tell which fault a call or a webhook meets next: what was ordered for it, else what the seed draws.

    ``odds`` are shares between 0 and 1 by fault: ``Faults(seed=7, odds={"fails": 0.1, "twice": 0.2})``.
    """

    def __init__(self, *, seed: int = 0, odds: Mapping[str, float] | None = None) -> None:
        """Keep the odds; raise ``ValueError`` for a fault that there is none of."""
        self._random = Random(seed)  # noqa: S311 # A plan of faults is no secret.
        self._odds = dict(odds or {})
        unknown = set(self._odds) - {*get_args(Fault), *get_args(Late)}
        if unknown:
            raise ValueError(f"there are no faults named {', '.join(sorted(unknown))}")
        self._ordered: list[tuple[str | None, Fault | Failure]] = []
        self._ordered_late: list[Late] = []

    def order(self, fault: Fault | Failure, call: str | None = None) -> None:
        """Have the next call (of that name) meet ``fault``; a documented failure is answered in place of the effect."""
        self._ordered.append((call, fault))

    def order_webhook(self, fault: Late) -> None:
        """Have the next webhook meet ``fault``."""
        self._ordered_late.append(fault)

    def of_call(self, name: str) -> Fault | Failure | None:
        """Return the fault that a call meets, and forget it."""
        for number, (call, fault) in enumerate(self._ordered):
            if call in (None, name):
                del self._ordered[number]
                return fault
        return self._drawn(get_args(Fault))

    def of_webhook(self) -> Late | None:
        """Return the fault that a webhook meets, and forget it."""
        if self._ordered_late:
            return self._ordered_late.pop(0)
        return self._drawn(get_args(Late))

    def _drawn(self, among: tuple[T, ...]) -> T | None:
        chance = self._random.random()
        for fault in among:
            chance -= self._odds.get(str(fault), 0)
            if chance < 0:
                return fault
        return None
