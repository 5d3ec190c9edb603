"""Promise 7, proved: whatever fails between us and a platform, a comment is hidden once and a message sent at most once.

Each scenario is drawn by its seed: comments are written at a platform's fake, its webhooks come twice, late and out of
order, its calls fail before and after their effect, and the gateway is stopped or killed in the middle. What counts is
what the fake saw. ``make chaos`` runs many hundreds.
"""

from __future__ import annotations

import os

import pytest

from tests.acting.plans import CALL_FAULTS, PLATFORMS, draw
from tests.acting.running import kill_all, play_all

pytestmark = [pytest.mark.anyio, pytest.mark.chaos, pytest.mark.timeout(3600)]

SCENARIOS = int(os.environ.get("MODERATION_AI_FAULT_SCENARIOS", "32"))
KILLS = max(4, SCENARIOS // 8)
"""How many more there are in which the gateway is a process that is killed."""


def seeds_on(kind: str, count: int) -> range:
    """Return the seeds of a kind of store: PostgreSQL, where it takes longest to begin anew, has a quarter of them."""
    return range(count // 4, count) if kind == "sqlite" else range(count // 4)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_every_comment_is_hidden_once_and_no_message_sent_twice_whatever_fails(kind: str) -> None:
    seeds = seeds_on(kind, SCENARIOS)
    wrong = await play_all(seeds, kind)
    print(f"\n{len(seeds)} scenarios on {kind}, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_same_holds_where_the_gateway_is_killed_between_any_two_steps(kind: str) -> None:
    seeds = seeds_on(kind, KILLS)
    wrong, killed = await kill_all(seeds, kind)
    print(f"\n{len(seeds)} scenarios with kill -9 on {kind}, {len(wrong)} wrong; {killed}")
    assert not wrong, "\n".join(wrong)
    assert killed["never"] < len(seeds), "no gateway was killed: this proved nothing"


def test_the_scenarios_have_every_fault_on_every_platform() -> None:
    plans = [draw(seed) for seed in range(30)]
    assert {(plan.platform, plan.first) for plan in plans} == {(name, f) for name in PLATFORMS for f in CALL_FAULTS}
    assert draw(7) == draw(7)
    assert any(plan.restart_after for plan in plans)
