import re
from pathlib import Path

import pytest

from moderation_ai.policy.engine import Engine
from moderation_ai.policy.files import _RULE_FIELDS, _SECTIONS, parse_policy
from moderation_ai.policy.signals import AWAITED, LONGEST_TEXT, MEASURED

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(f"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_policy_works() -> None:
    engine = Engine(parse_policy(block("yaml"), name="policies.md"))
    decision = engine.judge("ORD-123456: crumb kingdom is at www.rival.example", mode="enforce")
    assert decision.action == "hide"
    assert decision.reasons == ("promotes a rival (1), links to rival.example", "publishes an order number")
    assert engine.judge("crumb kingdom come to www.us.example").findings == ()


@pytest.mark.anyio
async def test_the_documented_call_gives_what_it_says(tmp_path, monkeypatch) -> None:
    (tmp_path / "policy.yaml").write_text(block("yaml"))
    monkeypatch.chdir(tmp_path)
    source = "async def page():\n" + "".join(f"    {line}\n" for line in block("python").splitlines())
    names: dict = {}
    exec(compile(f"{source}    return locals()", "policies.md", "exec"), names)
    said = await names["page"]()
    assert said["decision"].action == "hide"
    assert said["decision"].reasons[0] == "calls to action: 2 kinds; links: 1; telephone numbers: 0"
    assert said["decision"].not_assessed[:2] == ("engagement.tone", "policy.impersonation")
    assert said["engine"].policy.id == "bakery"


@pytest.mark.parametrize("name", [*MEASURED, *AWAITED, *_SECTIONS, *_RULE_FIELDS, f"{LONGEST_TEXT:,}"])
def test_the_page_names_everything_that_a_policy_may_say(name: str) -> None:
    assert f"`{name}`" in PAGE or f" {name} " in PAGE
