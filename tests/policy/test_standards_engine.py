import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.decisions import Context
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.handling.standards import LONG, StandardsEngine, standards_engine

OWN = """\
schema: moderation-policy/1
id: own
version: 1
mode: {default: shadow, platform: {youtube: enforce}}
rules: [{id: r, standard: policy, when: {signal: list.w, gte: 1}, action: hide}]
lists: {w: [kale]}
"""


@pytest.mark.anyio
async def test_answers_the_briefs_first_pattern() -> None:
    decision = await standards_engine.validate("FREE followers!!! click here: http://spam.example")
    assert decision.action != "approve"
    assert decision.action == "hide"
    assert (await standards_engine.validate("Lovely video")).action == "approve"


@pytest.mark.anyio
@pytest.mark.parametrize("text", [None, "", b"", 0, 3.5, ["you idiot"], b"\xff", "\ud800", "\x00", "x" * 1_000_000])
async def test_validates_whatever_it_is_given(text) -> None:
    decision = await standards_engine.validate(text)
    assert decision.action in ("approve", "flag")
    assert ("text" in decision.not_assessed) == (text in (None, "", b""))


@pytest.mark.anyio
async def test_a_long_text_gets_the_same_answer_beside_the_loop() -> None:
    text = "all is well " * LONG + "you are an idiot"
    assert await standards_engine.validate(text) == standards_engine.judge(text)


@given(st.text(st.characters(codec=None)) | st.binary() | st.none())
def test_no_text_makes_it_raise(text) -> None:
    assert standards_engine.judge(text).policy_id == "default"


def test_automatic_moderation_is_held_back_by_the_mode_where_an_own_handler_is_not(tmp_path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    engine = StandardsEngine.from_file(file)
    assert (engine.judge("kale").action, engine.judge("kale").mode) == ("hide", "enforce")
    held_back = engine.decide("kale", context=Context(platform="reddit"))
    assert (held_back.action, held_back.shadow_action, held_back.mode) == ("flag", "hide", "shadow")
    assert engine.decide("kale", context=Context(platform="youtube")).action == "hide"
    assert engine.policy.id == "own"


def test_costs_nothing_before_the_first_text() -> None:
    engine = StandardsEngine()
    assert "engine" not in vars(engine)
    assert engine.judge("hello").policy_id == "default"
    assert "engine" in vars(engine)


def test_a_policy_file_that_is_not_there_or_not_understood_is_refused_at_once(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        StandardsEngine.from_file(tmp_path / "none.yaml")
    file = tmp_path / "own.yaml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        StandardsEngine.from_file(str(file))
    file.write_text(OWN.replace("hide", "hid"))
    with pytest.raises(ConfigurationError) as caught:
        StandardsEngine.from_file(file)
    assert (caught.value.file, caught.value.line) == (str(file), 5)


def test_validate_is_awaitable_and_judge_is_not() -> None:
    assert inspect.iscoroutinefunction(StandardsEngine.validate)
    assert not inspect.iscoroutinefunction(StandardsEngine.judge)
