"""What goes wrong in a scenario: drawn by its seed, the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Literal

import msgspec

from moderation_ai.fakes.faults import Fault, Faults, Late

PLATFORMS = ("twitter", "instagram", "reddit", "youtube", "tiktok")
CALL_FAULTS: tuple[Fault, ...] = ("hangs", "fails", "lost", "limited", "limited_silently", "expired")
WEBHOOK_FAULTS: tuple[Late, ...] = ("twice", "late", "out_of_order")
Wish = Literal["hide", "keep", "answer", "ban"]
"""What the moderator makes of a comment: it says so itself, as its first word."""
BANS = ("reddit",)
"""Where a ban sends a message, so that a second one would be noticed."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario.

    ``first`` is the fault that the first call meets which hides, and the first that answers; ``odds`` are those of all faults, for each call and
    each webhook. What hides is the policy (``by_policy``) or a handler. After ``restart_after`` calls the gateway is stopped in the middle of its work, and another one begins.
    """

    seed: int
    platform: str
    wishes: tuple[Wish, ...]
    first: Fault
    first_webhook: Late
    odds: Mapping[str, float]
    restart_after: int | None
    by_policy: bool

    def faults(self) -> Faults:
        """Return the faults that the fake is to meet."""
        faults = Faults(seed=self.seed, odds=self.odds)
        faults.order_webhook(self.first_webhook)
        return faults


def draw(seed: int) -> Plan:
    """Return the scenario of a seed: neighbours have other platforms and other faults."""
    chance = Random(seed)
    platform = PLATFORMS[seed % len(PLATFORMS)]
    first = CALL_FAULTS[seed // len(PLATFORMS) % len(CALL_FAULTS)]
    others = chance.sample(CALL_FAULTS[1:], 2)
    # Together below the share at which twelve tries would not do.
    odds: dict[str, float] = {name: chance.choice((0.0, 0.1, 0.2)) for name in others}
    odds |= {name: chance.choice((0.0, 0.2, 0.4)) / 2 for name in WEBHOOK_FAULTS}
    return Plan(
        seed=seed,
        platform=platform,
        wishes=_wishes(chance, platform),
        first=first,
        first_webhook=WEBHOOK_FAULTS[seed % len(WEBHOOK_FAULTS)],
        odds=odds,
        restart_after=chance.choice((None, None, chance.randrange(1, 8))),
        by_policy=chance.random() < 0.5,
    )


def _wishes(chance: Random, platform: str) -> tuple[Wish, ...]:
    wishes: list[Wish] = ["hide", "hide", "keep", "answer"]
    wishes += [chance.choice(("hide", "keep", "answer")) for _ in range(chance.randrange(3))]
    if platform in BANS:
        wishes.append("ban")
    chance.shuffle(wishes)
    return tuple(wishes)


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """Where a gateway is killed: at its own nth step, or at the nth call that the fake hears, before or after its effect."""

    step: int = 0
    call: int = 0
    after_effect: bool = False


def draw_deaths(seed: int) -> tuple[Plan, tuple[Death, ...]]:
    """Return a scenario in which one gateway, or two in turn, are killed, and where."""
    chance = Random(f"deaths {seed}")
    plan = draw(seed)
    # Times are short there, and what has to wait for minutes is played where the clock is turned.
    odds = {"fails": chance.choice((0.0, 0.1)), "lost": chance.choice((0.0, 0.1)), "twice": 0.1, "out_of_order": 0.1}
    first = chance.choice(("fails", "lost", "limited"))
    plan = msgspec.structs.replace(plan, first=first, first_webhook="twice", odds=odds, restart_after=None)
    deaths = [_death(chance, steps=40, calls=5)]
    if chance.random() < 0.3:
        deaths.append(_death(chance, steps=12, calls=2))
    return plan, tuple(deaths)


def _death(chance: Random, *, steps: int, calls: int) -> Death:
    if chance.random() < 0.3:
        return Death(call=chance.randrange(1, calls + 1), after_effect=chance.random() < 0.7)
    return Death(step=chance.randrange(1, steps + 1))
