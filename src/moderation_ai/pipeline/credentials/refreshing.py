"""Refreshing: one process at a time asks a platform for an account's next tokens, and saves them before they are used.

``docs/decisions/refreshing-tokens.md`` tells what can still be lost, and why.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from moderation_ai.core.access import Access
from moderation_ai.core.errors import (
    CredentialsRejected,
    ModerationError,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    StoreError,
    UnsupportedAction,
)
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.credentials.records import KeptRecord, with_settings
from moderation_ai.pipeline.credentials.vault import Key, Vault, key_of
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

logger = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds for which one process alone may ask for an account's next tokens, and have them saved."""
ANSWER = 40.0
"""Seconds of these that the platform has for its answer."""
PATIENCE = 10.0
"""Seconds that is waited where another process asks for the next tokens."""
AGAIN = timedelta(minutes=1)
"""How long after a refresh that failed another is tried ahead of time."""
REFUSED_AGAIN = timedelta(hours=1)
"""The same where the platform refused it: somebody has to authorise the account again."""
_STEP = 0.05
_SAVES = 5


class Refresher:
    """Get next tokens. It belongs to one event loop, and ``name`` is no other worker's."""

    def __init__(
        self, store: Store, vault: Vault, sender: Sender, clock: Clock, *, name: str, patience: float = PATIENCE
    ) -> None:
        """Keep the parts; ``patience`` is how many seconds it waits where another process asks."""
        self._store = store
        self._vault = vault
        self._sender = sender
        self._clock = clock
        self._name = name
        self._patience = patience
        self._running: dict[Key, asyncio.Task[KeptRecord]] = {}
        self._unsaved: dict[Key, tuple[Access, KeptRecord, Session]] = {}
        self._failed: dict[Key, tuple[ModerationError, datetime]] = {}

    def failure(self, access: Access) -> ModerationError | None:
        """Return what the last refresh failed with, if it is too early for another."""
        error, until = self._failed.get(key_of(access), (None, self._clock.now()))
        return error if until > self._clock.now() else None

    def is_running(self, access: Access) -> bool:
        """Say whether the next tokens are being asked for just now."""
        return key_of(access) in self._running

    async def refresh(self, access: Access, kept: KeptRecord) -> KeptRecord:
        """Return the tokens after those of ``kept``, saved; whoever wants them at the same time gets the same.

        Raises ``CredentialsRejected`` where the account has to be authorised again, what ``Api.ask`` raises, and
        ``StoreError``. Whoever waits may go away: what the platform was asked for is seen through to the end.
        """
        key = key_of(access)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(self._refresh(access, kept))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: Key, task: asyncio.Task[KeptRecord]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # It was told to whoever waited, if anybody still did.

    async def finish(self) -> None:
        """Return when nothing is asked for any more and all is saved, or cannot be."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for access, _, _ in list(self._unsaved.values()):
            try:
                await self.save_late(access)
            except StoreError as error:
                logger.error("%s: its next tokens are lost, for they cannot be saved: %s", access.name, error)

    async def save_late(self, access: Access) -> KeptRecord | None:
        """Save what could not be saved before; return what counts then, or None where there was nothing."""
        unsaved = self._unsaved.get(key_of(access))
        if unsaved is None:
            return None
        kept = await self._vault.put(*unsaved)
        del self._unsaved[key_of(access)]
        await self._drop(access)
        return kept

    async def _refresh(self, access: Access, kept: KeptRecord) -> KeptRecord:
        await self._take(access)
        try:
            latest = await self._vault.look(access)
            if latest.session.access_token != kept.session.access_token and not latest.is_due(self._clock.now()):
                return latest
            try:
                session = await self._ask(access, latest)
            except PlatformError as error:
                await self._note_failure(access, latest, error)
                raise
            return await self._save(access, latest, session)
        finally:
            if key_of(access) not in self._unsaved:  # Else nobody else may use up what is used up already.
                await self._drop(access)

    async def _take(self, access: Access) -> None:
        waits_until = asyncio.get_running_loop().time() + self._patience
        while not await self._store.take_duty(_duty(access), self._name, self._clock.now(), LEASE):
            if asyncio.get_running_loop().time() > waits_until:
                raise PlatformUnavailable(f"{access.name}: another process is getting the next token", retry_after=1)
            await asyncio.sleep(_STEP)

    async def _drop(self, access: Access) -> None:
        try:
            await self._store.drop_duty(_duty(access), self._name)
        except StoreError as error:
            logger.warning(
                "%s: the right to refresh could not be given back; it ends by itself: %s", access.name, error
            )

    async def _ask(self, access: Access, kept: KeptRecord) -> Session:
        flow = access.platform.session(with_settings(kept.session, access), access.client)
        try:
            async with asyncio.timeout(ANSWER):
                session = await self._sender.drive(flow, access.platform.hosts)
        except TimeoutError as error:
            raise PlatformUnavailable(f"{access.name}: no next token came within {ANSWER:g} s") from error
        except (CredentialsRejected, RateLimited, PlatformUnavailable):
            raise
        except (PlatformError, UnsupportedAction) as error:
            raise cannot_be_had(error) from error
        logger.info("%s: got the next token, good until %s", access.name, session.expires_at or "it is revoked")
        return session

    async def _save(self, access: Access, kept: KeptRecord, session: Session) -> KeptRecord:
        """Save new tokens before anybody uses them: the old ones may be good for nothing by now."""
        self._failed.pop(key_of(access), None)
        for number in range(1, _SAVES + 1):
            try:
                return await self._vault.put(access, kept, session)
            except StoreError as error:
                logger.warning("%s: its next tokens cannot be saved (try %d): %s", access.name, number, error)
                if number == _SAVES:
                    self._unsaved[key_of(access)] = access, kept, session
                    raise
            await asyncio.sleep(_STEP * 2**number)
        raise AssertionError("the last try returns or raises")

    async def _note_failure(self, access: Access, kept: KeptRecord, error: ModerationError) -> None:
        now = self._clock.now()
        is_refusal = isinstance(error, CredentialsRejected)
        self._failed[key_of(access)] = error, now + (REFUSED_AGAIN if is_refusal else AGAIN)
        if is_refusal:
            logger.error("%s: authorise the account again: %s", access.name, error)
            await self._vault.refuse(access, kept, now, str(error))
        else:
            logger.warning("%s: the next token cannot be had now: %s", access.name, error)


def cannot_be_had(error: ModerationError) -> CredentialsRejected:
    """Return what an error is that is worth no other try: without a person there will be no next token."""
    return CredentialsRejected(f"the next token cannot be had: {error}")


def _duty(access: Access) -> str:
    return f"refresh {access.name}"
