"""Outbox: claims the actions that are due, has them done on their platforms, and writes down what came of each."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from datetime import datetime, timedelta

from moderation_ai.core.access import Access
from moderation_ai.core.acts import Act, Outcome, Target
from moderation_ai.core.errors import (
    ConfigurationError,
    CredentialsRejected,
    ModerationError,
    PlatformUnavailable,
    StoreError,
)
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.acting import outcomes
from moderation_ai.pipeline.acting.driving import Drive
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.pipeline.credentials.keyfile import find_keys
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import DEAD, RETRY, UNCERTAIN, Action, Settled

logger = logging.getLogger(__name__)

LIMIT = 64
"""Actions that an outbox holds at once: few, so that a severe one that comes later is not far behind."""
AT_ONCE = 16
"""Calls to one account's platform that go on at once."""
FEW = 4
"""Actions of one account that are claimed at once where no more are due; where it is more, we look again."""
LEASE = 120.0
"""Seconds after which another worker may have what this one held."""
POLL = 1.0
"""Seconds after which an idle outbox looks for what other processes want, and for what is to be tried again."""
FAILURES = 5
"""Failures of an account's platform, one after the other, after which it is left alone for a while."""
LONGEST_REST = 600.0
_NO_ACCESS = 60.0

Key = tuple[str, str]


class Outbox:
    """Do what is wanted on platforms. It belongs to one event loop; ``wake`` and ``expect`` may be called from any.

    ``accesses`` are the accounts that can be acted with, by platform and name.
    """

    def __init__(
        self,
        store: Store,
        accesses: Iterable[Access],
        clock: Clock,
        chance: Callable[[], float],
        *,
        name: str,
        sender: Sender | None = None,
        credentials: Credentials | None = None,
        poll: float = POLL,
    ) -> None:
        """Keep the parts; ``name`` must be no other worker's.

        Without ``credentials`` the tokens are saved under a key of this process, so that no other can read them.
        """
        self.accesses: Mapping[Key, Access] = {(each.platform.name, each.account): each for each in accesses}
        self.store = store
        self.clock = clock
        self.name = name
        self._chance = chance
        self._sender = sender or Sender(now=clock.now)
        self.credentials = credentials or Credentials(
            store, self.accesses.values(), self._sender, clock, lambda is_new: Sealer(find_keys((), None)), name=name
        )
        self._poll = poll
        self._held = 0
        self._is_full = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._gates: dict[Key, asyncio.Semaphore] = {}
        self._rests: dict[Key, datetime] = {}
        self._failures: dict[Key, int] = {}
        self._tripped_at: dict[Key, datetime] = {}
        self._waiters: dict[int, list[Future[None]]] = {}
        self._wake = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    @property
    def is_running(self) -> bool:
        """Say whether actions are done by this process."""
        return self._loop is not None and not self._stopping

    def wake(self) -> None:
        """Look for work now; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def expect(self, action_id: int) -> Future[None]:
        """Return a future that is done when this outbox has settled a try of the action."""
        future: Future[None] = Future()
        self._waiters.setdefault(action_id, []).append(future)
        return future

    async def session(self, access: Access) -> Session:
        """Return the tokens that this outbox acts with, from any loop; the configured ones where it does not run.

        Raises what ``Credentials.session`` does.
        """
        if self._loop is None or self._loop.is_closed():
            return access.session
        # What waits in there, for a lock or an answer, belongs to the outbox's loop.
        asked = asyncio.run_coroutine_threadsafe(self.credentials.session(access), self._loop)
        return await asyncio.wrap_future(asked)

    async def identify(self, access: Access) -> str:
        """Return the id of an account, which its platform is asked for once; raise what the platform's flow does."""
        session = await self.session(access)
        if session.account_id is not None:
            return session.account_id
        drive = Drive(access, self._sender, self.store, self.clock.now)
        return await drive.run(access.platform.identify(session))

    async def run(self) -> None:
        """Claim and act until ``stop``; a store that fails is asked again."""
        self._loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            is_more = False
            try:
                async with self._claiming:
                    is_more = not self._stopping and await self._claim()
            except StoreError as error:
                logger.warning("the outbox cannot claim, again in %.1f s: %s", self._poll, error)
            if not is_more:
                await self.clock.wait(self._wake, self._poll)

    async def _claim(self) -> bool:
        """Begin with what is due as far as there is room; say whether more may be due.

        An account is given a part of the room only: where one has fewer than that, nothing of it is left.
        """
        room = LIMIT - self._held
        self._is_full = room < LIMIT // 4
        if self._is_full:
            return False
        claimed = await self.store.claim_actions(self.name, room, self.clock.now(), LEASE)
        self._begin(claimed)
        most = max(Counter((each.platform, each.account) for each in claimed).values(), default=0)
        return most >= max(1, min(FEW, room // max(1, len(self.accesses))))

    def _begin(self, claimed: Sequence[Action]) -> None:
        for batch in self._batches(claimed):
            self._held += len(batch)
            task = asyncio.get_running_loop().create_task(self._do(batch, self.clock.now()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _batches(self, claimed: Sequence[Action]) -> list[list[Action]]:
        """Return the actions in the groups that go into one call each, in order."""
        found: list[list[Action]] = []
        open_by: dict[tuple[object, ...], list[Action]] = {}
        for action in claimed:
            access = self.accesses.get((action.platform, action.account))
            capability = access.platform.capabilities.get(action.action) if access else None
            size = capability.batch if capability and action.text is None else 1
            key = (action.platform, action.account, action.action, action.begun)
            batch = open_by.get(key)
            if size == 1 or batch is None or len(batch) >= size:
                batch = open_by[key] = []
                found.append(batch)
            batch.append(action)
        return found

    async def _do(self, batch: list[Action], claimed_at: datetime) -> None:
        key = (batch[0].platform, batch[0].account)
        settled: Sequence[Settled] = ()
        try:
            async with self._gates.setdefault(key, asyncio.Semaphore(AT_ONCE)):
                settled = await self._try(key, batch, claimed_at)
        finally:
            await self._settle(batch, settled)

    async def _try(self, key: Key, batch: list[Action], claimed_at: datetime) -> Sequence[Settled]:
        access, now = self.accesses.get(key), self.clock.now()
        if access is None:
            return outcomes.later(batch, now + timedelta(seconds=_NO_ACCESS), "no access token is configured here")
        rest = self._rests.get(key)
        if rest is not None and rest > now:
            return outcomes.later(batch, rest)
        if self._stopping or now - claimed_at > timedelta(seconds=LEASE / 2):
            return outcomes.later(batch, now)
        drive = Drive(access, self._sender, self.store, self.clock.now)
        try:
            made = await self._act(access, batch, drive)
        except StoreError as error:
            return outcomes.later(batch, now + timedelta(seconds=self._poll), str(error), told=drive.told)
        except ConfigurationError as error:  # Somebody has to mend it, and nothing is given up.
            logger.error("%s on %s must wait: %s", batch[0].action, access.name, error)
            return outcomes.later(batch, now + timedelta(seconds=_NO_ACCESS), str(error), told=drive.told)
        except ModerationError as error:
            return await self._failed(key, batch, drive, error, now, claimed_at)
        except Exception as error:  # A defect of ours must not have it tried for ever.
            logger.exception("%s on %s broke off", batch[0].action, access.name)
            status = UNCERTAIN if drive.told else DEAD
            return [Settled(id=each.id, status=status, reason=type(error).__name__) for each in batch]
        self._failures.pop(key, None)
        self._tripped_at.pop(key, None)
        if drive.pause is not None:
            await self._rest(key, drive.pause, "the platform's allowance is used up")
        return outcomes.of_outcomes(batch, made)

    async def _failed(
        self,
        key: Key,
        batch: list[Action],
        drive: Drive,
        error: ModerationError,
        began: datetime,
        claimed_at: datetime,
    ) -> Sequence[Settled]:
        logger.warning("%s on %s failed: %s", batch[0].action, "/".join(filter(None, key)), error)
        await self._note_error(key, error, began)
        now = self.clock.now()
        if error is not drive.error and isinstance(error, PlatformUnavailable):
            # It was the next token that could not be had.
            return [outcomes.refused(each, error, now, sent=drive.sent > 0) for each in batch]
        found = [
            outcomes.of_error(each, error, now, told=drive.told, sent=drive.sent > 0, chance=self._chance)
            for each in batch
        ]
        if len(batch) > 1 and found[0].status == DEAD:
            # One of them may be what was refused: the others must not suffer for it.
            return [one for each in batch for one in await self._try(key, [each], claimed_at)]
        return found

    async def _act(self, access: Access, batch: list[Action], drive: Drive) -> tuple[Outcome, ...]:
        first = batch[0]
        targets: tuple[Target, ...] = tuple(each.target for each in batch)
        act = Act(action=first.action, targets=targets, text=first.text)

        async def do(session: Session) -> tuple[Outcome, ...]:
            try:
                return await drive.run(access.platform.moderate(act, session, look=first.begun))
            except ModerationError as error:
                drive.error = error
                if isinstance(error, CredentialsRejected):
                    drive.told = False  # It was refused before anything was done.
                raise

        return await self.credentials.using(access, do)

    async def _note_error(self, key: Key, error: ModerationError, began: datetime) -> None:
        """Let the account rest where the error says so, or where one failure follows the other.

        What was under way when it was sent to rest met the same trouble, and makes that no longer.
        """
        seconds, now = outcomes.rest_after(error), self.clock.now()
        tripped_at = self._tripped_at.get(key)
        if isinstance(error, PlatformUnavailable) and (tripped_at is None or began > tripped_at):
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            if failures >= FAILURES:
                self._tripped_at[key] = now
                seconds = max(seconds or 0, min(2.0 ** (failures - FAILURES + 1), LONGEST_REST))
        if seconds:
            await self._rest(key, now + timedelta(seconds=seconds), str(error))

    async def _rest(self, key: Key, until: datetime, reason: str) -> None:
        self._rests[key] = max(until, self._rests.get(key, until))
        await self.store.pause_account(*key, self._rests[key], reason)

    async def _settle(self, batch: list[Action], settled: Sequence[Settled]) -> None:
        made_way = any(each.status == RETRY for each in settled)
        try:
            if settled:
                made_way |= await self.store.settle_actions(settled, self.clock.now(), worker=self.name)
        except StoreError as error:
            # Its lease ends by itself, and then we look before it is done again.
            logger.warning("what came of %d actions could not be written down: %s", len(batch), error)
        finally:
            self._held -= len(batch)
            for action in batch:
                for waiter in self._waiters.pop(action.id, []):
                    with suppress(InvalidStateError):  # It may have had enough of waiting by now, on any thread.
                        waiter.set_result(None)
            if made_way or self._is_full:
                self._wake.set()

    async def stop(self, deadline: float) -> bool:
        """Claim no more, let what is being sent come to its end for ``deadline`` seconds, give back the rest."""
        self._stopping = True
        self._wake.set()
        async with self._claiming:
            pass  # What is on its way to us is put off by its task, like all that was not begun.
        ended = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=deadline)
            ended = not late
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self.store.release_actions(self.name)
        except StoreError as error:
            logger.warning("the outbox's lease could not be given back; it ends by itself: %s", error)
        return ended
