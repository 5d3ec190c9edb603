"""What follows from how an act on a platform ended: a settlement for the ledger, and whether the account must rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from moderation_ai.core.acts import GONE, Outcome
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    ModerationError,
    OutcomeUnknown,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.stores.ledger import DEAD, RETRY, UNCERTAIN, Action, Settled

SCHEDULE = RetrySchedule(max_attempts=12, first=2, factor=3, longest=3600)
"""When an action is tried again whose platform failed: over about seven hours."""
USUAL_PAUSE = 60.0
"""Seconds that an account rests where the platform wants fewer requests and does not say for how long."""
LOCKED_OUT = 300.0
"""Seconds that an account rests whose token is not accepted: somebody has to mend it, and nothing is given up."""

_WITHOUT_TOKEN = 30.0
"""Seconds after which an action is due again that could not be sent for want of a token."""


def of_outcomes(batch: Sequence[Action], outcomes: Sequence[Outcome]) -> list[Settled]:
    """Return the settlements of a batch that came to its end."""
    return [
        Settled(id=action.id, status=outcome.status, made_id=outcome.made_id)
        for action, outcome in zip(batch, outcomes, strict=True)
    ]


def rest_after(error: ModerationError) -> float | None:
    """Return the seconds that the account should rest after ``error``, or None."""
    if isinstance(error, RateLimited):
        return USUAL_PAUSE if error.retry_after is None else max(error.retry_after, 0.05)
    if isinstance(error, CredentialsRejected):
        return LOCKED_OUT
    return error.retry_after if isinstance(error, PlatformUnavailable) else None


def later(batch: Sequence[Action], due_at: datetime, reason: str | None = None, *, told: bool = False) -> list[Settled]:
    """Return settlements that put off what was not tried, or of which the ledger could not be asked."""
    return [Settled(id=each.id, status=RETRY, due_at=due_at, reason=reason, begun=told, counts=False) for each in batch]


def refused(action: Action, error: ModerationError, now: datetime, *, sent: bool) -> Settled:
    """Return the settlement of an act that was refused before anything was done; it is no try of this action's."""
    due_at = now + timedelta(seconds=rest_after(error) or _WITHOUT_TOKEN)
    return Settled(id=action.id, status=RETRY, reason=str(error), due_at=due_at, counts=sent, refused=True)


def of_error(
    action: Action, error: ModerationError, now: datetime, *, told: bool, sent: bool, chance: Callable[[], float]
) -> Settled:
    """Return the settlement of an act that raised ``error``; ``told`` if the platform may have begun with it."""
    if isinstance(error, ContentGone):
        return Settled(id=action.id, status=GONE)
    if isinstance(error, OutcomeUnknown):
        return Settled(id=action.id, status=UNCERTAIN, reason=str(error), begun=True)
    if isinstance(error, RateLimited | CredentialsRejected):
        return refused(action, error, now, sent=sent)
    if isinstance(error, PlatformUnavailable):
        delay = SCHEDULE.delay(action.tries, chance())
        if delay is not None:
            due_at = now + timedelta(seconds=max(delay, rest_after(error) or 0))
            return Settled(id=action.id, status=RETRY, reason=str(error), due_at=due_at, begun=told)
    return Settled(id=action.id, status=DEAD, reason=str(error))
