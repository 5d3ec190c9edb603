"""What a caller is told when PostgreSQL fails."""

from __future__ import annotations

import asyncio

import asyncpg

from moderation_ai.core.errors import ModerationError, StoreBusy, StoreError

_ITS_OWN = (asyncpg.DataError, ValueError, TypeError)
"""Failures of one piece of work, which hold a value that cannot be stored."""
_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # its word for a connection that ended in the middle of its start
    asyncpg.OperatorInterventionError,  # it shuts down, or starts up, or somebody cancelled us
    OSError,
    TimeoutError,
    asyncio.CancelledError,
)
_PASSING = (
    *_GONE,
    asyncpg.InsufficientResourcesError,  # the disk is full, or the memory, or the connections are all taken
    asyncpg.TransactionRollbackError,  # a deadlock, or a serialisation that failed
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
)
"""Failures that end by themselves or by a person's hand."""
_LASTING = (
    asyncpg.InternalServerError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.SyntaxOrAccessError,  # no rights, or a table that is not there
    asyncpg.PostgresSystemError,
)


def is_gone(error: BaseException) -> bool:
    """Say whether the connection was lost, so that nobody knows whether the work was done."""
    return isinstance(error, _GONE) and not isinstance(error, _ITS_OWN)


def concerns_all(error: BaseException) -> bool:
    """Say whether a failure is the store's, so that any other work would fail now too."""
    return isinstance(error, (*_PASSING, *_LASTING, StoreError)) and not isinstance(error, _ITS_OWN)


def as_store_error(error: BaseException) -> ModerationError:
    """Return what the caller is told: come again where the failure passes, else that the store failed."""
    if isinstance(error, ModerationError):
        return error
    reason = reason_of(error)
    told = StoreError(f"the store failed: {reason}")
    if isinstance(error, _PASSING) and concerns_all(error):
        told = StoreBusy(f"the store cannot take more now: {reason}; nothing was acknowledged, come again")
        told.retry_after = 5
    told.__cause__ = error
    return told


def reason_of(error: BaseException) -> str:
    """Return what may be said of an error: PostgreSQL's own words, without the detail that quotes values."""
    if isinstance(error, _ITS_OWN) or not isinstance(error, (asyncpg.PostgresError, OSError, TimeoutError)):
        return type(error).__name__
    text = getattr(error, "message", None) or str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
