"""The platforms that act, with their calls, actions and flows, as tests are parametrised by them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from moderation_ai.core.acts import Act, Outcome
from moderation_ai.core.errors import (
    ContentGone,
    OutcomeUnknown,
    UnsupportedAction,
)
from moderation_ai.core.flows import Flow, Outgoing
from moderation_ai.core.platform import Platform
from tests.platforms.driving import (
    ACTORS,
    SESSION,
    THROUGH_PAGE,
    by_table,
    drive,
    flows,
)

MakeFlow = Callable[[], Flow[object]]

FLOWS = [(platform, name, make) for platform in ACTORS for name, make in flows(platform)]
CALLS = [(platform, call) for platform in ACTORS for call in platform.api.calls]
ACTIONS = [(platform, action) for platform in ACTORS for action in platform.actions]

every_actor = pytest.mark.parametrize("platform", ACTORS, ids=lambda platform: platform.name)
every_action = pytest.mark.parametrize(("platform", "action"), ACTIONS, ids=[f"{p.name}-{a}" for p, a in ACTIONS])
every_call = pytest.mark.parametrize(("platform", "call"), CALLS, ids=[f"{p.name}-{c.name}" for p, c in CALLS])
every_flow = pytest.mark.parametrize(("platform", "name", "make"), FLOWS, ids=[f"{p.name}-{n}" for p, n, _ in FLOWS])


def moderate(platform: Platform, act: Act, *, look: bool = False) -> Flow[tuple[Outcome, ...]]:
    session = THROUGH_PAGE if "page_id" in platform.capabilities[act.action].needs else SESSION
    return platform.moderate(act, session, look=look)


def requests_of(platform: Platform, make: MakeFlow) -> list[Outgoing]:
    """Return what a flow asks; one that looks may end there, for the samples tell of another comment."""
    asked: list[Outgoing] = []
    answered = by_table(platform)
    with suppress(OutcomeUnknown, ContentGone, UnsupportedAction):
        drive(make(), lambda request: (asked.append(request), answered(request))[1])
    return asked


def effect(platform: Platform, action: str) -> str:
    return platform.api.call(platform.capabilities[action].call).effect
