"""What a store's URL tells before anything is opened."""

from __future__ import annotations

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Say whether ``url`` names a PostgreSQL database."""
    return url.startswith(_POSTGRES)


def without_password(url: str) -> str:
    """Return ``url`` as it may be shown."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, user = head.partition("://")
    name, colon, _ = user.partition(":")
    return f"{scheme}{slashes}{name}:***@{tail}" if at and slashes and colon else url
