"""What a store must do for registered webhooks, feeds that are read, tokens, and what one process alone does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from moderation_ai.core.coverage import Coverage
from moderation_ai.core.subscribing import Subscription


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far one feed of an account was read, and how that went.

    ``account`` is its configured name, empty where the platform has only one, and ``feed`` is ``Feed.key``. ``cursor``
    is the platform's own text. ``polled_at`` is when an answer was last read, ``error`` what is wrong since
    ``failing_since`` (``cause`` is the error's class), and ``next_at`` when it is asked again. ``events`` counts what
    polling told first, ``gap_at`` says when more had been written than could be asked for, and ``coverage`` is kept
    where the platform pushes the same.
    """

    platform: str
    account: str
    feed: str
    cursor: str = ""
    polled_at: datetime | None = None
    next_at: datetime | None = None
    error: str | None = None
    cause: str | None = None
    failing_since: datetime | None = None
    events: int = 0
    gap_at: datetime | None = None
    coverage: Coverage | None = None


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """What is done by one worker alone, by whom, and until when its lease lasts."""

    name: str
    worker: str
    until: datetime


class SavedSession(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of an account, encrypted (``sealed``), with what may be known of them without a key.

    ``version`` counts the saves, from 1; 0 says that none is saved yet. ``expires_at`` is when the access token ends,
    where that is known. ``refused_at`` and ``reason`` tell that the platform takes the tokens no more: the account has
    to be authorised again.
    """

    platform: str
    account: str = ""
    sealed: bytes
    version: int = 0
    expires_at: datetime | None = None
    saved_at: datetime
    refused_at: datetime | None = None
    reason: str | None = None


class Sessions(Protocol):
    """Keep the accounts' tokens, so that none is overwritten by an older one."""

    async def session(self, platform: str, account: str) -> SavedSession | None:
        """Return what is saved of an account."""

    async def sessions(self) -> list[SavedSession]:
        """Return what is saved of all accounts, by platform and account."""

    async def save_session(self, session: SavedSession) -> bool:
        """Keep ``session`` as the version after its own, if its own is still the one that is saved.

        Returns whether it was: where another process was quicker, nothing is changed. A refusal ends with it.
        """

    async def refuse_session(self, platform: str, account: str, version: int, now: datetime, reason: str) -> None:
        """Note that the platform takes that version of the tokens no more; a later version is left alone."""

    async def delete_session(self, platform: str, account: str) -> bool:
        """Forget the tokens of an account; return whether there were any."""


class Register(Sessions, Protocol):
    """Keep what was agreed with platforms, how far their feeds were read, and who alone does what."""

    async def save_subscription(self, subscription: Subscription) -> None:
        """Keep ``subscription``, in place of one with the same platform and id."""

    async def change_subscription(
        self, platform: str, subscription_id: str, change: Callable[[Subscription], Subscription | None]
    ) -> Subscription | None:
        """Put in the place of a subscription what ``change`` makes of it, in one step; return it, or None.

        Nothing is changed where there is none, and where ``change`` returns None. ``change`` may be called twice, in
        any thread.
        """

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        """Return the subscriptions, of one platform or of all."""

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        """Forget a subscription; return whether there was one."""

    async def take_duty(self, name: str, worker: str, now: datetime, lease: float) -> bool:
        """Say whether ``worker`` alone has the duty ``name`` for the next ``lease`` seconds; taken again it is renewed.

        Of several processes with one store only one has it; when its lease is over whoever asks first has it.
        """

    async def drop_duty(self, name: str, worker: str) -> bool:
        """Give a duty back, so that others need not wait for the end of its lease; return whether ``worker`` had it."""

    async def duties(self) -> list[Duty]:
        """Return all duties that somebody has or had, by name; a lease may be over."""

    async def note_repeats(self, seqs: Sequence[int], now: datetime) -> None:
        """Keep for an hour that stored events were pushed once more."""

    async def repeats(self, seqs: Sequence[int]) -> set[int]:
        """Return which of the events at ``seqs`` were pushed once more in the last hour."""

    async def cursor(self, platform: str, account: str, feed: str) -> Cursor | None:
        """Return how far a feed was read, or None for one that never was."""

    async def save_cursor(self, cursor: Cursor) -> None:
        """Keep how far a feed was read, in place of what was kept for it."""

    async def cursors(self) -> list[Cursor]:
        """Return how far each feed was read, by platform, account and feed."""
