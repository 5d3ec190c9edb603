"""Policy files: YAML of the schema ``moderation-policy/1``, read into a ``Policy`` or refused with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from moderation_ai.core.decisions import ACTIONS, MODES, SEVERITIES, STANDARDS, Action, Severity
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.policy.engine import PLACEHOLDER
from moderation_ai.policy.nodes import Place, read_yaml
from moderation_ai.policy.patterns import compiled
from moderation_ai.policy.rules import (
    OPERATORS,
    ORDERED,
    AllOf,
    AnyOf,
    Check,
    Condition,
    Modes,
    Not,
    Operand,
    Policy,
    Rule,
    Test,
    Threshold,
)
from moderation_ai.policy.signals import ANY, AWAITED, MEASURED, NUMBER, SEVERITY, unreadable_phrase

SCHEMA = "moderation-policy/1"
ESCALATIONS = ("human", "llm")
UNKNOWN_ACTIONS: tuple[Action, ...] = ("approve", "flag", "hide")
"""What may follow from not knowing: nothing final."""
RESERVED_BANK = "exact_bank"
MOST_LEVELS = 16
MOST_WORDS = 16

_SECTIONS = (
    "mode", "thresholds", "exempt", "floors", "lists", "patterns", "deny_domains", "allow", "signals",
)  # fmt: skip
_RULE_FIELDS = ("metric", "severity", "action", "reason", "escalate", "on_unknown", "mode")
_THRESHOLD = re.compile(r"threshold\(([\w.\-]+)\)")


def parse_policy(text: str, *, name: str) -> Policy:
    """Return the policy that ``text`` holds; ``name`` is the file's, for messages.

    The policy's ``hash`` is the SHA-256 of the text. Raises ``ConfigurationError`` with file and line for everything
    that is not understood, so that no rule is ever dropped silently.
    """
    return _File(read_yaml(text, name)).policy(sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


class _File:
    """A policy file that is being read: its sections, and the names that its rules may use."""

    def __init__(self, top: Place) -> None:
        self.sections = top.fields(required=("schema", "id", "version", "rules"), optional=_SECTIONS)
        self.sections["schema"].choice((SCHEMA,))
        self.lists = {key.id(): _phrases(place) for key, place in self._pairs("lists")}
        self.patterns = {key.id(): _pattern(place) for key, place in self._pairs("patterns")}
        self.thresholds = {key.id(): _threshold(place) for key, place in self._pairs("thresholds")}
        self.signals = MEASURED | AWAITED
        self.signals |= {f"list.{each}": NUMBER for each in self.lists}
        self.signals |= {f"pattern.{each}": NUMBER for each in self.patterns}
        self.signals |= {each.id(): ANY for each in self._items("signals")}

    def _pairs(self, section: str) -> Iterable[tuple[Place, Place]]:
        return self.sections[section].pairs() if section in self.sections else ()

    def _items(self, section: str) -> list[Place]:
        return self.sections[section].items() if section in self.sections else []

    def policy(self, digest: str) -> Policy:
        rules = self._rules()
        return Policy(
            id=self.sections["id"].id(),
            version=self.sections["version"].word(),
            hash=f"sha256:{digest}",
            modes=_modes(self.sections.get("mode")),
            rules=rules,
            thresholds=self.thresholds,
            exempt_labels=self._exempt_labels(),
            removal_rules=self._removal_rules({rule.id for rule in rules}),
            lists=self.lists,
            patterns=self.patterns,
            denied_domains=tuple(_domain(item) for item in self._items("deny_domains")),
            allowed=_phrases(self.sections["allow"]) if "allow" in self.sections else (),
        )

    def _rules(self) -> tuple[Rule, ...]:
        rules: dict[str, Rule] = {}
        for place in self.sections["rules"].items():
            fields = place.fields(required=("id", "standard", "when"), optional=_RULE_FIELDS)
            rule = self._rule(fields)
            if rule.id in rules:
                fields["id"].fail(f"two rules are called {rule.id!r}; rename one")
            rules[rule.id] = rule
        return tuple(rules.values())

    def _rule(self, fields: dict[str, Place]) -> Rule:
        severity: Severity = fields["severity"].choice(SEVERITIES[1:]) if "severity" in fields else "medium"
        action: Action = fields["action"].choice(ACTIONS) if "action" in fields else "flag"
        on_unknown: Action = fields["on_unknown"].choice(UNKNOWN_ACTIONS) if "on_unknown" in fields else "approve"
        return Rule(
            id=fields["id"].id(),
            standard=fields["standard"].choice(STANDARDS),
            when=self._condition(fields["when"]),
            metric=fields["metric"].word() if "metric" in fields else None,
            severity=severity,
            action=action,
            reason=self._reason(fields["reason"]) if "reason" in fields else "",
            escalate=fields["escalate"].choice(ESCALATIONS) if "escalate" in fields else None,
            on_unknown=on_unknown,
            modes=_modes(fields.get("mode")),
        )

    def _reason(self, place: Place) -> str:
        reason = place.word()
        for found in PLACEHOLDER.finditer(reason):
            if found[1] not in self.signals:
                place.fail(f"{found[0]} names no signal; write one of: {', '.join(sorted(self.signals))}")
        return reason

    def _condition(self, place: Place, level: int = 1) -> Condition:
        if level > MOST_LEVELS:
            place.fail(f"conditions are nested more than {MOST_LEVELS} deep; make two rules of this")
        fields = place.fields(optional=("all", "any", "not", "signal", *OPERATORS))
        if "signal" in fields:
            return self._test(place, fields)
        if len(fields) != 1 or not fields.keys() <= {"all", "any", "not"}:
            place.fail("write one of all: [...], any: [...], not: {...} or {signal: ..., gte: ...} here")
        ((kind, inner),) = fields.items()
        if kind == "not":
            return Not(self._condition(inner, level + 1))
        parts = tuple(self._condition(item, level + 1) for item in inner.items())
        if not parts:
            inner.fail("this list of conditions is empty; add one")
        return AllOf(parts) if kind == "all" else AnyOf(parts)

    def _test(self, place: Place, fields: dict[str, Place]) -> Test:
        signal = fields.pop("signal").choice(self.signals)
        if not fields or not fields.keys() <= set(OPERATORS):
            place.fail(f"say what {signal!r} must be, by: {', '.join(OPERATORS)}")
        return Test(signal, tuple(self._check(signal, op, operand) for op, operand in fields.items()))

    def _check(self, signal: str, op: str, place: Place) -> Check:
        kind = self.signals[signal]
        if op in ORDERED:
            return self._comparison(signal, kind, op, place)
        if op == "matches":
            if kind == NUMBER:
                place.fail(f"{signal!r} is a number; compare it by gte, lte, gt, lt or is")
            return Check(op, _pattern(place))
        if op == "in":
            return Check(op, _operands(place, kind))
        return Check(op, _operand(place, kind))

    def _comparison(self, signal: str, kind: str, op: str, place: Place) -> Check:
        if kind not in (NUMBER, ANY):
            place.fail(f"{signal!r} is no number; compare it by is, in or matches")
        named = _THRESHOLD.fullmatch(place.word())
        if named is None:
            return Check(op, place.number())
        if named[1] not in self.thresholds:
            place.fail(f"there is no threshold {named[1]!r}; add it under 'thresholds'")
        return Check(op, threshold=named[1])

    def _exempt_labels(self) -> tuple[str, ...]:
        if "exempt" not in self.sections:
            return ()
        fields = self.sections["exempt"].fields(optional=("author_labels",))
        return fields["author_labels"].words() if fields else ()

    def _removal_rules(self, rules: set[str]) -> tuple[str, ...] | None:
        """Return the rules that may remove without a human: none of them, unless the file says so."""
        if "floors" not in self.sections:
            return ()
        floor = self.sections["floors"].fields(required=("auto_remove",))["auto_remove"]
        requires = floor.fields(required=("requires",))["requires"].items()
        allowed = [self._floor_rules(item, rules) for item in requires if item.is_mapping()]
        for item in requires:
            if not item.is_mapping():
                item.choice(("human",))
        return tuple(rule for some in allowed for rule in some) if requires else None

    def _floor_rules(self, item: Place, rules: set[str]) -> list[str]:
        named = item.fields(required=("or_rule",))["or_rule"]
        return [each.choice([*rules, RESERVED_BANK]) for each in named.items()]


def _modes(place: Place | None) -> Modes:
    if place is None:
        return Modes()
    if not place.is_mapping():
        return Modes(default=place.choice(MODES))
    fields = place.fields(required=("default",), optional=("platform",))
    by_platform = fields["platform"].pairs() if "platform" in fields else ()
    return Modes(
        default=fields["default"].choice(MODES),
        platforms={key.id(): value.choice(MODES) for key, value in by_platform},
    )


def _threshold(place: Place) -> Threshold:
    fields = place.fields(optional=("p", "fpr", "platform"))
    units = [unit for unit in ("p", "fpr") if unit in fields]
    if len(units) != 1:
        place.fail("give either p (a probability) or fpr (a share of harmless comments)")
    by_platform = fields["platform"].pairs() if "platform" in fields else ()
    return Threshold(
        unit=units[0],
        value=fields[units[0]].number(0, 1),
        platforms={key.id(): value.number(0, 1) for key, value in by_platform},
    )


def _phrases(place: Place) -> tuple[str, ...]:
    for item in place.items():
        phrase = item.word()
        if unreadable_phrase([phrase]) is not None:
            item.fail(f"{phrase!r} has no letters or digits; make a pattern of it under 'patterns'")
        if len(phrase.split()) > MOST_WORDS:
            item.fail(f"the phrase has more than {MOST_WORDS} words; shorten it")
    return place.words()


def _pattern(place: Place) -> str:
    pattern = place.word()
    try:
        compiled(pattern)
    except ConfigurationError as error:
        place.fail(str(error))
    return pattern


def _domain(place: Place) -> str:
    domain = place.word().casefold().removeprefix("www.")
    if not re.fullmatch(r"[^\s/:@]+\.[^\s/:@.]+", domain):
        place.fail(f"{domain!r} is no domain; write it as example.com, without scheme and path")
    return domain


def _operand(place: Place, kind: str) -> Operand:
    """Return what ``is`` compares with, of the signal's own kind."""
    operand = place.scalar()
    if not isinstance(operand, bool) and isinstance(operand, str) == (kind == NUMBER) and kind != ANY:
        place.fail(f"this cannot be equal to a {kind}; write true, false or a {kind}")
    return place.choice(SEVERITIES) if kind == SEVERITY and isinstance(operand, str) else operand


def _operands(place: Place, kind: str) -> Operand:
    if kind == NUMBER:
        place.fail("'in' asks for a word; compare numbers by gte, lte, gt, lt or is")
    return tuple(item.choice(SEVERITIES) if kind == SEVERITY else item.word() for item in place.items())
