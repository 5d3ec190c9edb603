"""The ledger's verbs of every store that runs SQL: each is a transaction by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from moderation_ai.stores import acting, allowances, deciding, forgetting
from moderation_ai.stores.ledger import (
    Action,
    Decided,
    Forgotten,
    Judgement,
    LedgerFilter,
    Receipt,
    Settled,
    Spending,
    Spent,
    Waiting,
    Wanted,
)
from moderation_ai.stores.sqlverbs import SqlVerbs


class SqlLedger(SqlVerbs):
    """Keep the ledger in a database."""

    async def want(self, wanted: Wanted, now: datetime) -> Action:
        """Record an action."""
        return await self._change(lambda: acting.want(wanted, now))

    async def decide(self, judgement: Judgement, now: datetime) -> tuple[Decided, Action | None]:
        """Record a judgement and what is wanted for it."""
        return await self._change(lambda: deciding.decide(judgement, now))

    async def decisions(self, which: LedgerFilter, *, limit: int) -> list[Decided]:
        """Return what was decided, newest first."""
        return await self._look(lambda: deciding.decisions(which, limit))

    async def actions(self, which: LedgerFilter, *, limit: int) -> list[Action]:
        """Return actions, newest first."""
        return await self._look(lambda: acting.actions(which, limit))

    async def claim_actions(
        self, worker: str, limit: int, now: datetime, lease: float, *, share: int = 50
    ) -> list[Action]:
        """Lease actions that are due."""
        return await self._change(lambda: acting.claim(worker, limit, now, lease, share))

    async def settle_actions(self, settled: Sequence[Settled], now: datetime, *, worker: str) -> bool:
        """Write down what came of actions; say whether that made way for others."""
        return await self._change(lambda: acting.settle(settled, now, worker))

    async def release_actions(self, worker: str) -> None:
        """Give back what ``worker`` holds."""
        await self._change(lambda: acting.release(worker))

    async def actors(self) -> list[str]:
        """Return the names of the workers that hold actions."""
        return await self._look(acting.actors)

    async def actions_on(self, platform: str, object_id: str) -> list[Action]:
        """Return all actions on an object."""
        return await self._look(lambda: acting.actions_on(platform, object_id))

    async def action(self, action_id: int) -> Action | None:
        """Return one action."""
        return await self._look(lambda: acting.action(action_id))

    async def receipts(self, action_id: int) -> list[Receipt]:
        """Return the history of an action."""
        return await self._look(lambda: acting.receipts(action_id))

    async def dismiss_actions(self, action_ids: Sequence[int], now: datetime) -> list[int]:
        """Mark actions as looked at by a person."""
        return await self._change(lambda: acting.dismiss(action_ids, now))

    async def forget(
        self, platform: str, objects: Mapping[str, str], people: Collection[str], *, dry_run: bool = False
    ) -> Forgotten:
        """Forget objects and people."""
        run = self._look if dry_run else self._change
        return await run(lambda: forgetting.forget(platform, objects, people, dry_run))

    async def note_receipt(self, action_id: int, receipt: Receipt) -> None:
        """Add a line to the history of an action."""
        await self._change(lambda: acting.note_receipt(action_id, receipt))

    async def spend(self, platform: str, account: str, costs: Sequence[Spending], now: datetime) -> datetime | None:
        """Take units of the allowances of an account and of the app, all or none."""
        return await self._change(lambda: allowances.spend(platform, account, costs, now), is_minor=True)

    async def spent(self, now: datetime) -> list[Spent]:
        """Return what was spent of each allowance."""
        return await self._look(lambda: allowances.spent(now))

    async def pause_account(
        self, platform: str, account: str, until: datetime | None, reason: str | None = None
    ) -> None:
        """Hand out no action of an account until then."""
        await self._change(lambda: acting.pause(platform, account, until, reason))

    async def outboxes(self) -> list[Waiting]:
        """Return how the outbox of each account stands."""
        return await self._look(acting.outboxes)
