"""Policies as values, and what their conditions mean: true, false, or unknown where a signal is wanting.

The logic is Kleene's: what is unknown stays unknown, unless the known parts settle the matter by themselves.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping

import msgspec

from moderation_ai.core.decisions import Action, Mode, Severity, Signal, Standard, Value
from moderation_ai.policy.patterns import compiled

Truth = bool | None
"""None is unknown."""

Operand = bool | int | float | str | tuple[str, ...]

ORDERED = {"gte": operator.ge, "lte": operator.le, "gt": operator.gt, "lt": operator.lt}
OPERATORS = (*ORDERED, "is", "in", "matches")


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A named number that rules compare with, by platform where they differ.

    ``unit`` is ``p``, a probability, or ``fpr``, the share of harmless comments that may be hit. The latter needs a
    calibrated signal to be a number at all, so it is unknown until there is one.
    """

    unit: str
    value: float
    platforms: dict[str, float] = {}

    def on(self, platform: str | None) -> float | None:
        """Return the number for ``platform``, or None where it is not known."""
        return None if self.unit == "fpr" else self.platforms.get(platform or "", self.value)


class Check(msgspec.Struct, frozen=True):
    """One comparison with an operand, or with the threshold of that name."""

    op: str
    operand: Operand | None = None
    threshold: str | None = None


class Test(msgspec.Struct, frozen=True, tag=True):
    """A signal, and what is asked of it; all the checks must hold."""

    __test__ = False  # This is no test of pytest's.

    signal: str
    checks: tuple[Check, ...]


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Every one of several conditions."""

    conditions: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """At least one of several conditions."""

    conditions: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """The contrary of a condition."""

    condition: Condition


Condition = Test | AllOf | AnyOf | Not


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """A mode, by platform where they differ; None leaves it to what stands above."""

    default: Mode | None = None
    platforms: dict[str, Mode] = {}

    def on(self, platform: str | None) -> Mode | None:
        """Return the mode for ``platform``."""
        return self.platforms.get(platform or "", self.default)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: when it fires, how bad that is, and what it asks for."""

    id: str
    standard: Standard
    when: Condition
    metric: str | None = None
    severity: Severity = "medium"
    action: Action = "flag"
    reason: str = ""
    escalate: str | None = None
    on_unknown: Action = "approve"
    modes: Modes = Modes()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All that a policy file says.

    ``removal_rules`` names the rules that must fire for a removal without a human; None where nothing is required.
    """

    id: str
    version: str
    hash: str
    modes: Modes
    rules: tuple[Rule, ...]
    thresholds: dict[str, Threshold] = {}
    exempt_labels: tuple[str, ...] = ()
    removal_rules: tuple[str, ...] | None = ()
    lists: dict[str, tuple[str, ...]] = {}
    patterns: dict[str, str] = {}
    denied_domains: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What conditions are held against: the signals by name, and the thresholds of one platform."""

    signals: Mapping[str, Signal]
    thresholds: Mapping[str, float | None]

    def known(self, name: str) -> Value | None:
        """Return the value of a signal, or None where it is unknown."""
        signal = self.signals.get(name)
        return signal.known if signal else None

    def holds(self, condition: Condition) -> Truth:
        """Return whether ``condition`` is true, false, or None where that is unknown."""
        match condition:
            case Test():
                return _all([self._check(condition.signal, check) for check in condition.checks])
            case AllOf():
                return _all([self.holds(part) for part in condition.conditions])
            case AnyOf():
                return _not(_all([_not(self.holds(part)) for part in condition.conditions]))
            case _:
                return _not(self.holds(condition.condition))

    def _check(self, name: str, check: Check) -> Truth:
        value = self.known(name)
        operand = self.thresholds.get(check.threshold) if check.threshold else check.operand
        if value is None or operand is None:
            return None
        return _compare(check.op, value, operand)

    def unknown_in(self, condition: Condition) -> Iterator[str]:
        """Yield the names of the signals whose tests are unknown."""
        if isinstance(condition, Test):
            if self.holds(condition) is None:
                yield condition.signal
            return
        for part in _parts(condition):
            yield from self.unknown_in(part)

    def true_in(self, condition: Condition) -> Iterator[Signal]:
        """Yield the signals whose tests are true, and so speak for a condition that is true."""
        if isinstance(condition, Test):
            if self.holds(condition) and condition.signal in self.signals:
                yield self.signals[condition.signal]
        elif not isinstance(condition, Not):
            for part in _parts(condition):
                yield from self.true_in(part)


def _parts(condition: AllOf | AnyOf | Not) -> tuple[Condition, ...]:
    return (condition.condition,) if isinstance(condition, Not) else condition.conditions


def _all(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _compare(op: str, value: Value, operand: Operand) -> Truth:
    if op in ORDERED:
        comparable = isinstance(value, int | float) and isinstance(operand, int | float)
        return bool(ORDERED[op](value, operand)) if comparable else None
    values = value if isinstance(value, tuple) else (value,)
    if op == "matches":
        return any(compiled(str(operand)).search(each) is not None for each in values if isinstance(each, str))
    if op == "in":
        return any(each in operand for each in values) if isinstance(operand, tuple) else None
    return bool(value) is operand if isinstance(operand, bool) else operand in values
