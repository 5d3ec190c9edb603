"""The accounts' tokens as rows, by verbs that both dialects understand; what they hold is encrypted before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moderation_ai.stores.register import SavedSession
from moderation_ai.stores.sqlverbs import SqlVerbs, Verb
from moderation_ai.stores.times import to_micros, to_micros_or_none, to_time, to_time_or_none

_COLUMNS = "platform, account, session, version, expires_at, saved_at, refused_at, reason"
_KEY = "platform = $1 AND account = $2"


def find(platform: str, account: str) -> Verb[SavedSession | None]:
    """Return what is saved of an account."""
    rows = yield f"SELECT {_COLUMNS} FROM {{s}}sessions WHERE {_KEY}", (platform, account)
    return _read(rows[0]) if rows else None


def find_all() -> Verb[list[SavedSession]]:
    """Return what is saved of all accounts."""
    rows = yield f"SELECT {_COLUMNS} FROM {{s}}sessions", ()
    return sorted(map(_read, rows), key=lambda each: (each.platform, each.account))


def save(session: SavedSession) -> Verb[bool]:
    """Keep a session as the version after its own, if its own is the one that is saved."""
    times = to_micros_or_none(session.expires_at), to_micros(session.saved_at)
    if session.version == 0:
        rows = yield (
            "INSERT INTO {s}sessions (platform, account, session, version, expires_at, saved_at) "
            "VALUES ($1, $2, $3, 1, $4, $5) ON CONFLICT (platform, account) DO NOTHING RETURNING version",
            (session.platform, session.account, session.sealed, *times),
        )
        return bool(rows)
    rows = yield (
        "UPDATE {s}sessions SET session = $3, version = version + 1, expires_at = $4, saved_at = $5, "
        f"refused_at = NULL, reason = NULL WHERE {_KEY} AND version = $6 "
        "RETURNING version",
        (session.platform, session.account, session.sealed, *times, session.version),
    )
    return bool(rows)


def refuse(platform: str, account: str, version: int, now: datetime, reason: str) -> Verb[None]:
    """Note that the platform takes a version of the tokens no more."""
    yield (
        f"UPDATE {{s}}sessions SET refused_at = $4, reason = $5 WHERE {_KEY} AND version = $3",
        (platform, account, version, to_micros(now), reason),
    )


def delete(platform: str, account: str) -> Verb[bool]:
    """Forget the tokens of an account."""
    rows = yield f"DELETE FROM {{s}}sessions WHERE {_KEY} RETURNING version", (platform, account)
    return bool(rows)


def _read(row: Sequence[Any]) -> SavedSession:
    platform, account, sealed, version, expires_at, saved_at, refused_at, reason = row
    return SavedSession(
        platform=platform,
        account=account,
        sealed=bytes(sealed),
        version=version,
        expires_at=to_time_or_none(expires_at),
        saved_at=to_time(saved_at),
        refused_at=to_time_or_none(refused_at),
        reason=reason,
    )


class SqlSessions(SqlVerbs):
    """Keep the accounts' tokens in a database."""

    async def session(self, platform: str, account: str) -> SavedSession | None:
        """Return what is saved of an account."""
        return await self._look(lambda: find(platform, account))

    async def sessions(self) -> list[SavedSession]:
        """Return what is saved of all accounts."""
        return await self._look(find_all)

    async def save_session(self, session: SavedSession) -> bool:
        """Keep ``session`` if nobody saved another one meanwhile."""
        return await self._change(lambda: save(session))

    async def refuse_session(self, platform: str, account: str, version: int, now: datetime, reason: str) -> None:
        """Note that the platform takes the tokens no more."""
        await self._change(lambda: refuse(platform, account, version, now, reason))

    async def delete_session(self, platform: str, account: str) -> bool:
        """Forget the tokens of an account."""
        return await self._change(lambda: delete(platform, account))
