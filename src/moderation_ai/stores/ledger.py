"""What a store must do for acting: keep decisions, the actions that follow from them, and what became of each.

An action is *open* until it is settled for good; while it is, its row holds what the platform's call needs.
History (the decision, one receipt for each try) is only added to, and holds ids, never a text or a name of the people
it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import msgspec

from moderation_ai.core.acts import Target

OPEN, OVERTAKEN, UNCERTAIN, DEAD, RETRY = "open", "overtaken", "uncertain", "dead", "retry"
DISMISSED = "dismissed"
"""What a person has looked at, and wants to hear of no more."""
APP = "(app)"
"""Stands for an account where an allowance is shared by all accounts of our app on a platform."""
SETS = ("approve", "hide", "unhide", "remove")
"""Actions of which the last one alone counts: a later one overtakes those that were not begun."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An action that is wanted on one object; ``version`` names the text that it is about.

    The same action on the same version of an object is one action, whoever wants it. With ``again`` it is a new one
    where the earlier is ``dead`` or another action came after it: a person changed their mind. ``severity`` is 0 to 4,
    ``text`` a reply's.
    """

    platform: str
    account: str = ""
    action: str
    target: Target
    version: str = ""
    severity: int = 0
    text: str | None = None
    again: bool = False

    @property
    def key(self) -> bytes:
        """Return the 16 bytes that make it the same action: object, action and text version, and what is written."""
        parts = (self.platform, self.account, self.target.id, self.action, self.version, self.text or "")
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()[:16]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An action as it is stored. ``status`` is ``open``, or what became of it; ``is_sending`` while a worker has it.

    ``tries`` counts how often it was handed out. ``begun`` says that it may have reached the platform before, so that
    one looks first. ``target`` and ``text`` are there while it is open; afterwards the target is its id alone.
    """

    id: int
    platform: str
    account: str
    action: str
    target: Target
    version: str = ""
    severity: int = 0
    text: str | None = None
    status: str = OPEN
    is_sending: bool = False
    tries: int = 0
    begun: bool = False
    wanted_at: datetime
    due_at: datetime | None = None
    reason: str | None = None
    made_id: str | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one version of an object's text, by a policy or by a person.

    ``made_by`` names the policy and its version, or the person. ``verdict`` is what is asked for (approve, flag, hide,
    remove), ``wanted`` what is to be done about it, ``reason`` why nothing is. ``decision`` is the JSON of the judge's
    answer, ``seq`` the event that was judged.
    """

    platform: str
    account: str = ""
    object_id: str
    version: str = ""
    seq: int | None = None
    made_by: str
    by_person: bool = False
    verdict: str
    severity: int = 0
    decision: bytes | None = None
    reason: str | None = None
    wanted: Wanted | None = None

    def key(self, now: datetime) -> bytes:
        """Return the 16 bytes that make it the same judgement; a person may decide the same again, later."""
        done = self.wanted.action if self.wanted else self.reason or ""
        turn = str(self.seq or now.timestamp()) if self.by_person else ""
        parts = (self.platform, self.account, self.object_id, self.version, self.made_by, self.verdict, done, turn)
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()[:16]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as it is stored, with the id of the action that follows from it."""

    id: int
    at: datetime
    platform: str
    account: str
    object_id: str
    version: str
    seq: int | None
    made_by: str
    by_person: bool
    verdict: str
    severity: int
    action: int | None
    reason: str | None
    decision: bytes | None


class LedgerFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions or actions are meant; what is None does not narrow. They come newest first, page by page.

    ``state`` is a decision's verdict or an action's status, ``before_id`` the last one of the page before, ``action``
    the action that decisions led to.
    """

    platform: str | None = None
    object_id: str | None = None
    action: int | None = None
    state: str | None = None
    before_id: int | None = None


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one try: a final ``status``, or ``retry`` with the time from which it is due again.

    ``begun`` says that the platform may have been told. ``counts`` is false where nothing was tried: no receipt is
    written for that, and the try is not counted. What was ``refused`` before anything was done is no try either, and
    has a receipt.
    """

    id: int
    status: str
    reason: str | None = None
    due_at: datetime | None = None
    made_id: str | None = None
    begun: bool = False
    counts: bool = True
    refused: bool = False


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an action's history: what came of a try, or that the platform's echo of it came in."""

    at: datetime
    status: str
    reason: str | None = None
    made_id: str | None = None


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an allowance that a request costs: ``units`` of at most ``limit`` in any ``seconds``.

    What goes ``by_app`` is shared by all accounts of our app on the platform.
    """

    name: str
    units: int
    limit: int
    seconds: int
    by_app: bool = False


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent of one allowance in the period that ends now; ``account`` is ``APP`` where the app shares it."""

    platform: str
    account: str
    name: str
    units: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How an account's outbox stands: what is open, since when the oldest waits, until when it is paused and why.

    ``uncertain`` and ``dead`` are the actions that a person has to look at, until they are dismissed.
    """

    platform: str
    account: str
    open: int = 0
    uncertain: int = 0
    dead: int = 0
    oldest_at: datetime | None = None
    paused_until: datetime | None = None
    reason: str | None = None


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """How many actions and decisions were about what was forgotten, or named it."""

    actions: int = 0
    decisions: int = 0


class Ledger(Protocol):
    """Keep what is wanted and what became of it; hand it out under a lease; keep the accounts' allowances."""

    async def want(self, wanted: Wanted, now: datetime) -> Action:
        """Record an action; return it, new or as it stands.

        What is open on the same object and was not begun is ``overtaken`` by it, if both set a state.
        """

    async def decide(self, judgement: Judgement, now: datetime) -> tuple[Decided, Action | None]:
        """Record a judgement and the action that is wanted, in one durable step; return both, new or as they stand.

        What a person decided about the same version stands: then nothing is done for a policy's sake, and the
        ``reason`` says so. Where no version is known a person's word is about the object.
        """

    async def decisions(self, which: LedgerFilter, *, limit: int) -> list[Decided]:
        """Return what was decided, newest first."""

    async def actions(self, which: LedgerFilter, *, limit: int) -> list[Action]:
        """Return actions, newest first."""

    async def claim_actions(
        self, worker: str, limit: int, now: datetime, lease: float, *, share: int = 50
    ) -> list[Action]:
        """Lease up to ``limit`` actions that are due, ``share`` of each account at most, for ``lease`` seconds.

        Of each account the severest come first, then the oldest; of each object one at a time, in order. Accounts that
        are paused are left alone. What a worker held whose lease is over is due again, as ``begun``.
        """

    async def settle_actions(self, settled: Sequence[Settled], now: datetime, *, worker: str) -> bool:
        """Write down what came of actions. Of one that another worker has by now, the receipt alone is kept.

        Says whether more is wanted of one of their objects, which had to wait for these.
        """

    async def release_actions(self, worker: str) -> None:
        """Give back what ``worker`` holds, as ``begun``: it may have been in the middle of it."""

    async def actors(self) -> list[str]:
        """Return the names of the workers that hold actions."""

    async def actions_on(self, platform: str, object_id: str) -> list[Action]:
        """Return all actions on an object, oldest first; also those that are being sent."""

    async def action(self, action_id: int) -> Action | None:
        """Return one action as it stands."""

    async def receipts(self, action_id: int) -> list[Receipt]:
        """Return the history of an action, oldest first."""

    async def dismiss_actions(self, action_ids: Sequence[int], now: datetime) -> list[int]:
        """Mark ``uncertain`` and ``dead`` actions as looked at by a person; return which were."""

    async def forget(
        self, platform: str, objects: Mapping[str, str], people: Collection[str], *, dry_run: bool = False
    ) -> Forgotten:
        """Forget objects, each called by its other name from then on, and people; ``dry_run`` counts.

        Of decisions policy, rules and verdict stay. What is open on these objects is given up, as ``erased``.
        """

    async def note_receipt(self, action_id: int, receipt: Receipt) -> None:
        """Add a line to the history of an action and change nothing else."""

    async def spend(self, platform: str, account: str, costs: Sequence[Spending], now: datetime) -> datetime | None:
        """Take units of the allowances of an account and of the app, all or none.

        Returns None if they were taken, else a time at which it is worth asking again. Processes that share the store
        share the allowances. It survives the end of a process; the failure of a machine may forget what was taken at
        that very moment.
        """

    async def spent(self, now: datetime) -> list[Spent]:
        """Return what was spent of each allowance in its own period, by platform, account and name."""

    async def pause_account(
        self, platform: str, account: str, until: datetime | None, reason: str | None = None
    ) -> None:
        """Hand out no action of an account until then, or a later time that was set before; None ends the pause."""

    async def outboxes(self) -> list[Waiting]:
        """Return how the outbox of each account stands that ever had an action."""
