"""Showing: every setting with its value and where it came from; secrets behind a mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from moderation_ai.config.catalogue import NAMED, Leaf, Path, leaves
from moderation_ai.config.loading import Loaded
from moderation_ai.config.origins import DEFAULT
from moderation_ai.config.settings import MASK, Settings
from moderation_ai.stores.urls import without_password


class Shown(NamedTuple):
    """A setting as ``config show`` prints it."""

    name: str
    value: Any
    origin: str


def show(loaded: Loaded) -> list[Shown]:
    """Return every setting of this process; below platforms those that are set.

    Secrets are masked, passwords in addresses too.
    """
    rows = []
    for pattern, leaf in leaves():
        for path in _concrete(pattern, loaded.settings):
            name = ".".join(path)
            origin = loaded.origin(name)
            if NAMED not in pattern or origin is not DEFAULT:
                rows.append(Shown(name, _masked(_value(loaded.settings, path), leaf), str(origin)))
    return rows


def _concrete(pattern: Path, settings: Settings) -> Iterator[Path]:
    if NAMED not in pattern:
        yield pattern
        return
    for platform, configured in settings.platforms.items():
        path = ("platforms", platform, *pattern[2:])
        if NAMED not in path:
            yield path
            continue
        for account in configured.accounts:
            yield (*path[:3], account, *path[4:])


def _value(settings: Settings, path: Path) -> Any:
    value: Any = settings
    for name in path:
        value = value[name] if isinstance(value, dict) else getattr(value, _attribute(value, name))
    return value


def _attribute(struct: msgspec.Struct, name: str) -> str:
    return next(field.name for field in msgspec.structs.fields(struct) if field.encode_name == name)


def _masked(value: Any, leaf: Leaf) -> Any:
    if leaf.is_secret:
        return [MASK] * len(value) if leaf.kind == "secrets" else value and MASK
    if isinstance(value, tuple):
        return list(value)
    return without_password(value) if isinstance(value, str) else value
