"""Credentials: the one place that hands out tokens to act with, renewed in time, and once more where one is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import CredentialsRejected, ModerationError, PlatformError, UnsupportedAction
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.credentials.records import KeptRecord, with_settings
from moderation_ai.pipeline.credentials.refreshing import PATIENCE, Refresher, cannot_be_had
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.pipeline.credentials.vault import Key, Vault, key_of
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK = 60.0
"""Seconds after which it is looked for tokens that are to be renewed."""
ASK_WHO_AGAIN = timedelta(minutes=10)
"""How long after a failure a platform is asked again whose a token is."""
_NEVER = timedelta(days=365)


class Credentials:
    """The tokens of the accounts in ``accesses``; it belongs to one event loop, and ``name`` is no other worker's.

    ``sealer`` gives what they are encrypted by, as ``Vault`` has it.
    """

    def __init__(
        self,
        store: Store,
        accesses: Iterable[Access],
        sender: Sender,
        clock: Clock,
        sealer: Callable[[bool], Sealer],
        *,
        name: str,
        patience: float = PATIENCE,
    ) -> None:
        """Keep the parts; nothing is read yet. ``patience`` is as ``Refresher`` has it."""
        self.accesses = {key_of(each): each for each in accesses}
        self.vault = Vault(store, clock, sealer)
        self._sender = sender
        self._clock = clock
        self._refresher = Refresher(store, self.vault, sender, clock, name=name, patience=patience)
        self._kept: dict[Key, KeptRecord] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._asked_who: dict[Key, datetime] = {}
        self._useless: dict[Key, str] = {}
        self._told: dict[Key, str] = {}
        self._stop = asyncio.Event()

    # --- what others ask for ---

    async def session(self, access: Access) -> Session:
        """Return the tokens to act with, renewed if it is time, with the account's id if the platform tells it.

        Raises ``CredentialsRejected`` where the account has to be authorised again, what ``Api.ask`` raises where the
        next tokens cannot be had, ``StoreError``, and ``ConfigurationError`` for tokens that no key opens.
        """
        if _is_nobody(access):
            return access.session
        kept = self._kept.get(key_of(access))
        if kept is None or not self._is_ready(access, kept):
            async with self._lock(access):
                kept = await self._ready(access)
        return with_settings(kept.session, access)

    def known(self, access: Access) -> Session:
        """Return the tokens as they are known now, without asking anybody; from any thread."""
        kept = self._kept.get(key_of(access))
        return with_settings(kept.session, access) if kept is not None else access.session

    async def using(self, access: Access, act: Callable[[Session], Awaitable[T]]) -> T:
        """Return what ``act`` returns with the tokens; where they are not accepted, once more with the next ones.

        Raises what ``session`` and ``act`` raise.
        """
        session = await self.session(access)
        try:
            result = await act(session)
        except CredentialsRejected:
            if _is_nobody(access):
                raise
            session = await self.renewed(access, session)
            try:
                result = await act(session)
            except CredentialsRejected:
                # It is not that the token has ended, so the one after it would fare no better.
                self._useless[key_of(access)] = session.access_token
                raise
        await self._note_accepted(access)
        return result

    async def renewed(self, access: Access, refused: Session) -> Session:
        """Return tokens that follow those in ``refused``, which the platform does not accept.

        Raises what ``session`` does, and ``CredentialsRejected`` where new tokens were not accepted before.
        """
        async with self._lock(access):
            kept = await self._look(access)
            if kept.session.access_token == refused.access_token:
                self._require_use(access, refused)
                kept = await self._refresh(access, kept)
            return with_settings(kept.session, access)

    async def refresh(self, access: Access) -> Session:
        """Get the next tokens now, whatever is left of those there are; raises what ``session`` does.

        Where there is nothing to get them with, that is no refusal of those there are.
        """
        async with self._lock(access):
            kept = await self._look(access)
            _require_way(access, kept)
            return with_settings((await self._refresh(access, kept)).session, access)

    async def open(self) -> None:
        """Find the keys and read what is saved; raise ``ConfigurationError`` for what no key opens, ``StoreError``."""
        for access in self.accesses.values():
            async with self._lock(access):
                await self._look(access)

    async def run(self) -> None:
        """Renew what is to be renewed until ``stop``; what fails is in the log, and tried again."""
        while not self._stop.is_set():
            for access in self.accesses.values():
                await self._look_after(access)
            await self._clock.wait(self._stop, LOOK)

    async def stop(self) -> None:
        """End ``run``, and see what was begun through to the end."""
        self._stop.set()
        await self._refresher.finish()

    # --- one step after the other; all of it under the account's lock ---

    def _lock(self, access: Access) -> asyncio.Lock:
        return self._locks.setdefault(key_of(access), asyncio.Lock())

    def _is_ready(self, access: Access, kept: KeptRecord) -> bool:
        """Say whether the tokens can be used as they are, without waiting for anything."""
        now = self._clock.now()
        if kept.has_ended(now) or self._should_ask_who(access, kept):
            return False
        return not kept.is_due(now) or self._refresher.is_running(access)

    async def _ready(self, access: Access) -> KeptRecord:
        kept = await self._refresher.save_late(access) or self._kept.get(key_of(access))
        if kept is None:
            kept = await self.vault.look(access)
        self._kept[key_of(access)] = kept
        now = self._clock.now()
        if kept.is_due(now) or kept.has_ended(now):
            kept = await self._renew_in_time(access, kept)
        if self._should_ask_who(access, kept):
            kept = await self._identify(access, kept)
        return kept

    async def _look(self, access: Access) -> KeptRecord:
        """Return what counts by what the store has now: another process may have saved other tokens."""
        await self._refresher.save_late(access)
        kept = self._kept[key_of(access)] = await self.vault.look(access)
        return kept

    async def _refresh(self, access: Access, kept: KeptRecord) -> KeptRecord:
        key = key_of(access)
        try:
            self._kept[key] = await self._refresher.refresh(access, kept)
        except CredentialsRejected:
            self._kept[key] = replace(self._kept[key], is_refused=True)
            raise
        return self._kept[key]

    async def _renew_in_time(self, access: Access, kept: KeptRecord) -> KeptRecord:
        """Return the next tokens, or those there are while they last and the next cannot be had."""
        error = self._refresher.failure(access)
        if error is None:
            try:
                return await self._refresh(access, kept)
            except PlatformError as failure:
                error = failure
        if kept.has_ended(self._clock.now()):
            kept = await self._look(access)  # Another process may know other tokens by now.
        if kept.has_ended(self._clock.now()):
            raise error
        return kept

    def _require_use(self, access: Access, refused: Session) -> None:
        if self._useless.get(key_of(access)) == refused.access_token:
            raise CredentialsRejected(
                f"{access.name}: its token is new and still not accepted: see what the account and the app may do "
                "there, and authorise the account again"
            )

    async def _note_accepted(self, access: Access) -> None:
        """Forget a refusal that was none: the platform takes the tokens, and there is nothing to renew them by."""
        kept = self._kept.get(key_of(access))
        if kept is not None and kept.is_refused and kept.session.refresh_token is None:
            async with self._lock(access):
                self._kept[key_of(access)] = await self.vault.save(kept) or await self.vault.look(access)

    def _should_ask_who(self, access: Access, kept: KeptRecord) -> bool:
        if with_settings(kept.session, access).account_id is not None:
            return False
        again = self._asked_who.get(key_of(access))
        return again is None or again <= self._clock.now()

    async def _identify(self, access: Access, kept: KeptRecord) -> KeptRecord:
        """Ask once whose the token is, and keep it; where nobody tells, go on without."""
        key = key_of(access)
        try:
            flow = access.platform.identify(with_settings(kept.session, access))
            account_id = await self._sender.drive(flow, access.platform.hosts)
        except PlatformError as error:
            self._asked_who[key] = self._clock.now() + ASK_WHO_AGAIN
            logger.info("%s: whose token it is cannot be told now: %s", access.name, error)
            return kept
        except UnsupportedAction as error:
            self._asked_who[key] = self._clock.now() + _NEVER
            return await self._identify_by_refresh(access, kept, error)
        record = replace(kept.record, session=replace(kept.session, account_id=account_id))
        kept = self._kept[key] = await self.vault.save(replace(kept, record=record)) or await self.vault.look(access)
        return kept

    async def _identify_by_refresh(self, access: Access, kept: KeptRecord, why: UnsupportedAction) -> KeptRecord:
        """Get the next tokens where there is no call that tells whose they are: TikTok tells it with them."""
        if kept.session.refresh_token is not None:
            try:
                kept = await self._refresh(access, kept)
            except PlatformError as error:
                logger.info("%s: whose token it is cannot be told: %s", access.name, error)
        if kept.session.account_id is None:
            logger.warning("%s: %s", access.name, why)
        return kept

    async def _look_after(self, access: Access) -> None:
        try:
            await self.session(access)
            self._told.pop(key_of(access), None)
        except ModerationError as error:
            if self._told.get(key_of(access)) != str(error):
                self._told[key_of(access)] = str(error)
                logger.warning("%s: its tokens cannot be renewed: %s", access.name, error)


def _is_nobody(access: Access) -> bool:
    """Say whether no token is configured: there are lists that are shown to everybody."""
    return not access.session.access_token and not access.session.refresh_token


def _require_way(access: Access, kept: KeptRecord) -> None:
    """Raise what the platform's flow raises before it asks anything, such as where there is no refresh token."""
    flow = access.platform.session(with_settings(kept.session, access), access.client)
    try:
        next(flow, None)
    except CredentialsRejected:
        raise
    except (PlatformError, UnsupportedAction) as error:
        raise cannot_be_had(error) from error
    flow.close()
