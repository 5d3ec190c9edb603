"""A finding: what was checked, how it stands, and what to do about it."""

from __future__ import annotations

import msgspec

OK, WARNING, FAILURE = "ok", "warning", "failure"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found; ``advice`` is what to do, where there is anything to do."""

    check: str
    status: str
    message: str
    advice: str | None = None


def ok(check: str, message: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(check=check, status=OK, message=message)


def warning(check: str, message: str, advice: str) -> Finding:
    """Return the finding that something deserves a look."""
    return Finding(check=check, status=WARNING, message=message, advice=advice)


def failure(check: str, message: str, advice: str) -> Finding:
    """Return the finding that something does not work."""
    return Finding(check=check, status=FAILURE, message=message, advice=advice)
