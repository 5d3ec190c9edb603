"""The engine: measure a text, hold the rules against it, combine what they ask for into one decision.

Two steps that can be taken apart. What a decision records is enough to take the second again without the text, so a
decision can be explained when the text has long been erased.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from moderation_ai.core.decisions import (
    ACTIONS,
    SEVERITIES,
    STANDARDS,
    Action,
    Context,
    Decision,
    Finding,
    Mode,
    Signal,
    Span,
    Standard,
    StandardResult,
    Value,
    most_severe_action,
    worst_severity,
)
from moderation_ai.policy.rules import Facts, Policy, Rule, Truth
from moderation_ai.policy.signals import LONGEST_TEXT, UNASSESSED, Gauges

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Engine:
    """Judge texts by one policy."""

    def __init__(self, policy: Policy) -> None:
        """Prepare the lists and patterns of ``policy``."""
        self.policy = policy
        self._gauges = Gauges(
            policy.lists, policy.patterns, policy.denied_domains, policy.allowed, f"{policy.id}@{policy.version}"
        )

    def judge(self, text: str, context: Context | None = None, *, mode: Mode | None = None) -> Decision:
        """Return the decision about ``text``, whatever it holds; the same text always gets the same one.

        ``mode`` stands in the place of the modes that the policy names for all rules and for platforms; a rule's own
        mode stays. Without it they hold as they are.
        """
        return self.conclude(self._gauges.measure(text), context, mode=mode)

    def explain(self, decision: Decision) -> Decision:
        """Return what this policy makes of the signals that ``decision`` records.

        It equals ``decision`` if that was made by this policy. The text is not needed.
        """
        context = Context(platform=decision.platform, author_labels=decision.author_labels)
        return self.conclude(decision.signals, context, mode=decision.mode)

    def conclude(
        self, signals: Iterable[Signal], context: Context | None = None, *, mode: Mode | None = None
    ) -> Decision:
        """Return the decision that follows from ``signals``, without a text."""
        context = context or Context()
        known = {signal.name: signal for signal in (*signals, *context.signals)}
        thresholds = {name: limit.on(context.platform) for name, limit in self.policy.thresholds.items()}
        facts = Facts(known, thresholds)
        general = mode or self.policy.modes.on(context.platform) or "shadow"
        verdicts = [(rule, facts.holds(rule.when)) for rule in self.policy.rules]
        fired = [
            _finding(rule, truth, facts, rule.modes.on(context.platform) or general)
            for rule, truth in verdicts
            if truth or (truth is None and rule.on_unknown != "approve")
        ]
        idle = [rule.id for rule, truth in verdicts if truth is None and rule.on_unknown == "approve"]
        exempt = tuple(label for label in context.author_labels if label in self.policy.exempt_labels)
        decision = self._combine(self._restrain(fired, exempt), facts, general)
        return msgspec.structs.replace(
            decision,
            not_assessed=tuple(_not_assessed(facts, idle)),
            exempt=exempt,
            platform=context.platform,
            author_labels=context.author_labels,
        )

    def _restrain(self, fired: Sequence[Finding], exempt: Sequence[str]) -> tuple[Finding, ...]:
        required = self.policy.removal_rules
        may_remove = required is None or any(f.rule in required and not f.unknown for f in fired)
        return tuple(_restrained(finding, may_remove, bool(exempt)) for finding in fired)

    def _combine(self, findings: tuple[Finding, ...], facts: Facts, mode: Mode) -> Decision:
        worst_first = sorted(findings, key=_weight, reverse=True)
        return Decision(
            action=most_severe_action(finding.action for finding in findings),
            shadow_action=most_severe_action(_enforced(finding) for finding in findings),
            severity=worst_severity(finding.severity for finding in findings),
            mode=mode,
            standards={standard: _result(standard, findings) for standard in STANDARDS},
            reasons=tuple(finding.reason for finding in worst_first if finding.proposed != "approve"),
            findings=findings,
            signals=tuple(facts.signals[name] for name in sorted(facts.signals)),
            policy_id=self.policy.id,
            policy_version=self.policy.version,
            policy_hash=self.policy.hash,
        )


def _not_assessed(facts: Facts, idle_rules: Iterable[str]) -> Iterator[str]:
    length = facts.known("text.length")
    if length == 0:
        yield "text"
    if isinstance(length, int) and length > LONGEST_TEXT:
        yield "text.tail"
    for subject, names in UNASSESSED.items():
        if all(facts.known(name) is None for name in names):
            yield subject
    yield from (f"rule:{rule}" for rule in idle_rules)


def _finding(rule: Rule, truth: Truth, facts: Facts, mode: Mode) -> Finding:
    """Return what a rule finds that is true, or unknown."""
    proposed = rule.action if truth else rule.on_unknown
    return Finding(
        rule=rule.id,
        standard=rule.standard,
        metric=rule.metric,
        severity=rule.severity,
        proposed=proposed,
        action=proposed,
        reason=_reason(rule, facts),
        mode=mode,
        spans=_spans(facts.true_in(rule.when)),
        unknown=() if truth else tuple(dict.fromkeys(facts.unknown_in(rule.when))),
        escalate=rule.escalate,
    )


def _restrained(finding: Finding, may_remove: bool, is_exempt: bool) -> Finding:
    """Return the finding with what the floor, an exemption and its mode leave of its action."""
    action, held_by = finding.proposed, []
    if action == "remove" and not may_remove:
        action, held_by = "hide", ["floor"]
    if is_exempt and action != "approve":
        action, held_by = "approve", [*held_by, "exempt"]
    if finding.mode == "shadow" and action in ("hide", "remove"):
        action, held_by = "flag", [*held_by, "shadow"]
    return msgspec.structs.replace(finding, action=action, held_by=tuple(held_by))


def _enforced(finding: Finding) -> Action:
    """Return what the finding's action would be were its mode not shadow."""
    if "exempt" in finding.held_by:
        return "approve"
    return "hide" if "floor" in finding.held_by else finding.proposed


def _result(standard: Standard, findings: Iterable[Finding]) -> StandardResult:
    of_it = [finding for finding in findings if finding.standard == standard]
    return StandardResult(
        severity=worst_severity(finding.severity for finding in of_it),
        action=most_severe_action(finding.action for finding in of_it),
        rules=tuple(finding.rule for finding in of_it),
    )


def _weight(finding: Finding) -> tuple[int, int]:
    return ACTIONS.index(finding.proposed), SEVERITIES.index(finding.severity)


def _spans(signals: Iterable[Signal]) -> tuple[Span, ...]:
    return tuple(sorted({span for signal in signals for span in signal.spans}))


def _reason(rule: Rule, facts: Facts) -> str:
    return PLACEHOLDER.sub(lambda found: _written(facts.known(found[1])), rule.reason or rule.id)


def _written(value: Value | None) -> str:
    """Return a signal's value as it stands in a sentence."""
    if value is None:
        return "unknown"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
