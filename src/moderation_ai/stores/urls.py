"""What a store's URL tells before anything is opened."""

from __future__ import annotations

import re

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Say whether ``url`` names a PostgreSQL database."""
    return url.startswith(_POSTGRES)


_USERINFO = re.compile(r"(:/+[^:@/\s]*):\S*@")  # Up to the last @: a password may hold one.
_PARAMETER = re.compile(r"([?&]\w*pass\w*=)[^&\s]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """Return ``url``, which may be misspelt, as it may be shown; it may stand in a longer text."""
    return _PARAMETER.sub(r"\1********", _USERINFO.sub(r"\1:********@", url))
