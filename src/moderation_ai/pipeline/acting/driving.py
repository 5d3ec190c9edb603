"""Driving: a platform's flow is sent, request by request, as far as the account's allowances last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from moderation_ai.core.access import Access
from moderation_ai.core.budgets import Limit, seconds_until
from moderation_ai.core.calls import Call
from moderation_ai.core.errors import ModerationError, OutcomeUnknown, RateLimited
from moderation_ai.core.flows import Answer, Flow, Outgoing, Session
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import Spending

T = TypeVar("T")


class Tokens(Protocol):
    """Give out the tokens of accounts; ``Credentials`` does, and renews them."""

    async def using(self, access: Access, act: Callable[[Session], Awaitable[T]]) -> T:
        """Return what ``act`` returns with the tokens; where they are not accepted, once more with the next ones."""


class AsConfigured:
    """The tokens as the configuration has them, which nobody renews."""

    async def using(self, access: Access, act: Callable[[Session], Awaitable[T]]) -> T:
        """Return what ``act`` returns with the configured tokens."""
        return await act(access.session)


class Drive:
    """One flow on its way: each request is paid for before it is sent, and what answers say of allowances is kept.

    ``told`` says whether a request that changes something may have reached the platform, ``sent`` how many requests
    did, ``pause`` until when the account should be left alone, by the platform's own words, ``answer`` what came last.
    """

    def __init__(self, access: Access, sender: Sender, store: Store, now: Callable[[], datetime]) -> None:
        """Keep the parts."""
        self.told = False
        self.sent = 0
        self.pause: datetime | None = None
        self.answer: Answer | None = None
        self.error: ModerationError | None = None
        """What it ended with, if it did not end well."""
        self._access = access
        self._sender = sender
        self._store = store
        self._now = now

    async def run(self, flow: Flow[T]) -> T:
        """Return what ``flow`` returns; raise what it raises, which is one of our errors."""
        try:
            request = next(flow)
            while True:
                try:
                    answer = await self._send(request)
                except ModerationError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _send(self, request: Outgoing) -> Answer:
        platform = self._access.platform
        call = platform.api.call(request.call)
        await self._pay(call)
        try:
            answer = await self._sender.send(request, platform.hosts)
        except OutcomeUnknown:
            self._note(call)
            raise
        self._note(call)
        self.answer = answer
        spent = [each.resets_at for each in platform.api.budgets(call, answer) if each.is_spent and each.resets_at]
        self.pause = max([*spent, *([self.pause] if self.pause else [])], default=None)
        return answer

    def _note(self, call: Call) -> None:
        self.sent += 1
        self.told = self.told or call.effect != "reads"

    async def _pay(self, call: Call) -> None:
        """Take what the call costs from the allowances; raise ``RateLimited`` if they do not last."""
        limits = (*call.limits, *self._access.platform.api.limits)
        if not limits:
            return
        costs = [_cost(call, limit, self._access.limits_factor) for limit in limits]
        now = self._now()
        again = await self._store.spend(self._access.platform.name, self._access.account, costs, now)
        if again is not None:
            raise RateLimited(
                f"{call.name}: our allowance on {self._access.name} is used up for now",
                retry_after=seconds_until(again, now),
            )


def allowance_of(call: Call, limit: Limit) -> str:
    """Return the name that what a call spends of a limit is counted under; it ends in the limit's seconds."""
    return f"{call.name if limit.shared_by == 'call' else limit.shared_by}/{limit.seconds}"


def _cost(call: Call, limit: Limit, factor: float) -> Spending:
    return Spending(
        name=allowance_of(call, limit),
        units=call.cost,
        limit=max(1, int(limit.units * factor)),
        seconds=limit.seconds,
        by_app=limit.shared_by == "app",
    )
