"""The wing: what is true of each platform, one pure module or package per platform, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from moderation_ai.core.errors import ConfigurationError, UnknownPlatform
from moderation_ai.core.platform import Platform

ENTRY_POINTS = "moderation_ai.platforms"
"""The entry-point group by which other packages add platforms; each entry names a ``Platform`` instance."""


@cache
def all_platforms() -> dict[str, Platform]:
    """Return every platform by its name: the modules of this package, then what other packages add.

    Raises ``ConfigurationError`` if two of them claim one name.
    """
    found: dict[str, Platform] = {}
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    ours = [importlib.import_module(f"{__name__}.{name}").PLATFORM for name in names]
    theirs = [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    for platform in [*ours, *theirs]:
        if found.setdefault(platform.name, platform) is not platform:
            raise ConfigurationError(f"two packages bring a platform named {platform.name!r}; remove one of them")
    return found


@cache
def aliases() -> dict[str, str]:
    """Return the platforms' other names, each with the name it stands for."""
    return {alias: platform.name for platform in all_platforms().values() for alias in platform.aliases}


def find_platform(name: str) -> Platform:
    """Return the platform called ``name`` or known by that alias; raise ``UnknownPlatform`` if there is none."""
    lower = name.lower() if isinstance(name, str) else ""
    platform = all_platforms().get(aliases().get(lower, lower))
    if platform is None:
        known = ", ".join(sorted(all_platforms()))
        raise UnknownPlatform(f"no platform is called {name!r}; known are {known}")
    return platform
