import itertools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.decisions import Signal
from moderation_ai.policy.rules import AllOf, AnyOf, Check, Condition, Facts, Not, Test, Threshold, Truth

FACTS = Facts(
    {
        "yes": Signal(name="yes", value=1),
        "no": Signal(name="no", value=0),
        "late": Signal(name="late", value=1, status="timeout"),
        "broken": Signal(name="broken", status="error"),
        "number": Signal(name="number", value=0.5),
        "word": Signal(name="word", value="high"),
        "hosts": Signal(name="hosts", value=("a.example", "b.example")),
        "none": Signal(name="none", value=()),
    },
    {"limit": 0.5, "uncalibrated": None},
)

TRUE, FALSE, UNKNOWN = (Test(name, (Check("is", True),)) for name in ("yes", "no", "late"))
BY_TRUTH: dict[Truth, Condition] = {True: TRUE, False: FALSE, None: UNKNOWN}


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, None, None, True),
        (False, True, False, True),
        (False, False, False, False),
        (False, None, False, None),
        (None, True, None, True),
        (None, False, False, None),
        (None, None, None, None),
    ],
)
def test_joins_truths_by_kleenes_table(left: Truth, right: Truth, both: Truth, either: Truth) -> None:
    parts = (BY_TRUTH[left], BY_TRUTH[right])
    assert FACTS.holds(AllOf(parts)) is both
    assert FACTS.holds(AnyOf(parts)) is either


@pytest.mark.parametrize(("inner", "outer"), [(True, False), (False, True), (None, None)])
def test_the_contrary_of_unknown_is_unknown(inner: Truth, outer: Truth) -> None:
    assert FACTS.holds(Not(BY_TRUTH[inner])) is outer


conditions = st.recursive(
    st.sampled_from([TRUE, FALSE, UNKNOWN]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | inner.map(Not)
    ),
    max_leaves=6,
)


@given(conditions)
def test_what_is_known_stays_so_whatever_the_unknown_turns_out_to_be(condition: Condition) -> None:
    truth = FACTS.holds(condition)
    outcomes = {
        Facts(FACTS.signals | {"late": Signal(name="late", value=value)}, {}).holds(condition) for value in (0, 1)
    }
    assert truth is None or outcomes == {truth}


@given(conditions)
def test_an_unknown_condition_names_what_was_wanting(condition: Condition) -> None:
    if FACTS.holds(condition) is None:
        assert set(FACTS.unknown_in(condition)) == {"late"}


@given(conditions)
def test_only_what_is_true_speaks_for_a_condition(condition: Condition) -> None:
    assert {signal.name for signal in FACTS.true_in(condition)} <= {"yes"}


@pytest.mark.parametrize(
    ("signal", "check", "truth"),
    [
        ("number", Check("gte", 0.5), True),
        ("number", Check("gt", 0.5), False),
        ("number", Check("lte", 0.5), True),
        ("number", Check("lt", 0.5), False),
        ("number", Check("gte", threshold="limit"), True),
        ("number", Check("gte", threshold="uncalibrated"), None),
        ("number", Check("is", 0.5), True),
        ("number", Check("is", True), True),
        ("number", Check("is", False), False),
        ("no", Check("is", False), True),
        ("word", Check("is", "high"), True),
        ("word", Check("in", ("low", "high")), True),
        ("word", Check("in", ("low",)), False),
        ("word", Check("matches", "^hi"), True),
        ("word", Check("matches", "^gh"), False),
        ("word", Check("gte", 1), None),
        ("hosts", Check("in", ("b.example",)), True),
        ("hosts", Check("is", "b.example"), True),
        ("hosts", Check("is", "c.example"), False),
        ("hosts", Check("matches", r"\.example$"), True),
        ("hosts", Check("is", True), True),
        ("none", Check("is", True), False),
        ("broken", Check("is", False), None),
        ("absent", Check("is", False), None),
        ("late", Check("gte", 0), None),
    ],
)
def test_compares_what_can_be_compared(signal: str, check: Check, truth: Truth) -> None:
    assert FACTS.holds(Test(signal, (check,))) is truth


def test_all_checks_of_a_test_must_hold() -> None:
    assert FACTS.holds(Test("number", (Check("gte", 0.4), Check("lt", 0.6)))) is True
    assert FACTS.holds(Test("number", (Check("gte", 0.4), Check("lt", 0.5)))) is False


def test_a_threshold_differs_by_platform_and_a_share_of_false_alarms_is_no_number() -> None:
    limit = Threshold(unit="p", value=0.9, platforms={"youtube": 0.8})
    assert [limit.on(platform) for platform in (None, "reddit", "youtube")] == [0.9, 0.9, 0.8]
    assert Threshold(unit="fpr", value=0.02).on(None) is None


def test_the_four_orders_are_pythons() -> None:
    for (op, order), value in itertools.product(
        {"gte": operator.ge, "lte": operator.le, "gt": operator.gt, "lt": operator.lt}.items(), (0, 0.5, 1)
    ):
        assert FACTS.holds(Test("number", (Check(op, value),))) is order(0.5, value)
