"""docs/http.md says what the second port answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_ai.web.limits import Limits
from moderation_ai.web.operations import OPERATIONS
from moderation_ai.web.queries import EVENTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text("utf-8")


@pytest.mark.parametrize("path", [operation.path for operation in OPERATIONS])
def test_names_every_path(path: str) -> None:
    assert f"`{path}`" in PAGE


@pytest.mark.parametrize("name", [parameter.name for parameter in EVENTS])
def test_names_every_parameter(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_states_the_limits() -> None:
    limits = Limits()
    for stated in (f"{limits.head >> 10} KiB, {limits.fields} fields", f"{limits.message:g} s", f"{limits.idle:g} s"):
        assert stated in PAGE
    assert f"{limits.head + limits.framing >> 10} KiB more than" in PAGE
