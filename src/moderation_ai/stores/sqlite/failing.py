"""What a caller is told when SQLite fails."""

from __future__ import annotations

import apsw

from moderation_ai.core.errors import ModerationError, StoreBusy, StoreError

PASSING = (apsw.FullError, apsw.BusyError, apsw.LockedError, apsw.IOError, apsw.CantOpenError)
"""Failures that end by themselves or by a person's hand: no room, a lock of another process, a disk that stutters."""
LASTING = (apsw.ReadOnlyError, apsw.CorruptError, apsw.NotADBError, apsw.NoMemError, apsw.SchemaChangeError)


def concerns_all(error: BaseException) -> bool:
    """Say whether a failure is the store's, so that any other work would fail now too."""
    return isinstance(error, (*PASSING, *LASTING, StoreError))


def as_store_error(error: BaseException) -> ModerationError:
    """Return what the caller is told: come again where the failure passes, else that the store failed."""
    if isinstance(error, ModerationError):
        return error
    # Only SQLite's own words are passed on: other errors may quote what they choked on, a body for instance.
    reason = str(error) if isinstance(error, apsw.Error) else type(error).__name__
    told = StoreError(f"the store failed: {reason}")
    if isinstance(error, PASSING):
        told = StoreBusy(f"the store cannot take more now: {reason}; nothing was kept, come again", retry_after=5)
    told.__cause__ = error
    return told
