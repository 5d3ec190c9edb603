"""What is said about a text: signals that were measured, findings of rules, and the decision that follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

Action = Literal["approve", "flag", "hide", "remove"]
Severity = Literal["none", "low", "medium", "high", "critical"]
Mode = Literal["shadow", "enforce"]
Standard = Literal["safety", "quality", "spam", "policy", "engagement"]
Status = Literal["ok", "missing", "timeout", "error", "unsupported_lang"]
Value = bool | int | float | str | tuple[str, ...]

ACTIONS: tuple[Action, ...] = ("approve", "flag", "hide", "remove")
"""Mildest first. To flag is to ask a person; nothing changes on the platform."""
SEVERITIES: tuple[Severity, ...] = ("none", "low", "medium", "high", "critical")
MODES: tuple[Mode, ...] = ("shadow", "enforce")
STANDARDS: tuple[Standard, ...] = ("safety", "quality", "spam", "policy", "engagement")


class Span(NamedTuple):
    """Where in the original text something stands: ``text[start:end]``, counted in Python's characters."""

    start: int
    end: int


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was measured: a count, a share, a word, or labels.

    It is never an exception: what could not be measured has a ``status`` other than ``ok``, and rules take it
    for unknown. ``version`` names the list, pattern or model that measured.
    """

    name: str
    version: str = "1"
    value: Value | None = None
    spans: tuple[Span, ...] = ()
    status: Status = "ok"

    @property
    def known(self) -> Value | None:
        """Return the value, or None where it is unknown."""
        return self.value if self.status == "ok" else None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the text: the platform, the author's labels, and signals that others measured.

    A signal given here stands before one of the same name that is measured from the text.
    """

    platform: str | None = None
    author_labels: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that fired.

    ``proposed`` is what the rule asks for, ``action`` what of it is in force, and ``held_by`` why they differ:
    ``floor``, ``exempt``, ``shadow``. ``unknown`` names the signals that were wanting, where the rule fired by its
    ``on_unknown``.
    """

    rule: str
    standard: Standard
    metric: str | None = None
    severity: Severity
    proposed: Action
    action: Action
    reason: str
    mode: Mode
    spans: tuple[Span, ...] = ()
    held_by: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    escalate: str | None = None


class StandardResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules of one standard come to, before the standards are combined."""

    severity: Severity = "none"
    action: Action = "approve"
    rules: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's answer, with all that is needed to explain it later.

    ``action`` is in force under ``mode``; ``shadow_action`` is what it would be if every rule were enforced. What
    is approved was not thereby checked for what ``not_assessed`` lists. The text itself is not kept here.
    """

    action: Action
    shadow_action: Action
    severity: Severity
    mode: Mode
    standards: dict[Standard, StandardResult]
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    signals: tuple[Signal, ...]
    not_assessed: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    platform: str | None = None
    author_labels: tuple[str, ...] = ()
    policy_id: str
    policy_version: str
    policy_hash: str

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain data, ready for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def to_json(self) -> bytes:
        """Return the decision as JSON; ``read_decision`` reads it back."""
        return msgspec.json.encode(self)


def read_decision(data: bytes | str) -> Decision:
    """Return the decision that ``Decision.to_json`` wrote."""
    return msgspec.json.decode(data, type=Decision)


def most_severe_action(actions: Iterable[Action]) -> Action:
    """Return the most severe of ``actions``, or ``approve`` where there are none."""
    return max(actions, key=ACTIONS.index, default="approve")


def worst_severity(severities: Iterable[Severity]) -> Severity:
    """Return the worst of ``severities``, or ``none`` where there are none."""
    return max(severities, key=SEVERITIES.index, default="none")
