"""What a store's URL tells before anything is opened."""

from __future__ import annotations

import re
from pathlib import Path

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Say whether ``url`` names a PostgreSQL database."""
    return url.startswith(_POSTGRES)


_USERINFO = re.compile(r"(:/+[^:@/\s]*):\S*@")  # Up to the last @: a password may hold one.
_PARAMETER = re.compile(r"([?&]\w*pass\w*=)[^&\s]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """Return ``url``, which may be misspelt, as it may be shown; it may stand in a longer text."""
    return _PARAMETER.sub(r"\1********", _USERINFO.sub(r"\1:********@", url))


_SQLITE = "sqlite:///"
_PROGRAM = "moderation-ai"


def companion(url: str, ending: str) -> Path | None:
    """Return the file that belongs to a store and ends so: beside its own file, or here for one in a database.

    None for a store that lives in memory.
    """
    if url.startswith(_SQLITE):
        file = Path(url.removeprefix(_SQLITE))
        return file.with_name(file.name + ending)
    return Path(_PROGRAM + ending) if is_postgres(url) else None
