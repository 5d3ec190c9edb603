"""What the tests of the judge share: the default engine, and small policies about vegetables."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moderation_ai.pipeline.handling.standards import default_policy
from moderation_ai.policy.engine import Engine
from moderation_ai.policy.files import parse_policy

HEAD = """\
schema: moderation-policy/1
id: garden
version: 7
"""

RULES = """\
rules:
  - {id: garden.vegetable, standard: policy, when: {signal: list.vegetables, gte: 1}, action: hide}
lists:
  vegetables: [turnip, purple carrot, kale, scunthorpe stew, 白菜]
"""


@pytest.fixture(scope="session")
def default() -> Engine:
    """The engine of the policy that ships."""
    return Engine(default_policy())


@pytest.fixture(scope="session")
def engine_for() -> Callable[[str], Engine]:
    """A maker of engines: the sections of a policy in, an engine out."""
    return lambda sections: Engine(parse_policy(HEAD + sections, name="garden.yaml"))


@pytest.fixture(scope="session")
def garden(engine_for: Callable[[str], Engine]) -> Engine:
    """An engine that hides vegetables, if it is enforced."""
    return engine_for(RULES)
