"""What to send and where to: the sample that an event names, the account that is played, the address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches

import click
import msgspec

from moderation_ai.cli.terminal.addresses import gateway_url, public_url
from moderation_ai.config import Settings, variable_of
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.receiving.reading import parse_or_keep

PUBSUB = "pubsub"
"""The scheme of samples that come by Google Cloud Pub/Sub."""


class Target(msgspec.Struct, frozen=True):
    """Which platform to play, what to send, and where to."""

    platform: Platform
    event: str
    url: str
    by_pubsub: bool = False


def address_of(settings: Settings, platform: str, account: str | None, *, public: bool) -> str:
    """Return the gateway's address here, or from outside; raise ``ConfigurationError`` if that is not set."""
    if not public:
        return gateway_url(settings, platform, account)
    outside = public_url(settings, platform, account)
    if outside is None:
        raise ConfigurationError(f"there is no address from outside: set {variable_of('server.public_url')}")
    return outside


def account_id_of(settings: Settings, platform: str, account: str | None) -> str | None:
    """Return the platform's id of a configured account; raise ``ConfigurationError`` for a name that is none."""
    if account is None:
        return None
    configured = settings.platforms.get(platform)
    accounts = configured.accounts if configured else {}
    if account not in accounts:
        known = f"known are {', '.join(sorted(accounts))}" if accounts else "there are none"
        raise ConfigurationError(
            f"no account of {platform} is called {account!r}; {known}: "
            f"set {variable_of(f'platforms.{platform}.accounts.{account}.id')}"
        )
    return accounts[account].id


def drawn(target: Target, count: int, clock: Clock) -> Iterator[Sample]:
    """Yield samples of the event, with ids that no other call has used; raise ``UsageError`` if there is none."""
    first = int(clock.now().timestamp() * 1000) % 10**12 * 1000
    for number in range(count):
        samples = target.platform.samples(clock.now(), first + number)
        yield chosen(target, [sample for sample in samples if (sample.scheme == PUBSUB) == target.by_pubsub])


def chosen(target: Target, samples: list[Sample]) -> Sample:
    """Return the sample that the event names: a label, else a native kind, else an event type that comes of it."""
    asked = target.event
    for is_meant in (
        lambda each: asked == each.label,
        lambda each: asked == each.name,
        lambda each: asked in _becomes(each),
    ):
        found = next(filter(is_meant, samples), None)
        if found is not None:
            return found
    raise click.UsageError(_nothing_sent(target, [name for each in samples for name in (each.label, *_becomes(each))]))


def types_of(sample: Sample) -> list[str]:
    """Return the event types that come of a sample; where the store decides between two, ``a|b``."""
    return [str(fields.get("event_type")) for fields in sample.events]


def _becomes(sample: Sample) -> list[str]:
    return [kind for types in types_of(sample) for kind in types.split("|")]


def _nothing_sent(target: Target, names: Iterable[str]) -> str:
    platform = target.platform.name
    folded = {name.lower(): name for name in names}
    if not folded:
        return f"{platform} sends nothing by Pub/Sub"
    close = [folded[name] for name in get_close_matches(target.event.lower(), folded, n=3)]
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    road = " by Pub/Sub" if target.by_pubsub else ""
    return f"{platform} sends no {target.event!r}{road}; {meant}see `moderation-ai trigger {platform} --list`"


def as_of_account(platform: Platform, sample: Sample, account_id: str | None, now: datetime) -> Sample:
    """Return the sample with the id of an account of ours where it names the one that the platform told it for.

    What Pub/Sub wraps stays as it is: the name stands in base64 there.
    """
    request = Request(body=sample.body, headers=Headers.of(sample.headers), received_at=now)
    named = next((fact.account_id for fact in parse_or_keep(request, platform).facts if fact.account_id), None)
    if account_id is None or named is None:
        return sample
    whole = rb"(?<![\w-])" + re.escape(named.encode()) + rb"(?![\w-])"
    body = re.sub(whole, lambda _: msgspec.json.encode(account_id)[1:-1], sample.body)
    return msgspec.structs.replace(sample, body=body)
