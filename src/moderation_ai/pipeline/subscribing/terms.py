"""Terms: what becomes of a subscription by what is asked, answered, confirmed, denied, seen or missed, and when to act.

Each function makes the next state of one that stands in the register; none of them asks anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from moderation_ai.core.errors import ModerationError, PlatformError, PlatformUnavailable
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.core.subscribing import ACTIVE, DENIED, EXPIRED, INVALID, LEAVING, PENDING, REGISTERED, Subscription

Change = Callable[[Subscription], Subscription | None]

SHARE = 0.8
"""Of a lease, after which it is renewed."""
LOOK = timedelta(hours=1)
"""Between two looks at what a platform has of us, and at least between two askings for one lease."""
WINDOW = timedelta(days=1)
"""For how long after we asked a hub may ask back."""
LONGEST = timedelta(days=10)
"""The longest lease that is believed: hubs give 5 to 10 days, and who asks us may be somebody else."""
MINUTE = timedelta(minutes=1)
LEAP = timedelta(hours=1)
"""By how much another answer to the same asking must shorten a lease to count."""
_AGAIN = RetrySchedule(max_attempts=1 << 30, first=300, factor=2, longest=6 * 3600, jitter=0)
_DENIED = RetrySchedule(max_attempts=1 << 30, first=3600, factor=2, longest=24 * 3600, jitter=0)


def is_passing(error: ModerationError) -> bool:
    """Say whether what went wrong may be over by itself."""
    return isinstance(error, PlatformUnavailable) or (isinstance(error, PlatformError) and error.retryable)


def asked(row: Subscription, now: datetime) -> Subscription:
    """Return it as it stands when the platform is asked: a hub may ask back from now on."""
    status = row.status if row.status in (ACTIVE, EXPIRED, LEAVING) else PENDING
    return replace(row, status=status, asked_at=now, due_at=now + again(row.tries), tries=row.tries + 1)


def wanted(row: Subscription) -> Subscription:
    """Return it as it stands when somebody wants it (again): what was to end is not to end any more."""
    return replace(row, status=PENDING, tries=0) if row.status == LEAVING else row


def put_off(row: Subscription, error: ModerationError, now: datetime) -> Subscription:
    """Return it as it stands after the platform could not be asked."""
    if row.topic and row.status == ACTIVE and _is_told(row):
        return row  # Its answer got lost, and its hub's question came all the same.
    wait = timedelta(seconds=error.retry_after or 0) if isinstance(error, PlatformError) else timedelta()
    return replace(row, reason=str(error), due_at=now + max(wait, again(row.tries - 1) if row.tries else LOOK))


def suspected(row: Subscription, now: datetime) -> Subscription | None:
    """Return it as it stands when it seems to deliver nothing any more: it is looked at now."""
    return replace(row, due_at=now) if row.status != REGISTERED else None


def refused(row: Subscription, error: ModerationError, now: datetime) -> Subscription:
    """Return it as it stands after the platform refused it."""
    return replace(row, status=INVALID, reason=str(error), due_at=now + again(row.tries))


def answered(row: Subscription, found: Subscription, asked_at: datetime) -> Subscription:
    """Return it as it stands after the platform answered what was asked at ``asked_at``."""
    if row.status == LEAVING:
        return row  # Somebody ended it meanwhile.
    if row.verified_at is not None and row.verified_at >= asked_at and row.status == ACTIVE:
        return row  # The hub's question came before its answer, and told more.
    if found.status == PENDING and row.status == ACTIVE:
        return replace(row, reason=None)  # The old lease lasts until the new one is confirmed.
    if found.status == PENDING and row.status in (EXPIRED, DENIED):
        return row  # The hub said no before it answered.
    made = replace(
        found,
        account=found.account if found.account is not None else row.account,
        created_at=row.created_at or found.created_at,
        last_event_at=row.last_event_at,
        asked_at=asked_at,
        due_at=row.due_at or asked_at + again(row.tries),
        tries=row.tries,
    )
    return settled(made, asked_at) if made.status == ACTIVE else made


def settled(row: Subscription, now: datetime) -> Subscription:
    """Return it as it stands after it was confirmed."""
    made = replace(row, status=ACTIVE, reason=None, verified_at=now, tries=0)
    return replace(made, due_at=due_of(made, now))


def confirmed(row: Subscription, lease: int | None, now: datetime) -> Subscription | None:
    """Return it as it stands after a hub asked whether it was meant, None where that changes nothing.

    Whoever knows our address can ask in a hub's name: of several answers to one asking the shortest lease counts, so
    that nobody can have us renew it too late, and few of them are written down.
    """
    if row.status == LEAVING or not is_awaited(row, now):
        return None
    ends = now + min(LONGEST, timedelta(seconds=lease) if lease is not None else LONGEST)
    told = row.expires_at if row.status == ACTIVE and _is_told(row) else None
    return None if told is not None and ends > told - LEAP else settled(replace(row, expires_at=ends), now)


def _is_told(row: Subscription) -> bool:
    """Say whether what we asked last was confirmed."""
    return row.verified_at is not None and row.asked_at is not None and row.verified_at >= row.asked_at


def denied(row: Subscription, reason: str, now: datetime) -> Subscription | None:
    """Return it as it stands after a hub said no, None where that changes nothing.

    Nobody signs it, so whoever knows our address can say so in a hub's name: it is still answered what it asks, and
    what it granted when we asked last it takes back no sooner than a day after.
    """
    if row.status in (DENIED, LEAVING) or (row.status == ACTIVE and _is_told(row) and is_awaited(row, now)):
        return None
    says = f"the hub denied it: {reason!r}" if reason else "the hub denied it"
    wait = _wait(_DENIED, row.tries)
    return replace(row, status=DENIED, reason=says, due_at=now + wait, tries=row.tries + 1)


def seen(row: Subscription, listed: Subscription, now: datetime) -> Subscription:
    """Return it as it stands where the platform lists it."""
    made = replace(
        row,
        url=listed.url or row.url,
        events=listed.events or row.events,
        status=listed.status,
        reason=listed.reason,
        expires_at=listed.expires_at,
    )
    if made.status == ACTIVE:
        return settled(made, now)
    return replace(made, due_at=row.due_at if row.status == made.status else now)


def missed(row: Subscription, now: datetime) -> Subscription:
    """Return it as it stands where the platform does not list it any more."""
    if row.status == INVALID:
        return row
    return replace(row, status=INVALID, reason="the platform does not list it any more", due_at=now)


def ended(row: Subscription, now: datetime) -> Subscription | None:
    """Return it as it stands once its lease is over, None while it is not."""
    if row.status != ACTIVE or row.expires_at is None or row.expires_at > now:
        return None
    return replace(row, status=EXPIRED, reason="its lease ended and was not renewed")


def is_over(row: Subscription, now: datetime) -> bool:
    """Say whether what we asked to end has ended by itself: its lease is over."""
    never = (row.created_at or now) + WINDOW
    last = row.expires_at or (row.verified_at + LONGEST if row.verified_at else never)
    return row.status == LEAVING and last <= now


def heard(row: Subscription, when: datetime) -> Subscription | None:
    """Return it with its last event, None where that is known as well as a minute."""
    known = row.last_event_at
    return None if known is not None and when - known < MINUTE else replace(row, last_event_at=when)


def is_awaited(row: Subscription, now: datetime) -> bool:
    """Say whether we asked a hub lately, so that it may ask back."""
    return row.asked_at is not None and now - row.asked_at <= WINDOW


def due_of(row: Subscription, now: datetime) -> datetime:
    """Return when something is to be done for a subscription that is well: at 80 % of its lease, else to look at it."""
    if row.expires_at is None:
        return now + LOOK
    begun = row.verified_at or now
    soonest = (row.asked_at or now) + LOOK
    return max(begun + SHARE * (row.expires_at - begun), soonest)


def again(tries: int) -> timedelta:
    """Return how long to wait after ``tries`` that were in vain: 5 minutes, twice as long each time, 6 hours."""
    return _wait(_AGAIN, tries)


def _wait(schedule: RetrySchedule, tries: int) -> timedelta:
    return timedelta(seconds=schedule.delay(max(tries, 0) + 1, 0.5) or schedule.longest)
