"""The stage: each platform's API as a small app on this machine, for demos, our tests and users' tests.

``find_fake("reddit")`` makes one; ``with fake.serve() as served`` gives it a free port, and ``served.sender()`` a
``Sender`` that reaches it in the platform's place. ``docs/testing.md`` shows how.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from moderation_ai.core.errors import UnknownPlatform
from moderation_ai.fakes.fake import Fake
from moderation_ai.platforms import all_platforms, find_platform

__all__ = ["Fake", "fake_names", "find_fake"]


def fake_names() -> tuple[str, ...]:
    """Return the names of the platforms that there is a fake of: a module of that name here."""
    return tuple(sorted(all_platforms().keys() & {module.name for module in pkgutil.iter_modules(__path__)}))


def find_fake(name: str, **arguments: Any) -> Fake:
    """Return a new fake of a platform, by its name or an alias; ``arguments`` are those of ``Fake``.

    Raises ``UnknownPlatform`` where there is none.
    """
    known = find_platform(name).name
    if known not in fake_names():
        raise UnknownPlatform(f"there is no fake of {name!r}; there are: {', '.join(fake_names())}")
    made: Fake = import_module(f"moderation_ai.fakes.{known}").FAKE(**arguments)
    return made
