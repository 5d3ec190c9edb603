"""The vault: the accounts' tokens in the store, encrypted; what is saved there and what is configured meet here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.credentials.records import KeptRecord, adopt, go_on, seal, unseal
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.stores.base import Store

Key = tuple[str, str]


class Vault:
    """Read and save tokens, never an older one over a newer.

    ``sealer`` is called once, when it is first needed, with whether nothing is saved yet, so that a key may be made.
    """

    def __init__(self, store: Store, clock: Clock, sealer: Callable[[bool], Sealer]) -> None:
        """Keep the parts; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._make_sealer = sealer
        self._sealer: Sealer | None = None

    async def open(self) -> Sealer:
        """Find the keys; raise ``ConfigurationError`` where that fails."""
        if self._sealer is None:
            is_new = not await self._store.sessions()
            self._sealer = await asyncio.to_thread(self._make_sealer, is_new)
        return self._sealer

    async def look(self, access: Access) -> KeptRecord:
        """Return what counts of an account: what is saved, or the configured tokens, saved now, where these are new.

        Raises ``StoreError``, and ``ConfigurationError`` for what no key opens.
        """
        while True:
            found = await self._find(access)
            record = adopt(found.record if found else None, access, self._clock.now())
            if found is not None and record is found.record:
                return found
            saved = await self.save(KeptRecord(record=record, version=found.version if found else 0))
            if saved is not None:
                return saved

    async def _find(self, access: Access) -> KeptRecord | None:
        saved = await self._store.session(*key_of(access))
        return unseal(saved, await self.open()) if saved is not None else None

    async def save(self, kept: KeptRecord) -> KeptRecord | None:
        """Return the record as it is saved now, or None where another process was quicker."""
        is_saved = await self._store.save_session(seal(kept, await self.open(), self._clock.now()))
        return replace(kept, version=kept.version + 1, is_refused=False) if is_saved else None

    async def put(self, access: Access, kept: KeptRecord, session: Session) -> KeptRecord:
        """Save the tokens ``session``, that were got by those of ``kept``; return what counts then.

        Another process may have saved something beside them meanwhile, such as the account's id: that is kept too. If
        it was other tokens, these count.
        """
        before = kept
        while True:
            record = go_on(kept.record, session, self._clock.now())
            saved = await self.save(replace(kept, record=record))
            if saved is not None:
                return saved
            kept = await self.look(access)
            if not _same_tokens(kept.session, before.session):
                return kept

    async def refuse(self, access: Access, kept: KeptRecord, now: datetime, reason: str) -> KeptRecord:
        """Note that the platform takes the tokens no more."""
        await self._store.refuse_session(*key_of(access), kept.version, now, reason)
        return replace(kept, is_refused=True)


def key_of(access: Access) -> Key:
    """Return what an account is kept by: its platform, and its name in the configuration."""
    return access.platform.name, access.account


def _same_tokens(one: Session, other: Session) -> bool:
    return (one.access_token, one.refresh_token) == (other.access_token, other.refresh_token)
