import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.handling.standards import default_policy
from moderation_ai.policy.files import parse_policy
from moderation_ai.policy.rules import AllOf, Check, Modes, Not, Test, Threshold

HEAD = "schema: moderation-policy/1\nid: own\nversion: 2026-01-01\n"
RULE = "rules:\n  - {id: r, standard: spam, when: {signal: phone, gte: 1}}\n"

FULL = """\
schema: moderation-policy/1
id: full
version: 3
mode: {default: shadow, platform: {youtube: enforce}}
thresholds:
  review: {fpr: 0.02, platform: {youtube: 0.01}}
  hide: {p: 0.97}
signals: [our.score]
lists:
  brands: [Rival Cola, other-brand]
patterns:
  ticket: '(?i)ticket-\\d{4,6}'
deny_domains: [Bad.example, www.worse.example]
allow: [rival cola cup]
rules:
  - id: one
    standard: spam
    metric: 3.2
    when: {all: [{signal: spam.p, gte: threshold(hide)}, {not: {signal: our.score, lt: 0.5}}]}
    severity: high
    action: hide
    reason: "{dup.count} of them within {window}"
    on_unknown: flag
    escalate: llm
    mode: enforce
  - id: two
    standard: policy
    when: {signal: list.brands, is: true}
    action: remove
exempt: {author_labels: [staff]}
floors: {auto_remove: {requires: [human, or_rule: [two, exact_bank]]}}
"""


def test_reads_every_section() -> None:
    policy = parse_policy(FULL, name="full.yaml")
    one, two = policy.rules
    assert (policy.id, policy.version) == ("full", "3")
    assert policy.hash == "sha256:" + hashlib.sha256(FULL.encode()).hexdigest()
    assert policy.modes == Modes(default="shadow", platforms={"youtube": "enforce"})
    assert policy.thresholds["review"] == Threshold(unit="fpr", value=0.02, platforms={"youtube": 0.01})
    assert policy.lists == {"brands": ("Rival Cola", "other-brand")}
    assert policy.patterns == {"ticket": r"(?i)ticket-\d{4,6}"}
    assert policy.denied_domains == ("bad.example", "worse.example")
    assert policy.allowed == ("rival cola cup",)
    assert policy.exempt_labels == ("staff",)
    assert policy.removal_rules == ("two", "exact_bank")
    assert one.when == AllOf(
        (Test("spam.p", (Check("gte", threshold="hide"),)), Not(Test("our.score", (Check("lt", 0.5),))))
    )
    assert (one.metric, one.severity, one.action, one.on_unknown, one.escalate) == (
        "3.2", "high", "hide", "flag", "llm",
    )  # fmt: skip
    assert (two.severity, two.action, two.on_unknown, two.reason) == ("medium", "remove", "approve", "")
    assert (one.modes.default, two.modes.default) == ("enforce", None)


def test_without_floors_nothing_is_removed_by_rule_and_with_empty_ones_everything_may_be() -> None:
    assert parse_policy(HEAD + RULE, name="p").removal_rules == ()
    human = parse_policy(HEAD + RULE + "floors: {auto_remove: {requires: [human]}}\n", name="p")
    assert human.removal_rules == ()
    none = parse_policy(HEAD + RULE + "floors: {auto_remove: {requires: []}}\n", name="p")
    assert none.removal_rules is None


def test_the_default_policy_is_in_shadow_and_removes_nothing() -> None:
    policy = default_policy()
    assert policy.modes == Modes(default="shadow")
    assert policy.removal_rules == ()
    assert {rule.action for rule in policy.rules} == {"approve", "flag", "hide"}
    assert {rule.id for rule in policy.rules if rule.action == "hide"} == {
        "spam.denied_link", "spam.flood", "spam.clear",
    }  # fmt: skip


def when(condition: str) -> str:
    return HEAD + f"rules:\n  - id: r\n    standard: spam\n    when: {condition}\n"


def rule(field: str) -> str:
    return when("{signal: phone, gte: 1}") + f"    {field}\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "the file is empty"),
        ("- a\n- b\n", 1, "names with values"),
        ("schema: moderation-policy/2\nid: a\nversion: 1\nrules: []\n", 1, "'moderation-policy/1'"),
        (HEAD, 1, "'rules' is missing"),
        (HEAD + RULE + "treshholds: {}\n", 6, "did you mean 'thresholds'?"),
        (HEAD + "id: again\n" + RULE, 4, "stands here twice"),
        (HEAD + RULE + RULE.removeprefix("rules:\n"), 6, "two rules are called 'r'"),
        (HEAD + "mode: on\n" + RULE, 4, "write a text"),
        (HEAD + "mode: shadows\n" + RULE, 4, "did you mean 'shadow'?"),
        (HEAD + "mode: {platform: {x: shadow}}\n" + RULE, 4, "'default' is missing"),
        (HEAD + "thresholds: {a: {p: 1.5}}\n" + RULE, 4, "from 0 to 1"),
        (HEAD + "thresholds: {a: {p: .nan}}\n" + RULE, 4, "write a number"),
        (HEAD + "thresholds: {a: {p: high}}\n" + RULE, 4, "write a number"),
        (HEAD + "thresholds: {a: {}}\n" + RULE, 4, "either p"),
        (HEAD + "thresholds: {a: {p: 0.5, fpr: 0.1}}\n" + RULE, 4, "either p"),
        (HEAD + "lists: {a: kale}\n" + RULE, 4, "write a list"),
        (HEAD + "lists: {a: [ok, '!?']}\n" + RULE, 4, "no letters"),
        (HEAD + "lists: {a: [a b c d e f g h i j k l m n o p q]}\n" + RULE, 4, "more than 16 words"),
        (HEAD + "lists: {'a b': [kale]}\n" + RULE, 4, "is no name"),
        (HEAD + "patterns:\n  a: 'x'\n  b: '(x'\n" + RULE, 6, "missing )"),
        (HEAD + "patterns: {a: '(?=x)'}\n" + RULE, 4, "RE2 does not accept"),
        (HEAD + f"patterns: {{a: '{'x' * 1001}'}}\n" + RULE, 4, "longer than 1000"),
        (HEAD + "deny_domains: ['https://bad.example/']\n" + RULE, 4, "is no domain"),
        (HEAD + RULE + "exempt: {labels: [staff]}\n", 6, "author_labels"),
        (HEAD + RULE + "floors: {auto_remove: {requires: [humans]}}\n", 6, "did you mean 'human'?"),
        (HEAD + RULE + "floors: {auto_remove: {requires: [or_rule: [q]]}}\n", 6, "'q' is not known"),
        (HEAD + "rules: {}\n", 4, "write a list"),
        (HEAD + "rules:\n  - id: r\n    when: {signal: phone, gte: 1}\n", 5, "'standard' is missing"),
        (rule("standrd: spam"), 8, "did you mean 'standard'?"),
        (rule("severity: none"), 8, "known are: critical, high, low, medium"),
        (rule("action: delete"), 8, "approve, flag, hide, remove"),
        (rule("on_unknown: remove"), 8, "approve, flag, hide"),
        (rule("escalate: lm"), 8, "did you mean 'llm'?"),
        (rule("reason: '{phones} calls'"), 8, "{phones} names no signal"),
        (when("{}"), 7, "write one of all"),
        (when("{all: []}"), 7, "empty"),
        (when("{all: [{signal: phone, gte: 1}], any: []}"), 7, "write one of all"),
        (when("{signal: phone}"), 7, "say what 'phone' must be"),
        (when("{signal: phone, all: []}"), 7, "say what 'phone' must be"),
        (when("{gte: 1}"), 7, "write one of all"),
        (when("{signal: phones, gte: 1}"), 7, "did you mean 'phone'?"),
        (when("{signal: list.kale, gte: 1}"), 7, "'list.kale' is not known"),
        (when("{signal: phone, gte: many}"), 7, "write a number"),
        (when("{signal: phone, gte: threshold(x)}"), 7, "there is no threshold 'x'"),
        (when("{signal: phone, gte: [1]}"), 7, "write a text"),
        (when("{signal: phone, matches: x}"), 7, "is a number"),
        (when("{signal: phone, in: [1]}"), 7, "asks for a word"),
        (when("{signal: phone, is: [1]}"), 7, "write a single value"),
        (when("{signal: phone, is: many}"), 7, "cannot be equal to a number"),
        (when("{signal: link.domain, gte: 1}"), 7, "is no number"),
        (when("{signal: link.domain, matches: '('}"), 7, "missing )"),
        (when("{signal: link.domain, is: 3}"), 7, "cannot be equal"),
        (when("{signal: lexicon.slur.severity, in: [hihg]}"), 7, "did you mean 'high'?"),
        (when("{signal: lexicon.slur.severity, is: sever}"), 7, "is not known"),
        (when("{not: " * 17 + "{signal: phone, gte: 1}" + "}" * 17), 7, "nested more than 16"),
        (when("{signal: phone, gte: !!int x}"), 7, "cannot be read"),
        (HEAD + "rules: [\n", 5, "no YAML"),
        (HEAD + "rules:\n\t- a\n", 5, "no YAML"),
        (HEAD + "rules: &a [*a]\n", 4, "anchors"),
        (HEAD + "x: '\x00'\n", 4, "forbids"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_refuses_what_it_does_not_understand_with_file_and_line(text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(text, name="own.yaml")
    assert (caught.value.file, caught.value.line) == ("own.yaml", line)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"own.yaml:{line}: ")


def test_refuses_a_file_beyond_all_measure() -> None:
    with pytest.raises(ConfigurationError, match="longer than"):
        parse_policy("#" * 1_000_001, name="own.yaml")


def refusal(text: str) -> ConfigurationError | None:
    try:
        parse_policy(text, name="own.yaml")
    except ConfigurationError as error:
        return error
    return None


yaml_like = st.lists(
    st.sampled_from([*FULL.splitlines(), "  - [", "x: {y: 1}", "- a", "mode:", "when: {all: [{not: {}}]}", "rules: 3"])
    | st.text(max_size=12),
    max_size=25,
).map("\n".join)


@given(yaml_like)
def test_no_text_gets_anything_but_a_policy_or_our_own_error(text: str) -> None:
    error = refusal(HEAD + text)
    assert error is None or error.file == "own.yaml"


lines = st.lists(st.integers(0, len(FULL.splitlines()) - 1), min_size=1, max_size=3)


@given(lines)
def test_a_policy_that_lost_some_lines_is_read_or_refused(lost: list[int]) -> None:
    kept = [line for at, line in enumerate(FULL.splitlines()) if at not in lost]
    error = refusal("\n".join(kept))
    assert error is None or error.line is not None
