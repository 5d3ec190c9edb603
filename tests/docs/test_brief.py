"""docs/brief.md answers every part of the webhook patterns, by tests and pages that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "brief.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| it says")]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)")
_TITLE = re.compile(r"^##+ (.+)$", re.MULTILINE)


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_every_row_names_a_test_or_a_page_that_is_there(row: str) -> None:
    _, answer = row.strip("| ").rsplit(" | ", 1)
    tests, links = _TEST.findall(answer), _LINK.findall(answer)
    assert tests or links, "nothing answers it"
    assert answer.count("tests/") == len(tests), "a test is named otherwise than `tests/file.py::test`"
    assert not [f"{file}::{name}" for file, name in tests if name not in functions_of(file)]
    assert not [link for link in links if not (ROOT / "docs" / link).is_file()]


def test_every_part_of_the_patterns_has_its_place(request: pytest.FixtureRequest) -> None:
    file: Path | None = request.config.getoption("--brief")
    if file is None:
        pytest.skip("--brief names no file to compare with")
    titles = _TITLE.findall(re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE))
    assert len(titles) > 30
    assert not [title for title in titles if title not in PAGE]
