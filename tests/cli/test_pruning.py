"""``db prune``: what is older than the configured retention goes now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from moderation_ai.pipeline.clock import ManualClock
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW

pytestmark = pytest.mark.usefixtures("filled")

LATER = ManualClock(NOW + timedelta(days=200))


def test_removes_what_is_too_old_and_says_what_that_was(run: Run) -> None:
    assert run("db", "prune").stdout == "removed: 0 raw bodies, 0 texts, 0 handler errors\n"
    assert run("db", "prune", clock=LATER).stdout == "removed: 5 raw bodies, 5 texts, 2 handler errors\n"
    assert {row["text_removed"] for row in rows(run("events", "list", "--json"))} == {"age"}
    assert run("db", "prune", clock=LATER).stdout == "removed: 0 raw bodies, 0 texts, 0 handler errors\n"


def test_a_dry_run_only_counts(run: Run) -> None:
    result = run("db", "prune", "--dry-run", clock=LATER)
    assert result.stdout == "would remove about: 5 raw bodies, 5 texts, 0 handler errors\n"
    [counted] = rows(run("db", "prune", "--dry-run", "--json", clock=LATER))
    assert (counted["bodies"], counted["texts"], counted["dry_run"]) == (5, 5, True)


def test_what_is_configured_counts(run: Run) -> None:
    Path("moderation-ai.toml").write_text("[retention]\nbodies_days = 0.1\ntexts_days = 0\n")
    [removed] = rows(run("db", "prune", "--json"))
    assert (removed["bodies"], removed["texts"]) == (3, 0), "those of more than 2.4 hours"
    assert rows(run("db", "prune", "--json", clock=LATER))[0]["texts"] == 0, "0 is for ever"
