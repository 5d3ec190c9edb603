"""``moderation-ai trigger``: send a signed sample of what a platform would send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from moderation_ai.cli.terminal.addresses import gateway_url
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_line, print_table
from moderation_ai.cli.terminal.requesting import Reply, post
from moderation_ai.cli.terminal.text import plain, shortened
from moderation_ai.config import Settings, variable_of
from moderation_ai.core.errors import ConfigurationError, ModerationError
from moderation_ai.core.jwt import read_private_key, write_key
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.core.pubsub import PushKey
from moderation_ai.pipeline.clock import Clock
from moderation_ai.platforms import find_platform

PUBSUB = "pubsub"
"""The scheme of samples that come by Google Cloud Pub/Sub."""
HUB = "websub"
"""The scheme of samples that a WebSub hub pushes."""
_SHOWN = 300
"""Letters of an answer that people are shown."""


@click.command()
@click.argument("platform")
@click.argument("event", required=False)
@click.option("--url", metavar="URL", help="Where to; else this configuration's gateway on this machine.")
@click.option("--account", metavar="NAME", help="To the address of this account, signed with its secret.")
@click.option("--secret", metavar="TEXT", help="Sign with this; else with the newest secret of the configuration.")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="As Google Cloud Pub/Sub pushes it, with a token that this RSA key (PEM) signs.",
)
@click.option("--jwks", is_flag=True, help="Print the key set of --key, to serve at pubsub.jwks_url; send nothing.")
@click.option("--list", "lists", is_flag=True, help="Show what there is to send.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Send so many, all different.")
@as_json_option
@settings_options
@pass_invocation
def trigger(
    invocation: Invocation,
    platform: str,
    event: str | None,
    url: str | None,
    account: str | None,
    secret: str | None,
    key_file: Path | None,
    jwks: bool,
    lists: bool,
    count: int,
    as_json: bool,
) -> None:
    """Send what PLATFORM would send for EVENT, signed, and print the answer.

    EVENT is the platform's own name of it (--list shows them), or one of our event types, such as comment.created.
    """
    known = find_platform(platform)
    pem = None if key_file is None else _read_pem(key_file)
    if jwks:
        _print_key_set(pem)
        return
    if lists:
        _print_list(known, invocation.clock, as_json)
        return
    if event is None:
        raise click.UsageError(f"name an EVENT; `moderation-ai trigger {known.name} --list` shows them")
    target = Target(known, event, url or gateway_url(invocation.settings, known.name, account), pem is not None)
    if pem is not None:
        key = push_key_of(invocation.settings, known, pem)
    else:
        key = secret or secret_of(invocation.settings, known.name, account)
    sent = [_send(target, sample, key, invocation.clock) for sample in drawn(target, count, invocation.clock)]
    _print_sent(sent, as_json)
    refused = sum(not each.reply.is_good for each in sent)
    if refused:
        raise ModerationError(f"{refused} of {len(sent)} were not accepted")


class Target(msgspec.Struct, frozen=True):
    """Which platform to play, what to send, and where to."""

    platform: Platform
    event: str
    url: str
    by_pubsub: bool = False


class Sent(msgspec.Struct, frozen=True):
    """A sample that was sent, where to, and the answer."""

    sample: Sample
    url: str
    reply: Reply


def secret_of(settings: Settings, platform: str, account: str | None) -> str:
    """Return the newest secret of a platform's or account's address; raise ``ConfigurationError`` if it has none."""
    configured = settings.platforms.get(platform)
    own = configured.accounts.get(account) if configured and account else None
    secrets = (own.secrets if own else ()) or (configured.secrets if configured else ())
    if not secrets:
        raise ConfigurationError(
            f"there is no secret of {platform} to sign with: give one by --secret, or set "
            f"{variable_of(f'platforms.{platform}.secrets')}"
        )
    return secrets[0]


def push_key_of(settings: Settings, platform: Platform, pem: str) -> str:
    """Return what signs push tokens as they are configured; raise ``ConfigurationError`` where they are not."""
    configured = settings.platforms.get(platform.name)
    trust = configured.pubsub if configured else None
    if trust is None or trust.audience is None or trust.service_account is None:
        wanted = variable_of(f"platforms.{platform.name}.pubsub.audience")
        raise ConfigurationError(f"a token needs {wanted} and the service account beside it, as the gateway has them")
    return PushKey(private_key=pem, audience=trust.audience, service_account=trust.service_account).to_text()


def _read_pem(file: Path) -> str:
    try:
        pem = file.read_text("utf-8")
        read_private_key(pem)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file} holds no private RSA key in PEM: {error}") from error
    return pem


def _print_key_set(pem: str | None) -> None:
    if pem is None:
        raise click.UsageError("--jwks needs --key FILE, the private key whose public part it prints")
    print_line(msgspec.json.encode({"keys": [write_key(read_private_key(pem).public_key())]}).decode())


def drawn(target: Target, count: int, clock: Clock) -> Iterator[Sample]:
    """Yield samples of the event, with ids that no other call has used; raise ``UsageError`` if there is none."""
    first = int(clock.now().timestamp() * 1000) % 10**12 * 1000
    for number in range(count):
        samples = target.platform.samples(clock.now(), first + number)
        samples = [sample for sample in samples if (sample.scheme == PUBSUB) == target.by_pubsub]
        meant = [sample for sample in samples if is_meant(sample, target.event)]
        if not meant:
            road = " by Pub/Sub" if target.by_pubsub else ""
            known = ", ".join(each.name for each in samples) or "nothing that way"
            raise click.UsageError(f"{target.platform.name} sends no {target.event!r}{road}; it sends {known}")
        yield meant[0]


def is_meant(sample: Sample, event: str) -> bool:
    """Say whether a sample is what ``event`` names: the platform's own name, or an event type that comes of it."""
    types = [kind for fields in sample.events for kind in str(fields.get("event_type")).split("|")]
    return event in (sample.name, *types)


def _send(target: Target, sample: Sample, secret: str, clock: Clock) -> Sent:
    headers = {"Content-Type": "application/json", **sample.headers}
    try:
        signature = target.platform.sign(sample.body, secret, clock.now(), sample.headers)
    except ValueError as error:
        raise ConfigurationError(
            f"{target.platform.name} cannot be played with this secret; give the key that signs by --secret"
        ) from error
    return Sent(sample, target.url, post(target.url, sample.body, {**headers, **signature}))


def _print_sent(sent: list[Sent], as_json: bool) -> None:
    if as_json:
        print_json(_sent_dict(each) for each in sent)
        return
    for each in sent:
        answer = shortened(plain(each.reply.body.decode("utf-8", "replace")), _SHOWN)
        if each.sample.scheme == HUB and each.reply.is_good and not answer:
            answer = "(an empty answer: if this is our gateway, the signature was wrong and the push ignored)"
        milliseconds = f"{each.reply.seconds * 1000:.1f} ms"
        print_line(f"{each.sample.name} -> {plain(each.url)}: {each.reply.status} in {milliseconds}  {answer}")


def _sent_dict(sent: Sent) -> dict[str, Any]:
    return {
        "sample": sent.sample.name,
        "url": sent.url,
        "status": sent.reply.status,
        "answer": sent.reply.body.decode("utf-8", "replace"),
        "milliseconds": round(sent.reply.seconds * 1000, 3),
    }


def _print_list(platform: Platform, clock: Clock, as_json: bool) -> None:
    rows: list[Mapping[str, Any]] = [
        {
            "platform": platform.name,
            "sample": sample.name,
            "events": [event.get("event_type") for event in sample.events],
            "scheme": sample.scheme,
        }
        for sample in platform.samples(clock.now(), 1)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("EVENT", "BECOMES", "SIGNED BY"),
            [(row["sample"], ", ".join(row["events"]) or "nothing", row["scheme"]) for row in rows],
        )
