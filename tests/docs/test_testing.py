"""The page on testing: what it shows runs, and it names every fake and every fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from moderation_ai.fakes import Fake
from moderation_ai.fakes.faults import Fault, Late
from tests.blocks import blocks_of, run_block

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text("utf-8")


async def test_the_examples_pass_and_the_faults_are_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "test_inbox"}
    for block in blocks_of(PAGE):
        await run_block(block.text, names, "testing.md")
    await names["test_spam_is_hidden_and_praise_is_not"]()
    await names["test_the_policy_hides_what_it_should"](monkeypatch, tmp_path)
    assert names["faults"].of_call("hide") == "expired"
    assert isinstance(names["fake"], Fake)


@pytest.mark.parametrize("fault", [*get_args(Fault), *get_args(Late)])
def test_every_fault_is_documented(fault: str) -> None:
    assert f"`{fault}`" in PAGE
