"""docs/monitoring.md names what there is to see, and its examples are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.health import (
    LAG_LIMIT,
    MISMATCH_LIMIT,
    RECENT,
    SIGNATURE_CAUSES,
    STALE_LIMIT,
    Health,
)
from moderation_ai.stores.base import Counts
from moderation_ai.web.metrics import Metrics
from tests.blocks import blocks_of, run_block
from tests.web.stage import NOW

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitoring.md").read_text("utf-8")
METRICS = [
    f"{family.name}_total" if family.type == "counter" else family.name
    for family in text_string_to_metric_families(Metrics(Tally(), ManualClock(NOW)).render(Counts())[0].decode())
]


@pytest.mark.parametrize("name", [name for name in METRICS if "_process_" not in name])
def test_names_every_metric(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("struct", [Health, Counts])
def test_names_every_field_of_health(struct: type[msgspec.Struct]) -> None:
    assert not [name for name in struct.__struct_fields__ if f"`{name}`" not in PAGE]


def test_names_every_cause_of_a_refused_signature() -> None:
    assert not [cause for cause in SIGNATURE_CAUSES.values() if f"`{cause}`" not in PAGE]


def test_states_the_limits() -> None:
    minutes = f"in the last {RECENT.total_seconds() / 60:.0f} minutes"
    assert f"for more than {LAG_LIMIT:.0f} s" in PAGE
    assert f"{STALE_LIMIT} or more stale times {minutes}" in PAGE
    assert f"{MISMATCH_LIMIT} or more wrong signatures {minutes}" in PAGE


def rules() -> list[dict[str, Any]]:
    read = [yaml.safe_load(block.text) for block in blocks_of(PAGE) if block.language == "yaml"]
    return [rule for one in read for group in one.get("groups", ()) for rule in group["rules"]]


def test_every_alert_is_about_metrics_that_there_are() -> None:
    asked = {name for rule in rules() for name in re.findall(r"moderation_ai_\w+", rule["expr"])}
    assert len(asked) >= 8
    assert not asked - set(METRICS)


def test_every_reason_in_an_alert_is_one_that_is_counted() -> None:
    reasons = {reason for rule in rules() for reason in re.findall(r'reason="(\w+)"', rule["expr"])}
    assert reasons
    assert reasons <= set(SIGNATURE_CAUSES)


@pytest.mark.anyio
async def test_its_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "watching"}
    for block in blocks_of(PAGE):
        if block.language == "python":
            await run_block(block.text, names, "monitoring.md")
    health = await names["monitor"].check()
    names["monitor"].stop()
    assert health.causes == ["no_handler"]
    assert f"degraded: {health.problems[0]}" in PAGE
