"""Checks of the tokens that accounts are acted with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.printing import plural
from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.credentials.authorising import ENDED, REFUSED, UNCONFIGURED, Authorisation, authorisations
from moderation_ai.pipeline.credentials.keyfile import sealer_for
from moderation_ai.stores.register import SavedSession


def check_key(configured: Sequence[str], store_url: str, saved: Sequence[SavedSession]) -> Iterator[Finding]:
    """Yield whether the tokens in the store can be opened here; no key is made."""
    if not saved:
        return
    try:
        sealer = sealer_for(store_url, configured, is_new=False)
        for each in saved:
            sealer.open(each.sealed)
    except ConfigurationError as error:
        yield failure("key", str(error), "see docs/credentials.md on keys; `serve` does not start like this")
        return
    older = sum(not sealer.is_newest(each.sealed) for each in saved)
    if older:
        message = f"the tokens of {plural(older, 'account')} are still encrypted under an older key"
        yield warning("key", message, "keep that key, or `moderation-ai accounts refresh` before you take it out")
    else:
        yield ok("key", "the newest key opens all tokens")


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
