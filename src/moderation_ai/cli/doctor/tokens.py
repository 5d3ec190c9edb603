"""Checks of the tokens that accounts are acted with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.core.access import Access
from moderation_ai.pipeline.authorising import ENDED, REFUSED, UNCONFIGURED, Authorisation, authorisations
from moderation_ai.stores.register import SavedSession


def check_tokens(accesses: Iterable[Access], saved: Sequence[SavedSession], now: datetime) -> Iterator[Finding]:
    """Yield how the tokens of each account stand, as far as the store tells; no platform is asked."""
    for each in authorisations(accesses, saved, now):
        yield _judge(each)


def _judge(each: Authorisation) -> Finding:
    if each.status == REFUSED:
        advice = "get new tokens as docs/credentials.md says, put them into the configuration, and restart `serve`"
        return failure("tokens", f"{each.name}: authorise the account again: {each.reason}", advice)
    if each.status == ENDED:
        message = f"{each.name}: its token ended at {each.expires_at:%Y-%m-%d %H:%M} UTC and was not renewed"
        return warning("tokens", message, "see that a `serve` with a worker runs; `moderation-ai accounts refresh`")
    if each.status == UNCONFIGURED:
        advice = f"configure it again, or `moderation-ai accounts forget {each.name}`"
        return warning("tokens", f"{each.name}: its tokens are kept, and it is not configured any more", advice)
    until = f", good until {each.expires_at:%Y-%m-%d %H:%M} UTC" if each.expires_at else ""
    return ok("tokens", f"{each.name}: {'not used yet' if each.saved_at is None else 'kept'}{until}")
