"""What a store's URL tells before anything is opened."""

from __future__ import annotations

import re

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Say whether ``url`` names a PostgreSQL database."""
    return url.startswith(_POSTGRES)


def without_password(url: str) -> str:
    """Return ``url`` as it may be shown; it may stand in a longer text."""
    shown = re.sub(r"(?<=://)([^:@/\s]*):[^@\s]*@", r"\1:********@", url)
    return re.sub(r"(?<=[?&]password=)[^&\s]*", "********", shown)
