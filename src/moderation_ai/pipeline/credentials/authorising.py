"""Authorising: how the tokens of each account stand, told without a key and without a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from moderation_ai.core.access import Access
from moderation_ai.stores.register import SavedSession

NEW, GOOD, ENDED, REFUSED, UNCONFIGURED = "new", "ok", "ended", "refused", "unconfigured"
"""``new``: configured, and not used yet. ``ended``: the access token is over, and the next one has not come.
``refused``: the platform takes the tokens no more, so the account has to be authorised again. ``unconfigured``: kept,
and of no use."""


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """How the tokens of an account stand; ``status`` is one of the words of this module.

    ``expires_at`` is when the access token ends (None: nobody told, or never), ``saved_at`` when tokens were last
    saved, ``refused_at`` and ``reason`` since when and why the account has to be authorised again.
    """

    platform: str
    account: str = ""
    status: str
    expires_at: datetime | None = None
    saved_at: datetime | None = None
    refused_at: datetime | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """Return ``platform``, or ``platform/account``."""
        return f"{self.platform}/{self.account}" if self.account else self.platform


def authorisations(accesses: Iterable[Access], saved: Sequence[SavedSession], now: datetime) -> list[Authorisation]:
    """Return how the tokens of every account stand that is configured or kept, by name."""
    rows = {(each.platform, each.account): each for each in saved}
    found = []
    for access in accesses:
        row = rows.pop((access.platform.name, access.account), None)
        found.append(
            _read(row, _status(row, now))
            if row is not None
            else Authorisation(platform=access.platform.name, account=access.account, status=NEW)
        )
    found += [_read(row, UNCONFIGURED) for row in rows.values()]
    return sorted(found, key=lambda each: each.name)


def refusals(standing: Iterable[Authorisation]) -> Iterator[tuple[str, str]]:
    """Yield the name of each account that has to be authorised again, and a sentence that says so."""
    for each in standing:
        if each.status == REFUSED:
            advice = "put new tokens into the configuration and restart (docs/credentials.md)"
            yield each.name, f"{each.name}: authorise the account again: {each.reason}: {advice}"


def _status(row: SavedSession, now: datetime) -> str:
    if row.refused_at is not None:
        return REFUSED
    return ENDED if row.expires_at is not None and row.expires_at <= now else GOOD


def _read(row: SavedSession, status: str) -> Authorisation:
    return Authorisation(
        platform=row.platform,
        account=row.account,
        status=status,
        expires_at=row.expires_at,
        saved_at=row.saved_at,
        refused_at=row.refused_at,
        reason=row.reason,
    )
