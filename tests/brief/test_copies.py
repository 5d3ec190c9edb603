"""Our copy of the brief's blocks is the brief's, and nothing is slipped into them."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path

import pytest

from moderation_ai.core.events import EVENT_TYPES
from moderation_ai.platforms import find_platform
from tests.blocks import blocks_of
from tests.brief.copies import BLOCKS, STAND_INS

NATIVE_NAMES = {
    "Twitter/X": {"tweet.create": "post.created", "tweet.delete": "post.deleted", "favorite.create": "reaction.created"},
    "Reddit": {"comment.post": "comment.created", "post.submit": "post.created", "modaction": "moderation.action"},
    "YouTube": {
        "comment.insert": "comment.created", "comment.update": "comment.updated", "comment.delete": "comment.deleted",
    },
    "Instagram": {"comments": "comment.created"},
    "TikTok": {"comment.post": "comment.created"},
}  # fmt: skip


@pytest.fixture
def brief(request: pytest.FixtureRequest) -> str:
    """The brief's text, where an option names it; it is no part of this repository."""
    path: Path | None = request.config.getoption("--brief")
    if path is None:
        pytest.skip("--brief names no file to compare with")
    return path.read_text(encoding="utf-8")


def test_the_copies_are_the_briefs_blocks(brief: str) -> None:
    wanted = [(block.language, block.text) for block in blocks_of(brief) if block.language in ("python", "json")]
    languages = {".py": "python", ".json": "json"}
    files = sorted(BLOCKS.iterdir())
    assert [(languages[file.suffix], file.read_text(encoding="utf-8")) for file in files] == wanted


def test_the_native_names_are_those_of_the_brief(brief: str) -> None:
    sections = re.split(r"^### ", brief, flags=re.MULTILINE)
    found = {}
    for section in sections:
        name = section.partition("\n")[0]
        listed = re.search(r"\*\*Webhook Events\*\*:\n((?:- .*\n)+)", section)
        if listed:
            found[name] = set(re.findall(r"- `([^`]+)`", listed[1]))
    assert found == {name: set(kinds) for name, kinds in NATIVE_NAMES.items()}


@pytest.mark.parametrize("name", NATIVE_NAMES)
def test_every_native_name_has_its_event_type(name: str) -> None:
    platform = find_platform(name.partition("/")[0].lower())
    for native, ours in NATIVE_NAMES[name].items():
        assert platform.kinds[native] == ours
        assert ours in EVENT_TYPES


def test_there_are_as_many_as_were_counted() -> None:
    assert {file.name for file in BLOCKS.glob("*.py")} == set(STAND_INS)
    assert len(STAND_INS) == 24
    assert len(list(BLOCKS.glob("*.json"))) == 4


@pytest.mark.parametrize("name", STAND_INS)
def test_stand_ins_are_given_only_for_what_a_block_leaves_undefined(name: str) -> None:
    tree = ast.parse((BLOCKS / name).read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert used - _defined(tree) - set(dir(builtins)) - {"__name__"} == set(STAND_INS[name])


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names |= {node.name, *(argument.arg for argument in node.args.args)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
