"""``moderation-ai trigger``: send a signed sample of what a platform would send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_line, print_table
from moderation_ai.cli.terminal.requesting import Reply, post
from moderation_ai.cli.terminal.text import plain, shortened
from moderation_ai.cli.trigger.choosing import Target, account_id_of, address_of, as_of_account, drawn, types_of
from moderation_ai.cli.trigger.keys import key_set_of, push_key_of, read_pem, secret_of
from moderation_ai.core.errors import ConfigurationError, ModerationError
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.pipeline.clock import Clock
from moderation_ai.platforms import find_platform

HUB = "websub"
"""The scheme of samples that a WebSub hub pushes."""
_SHOWN = 300
"""Letters of an answer that people are shown."""


@click.command()
@click.argument("platform")
@click.argument("event", required=False)
@click.option("--url", metavar="URL", help="Where to; else this configuration's gateway on this machine.")
@click.option("--public", is_flag=True, help="To server.public_url: through the tunnel or proxy, as the platform does.")
@click.option("--account", metavar="NAME", help="As of this account, to its address and signed with its secret.")
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
    public: bool,
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
    pem = None if key_file is None else read_pem(key_file)
    if jwks:
        print_line(key_set_of(pem))
        return
    if lists:
        _print_list(known, invocation.clock, as_json)
        return
    if event is None:
        raise click.UsageError(f"name an EVENT; `moderation-ai trigger {known.name} --list` shows them")
    if url and public:
        raise click.UsageError("--url and --public name two addresses; give one of them")
    settings, clock = invocation.settings, invocation.clock
    target = Target(known, event, url or address_of(settings, known.name, account, public=public), pem is not None)
    account_id = account_id_of(settings, known.name, account)
    key = push_key_of(settings, known, pem) if pem else secret or secret_of(settings, known.name, account)
    samples = (as_of_account(known, each, account_id, clock.now()) for each in drawn(target, count, clock))
    refused = 0
    for sample in samples:
        sent = _send(target, sample, key, clock)
        _print_sent(sent, as_json)  # At once: should the next one fail, it is known what was accepted before.
        refused += not sent.reply.is_good
    if refused:
        raise ModerationError(f"{refused} of {count} were not accepted")


class Sent(msgspec.Struct, frozen=True):
    """A sample that was sent, where to, and the answer."""

    sample: Sample
    url: str
    reply: Reply


def _send(target: Target, sample: Sample, secret: str, clock: Clock) -> Sent:
    try:
        headers = target.platform.request_headers(sample, secret, clock.now())
    except ValueError as error:
        raise ConfigurationError(
            f"{target.platform.name} cannot be played with this secret; give the key that signs by --secret"
        ) from error
    return Sent(sample, target.url, post(target.url, sample.body, headers))


def _print_sent(sent: Sent, as_json: bool) -> None:
    if as_json:
        print_json([_sent_dict(sent)])
        return
    answer = shortened(plain(sent.reply.body.decode("utf-8", "replace")), _SHOWN)
    if sent.sample.scheme == HUB and sent.reply.is_good and not answer:
        answer = "(an empty answer: if this is our gateway, the signature was wrong and the push ignored)"
    milliseconds = f"{sent.reply.seconds * 1000:.1f} ms"
    print_line(f"{sent.sample.label} -> {plain(sent.url)}: {sent.reply.status} in {milliseconds}  {answer}")


def _sent_dict(sent: Sent) -> dict[str, Any]:
    return {
        "sample": sent.sample.label,
        "url": sent.url,
        "status": sent.reply.status,
        "answer": sent.reply.body.decode("utf-8", "replace"),
        "milliseconds": round(sent.reply.seconds * 1000, 3),
    }


def _print_list(platform: Platform, clock: Clock, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"platform": platform.name, "sample": each.label, "events": types_of(each), "scheme": each.scheme}
        for each in platform.samples(clock.now(), 1)
    ]
    if as_json:
        print_json(rows)
        return
    shown = [(row["sample"], ", ".join(row["events"]) or "nothing", row["scheme"] or "the platform") for row in rows]
    if any(row["scheme"] for row in rows):
        print_table(("EVENT", "BECOMES", "SIGNED BY"), shown)
    else:
        print_table(("EVENT", "BECOMES"), [each[:2] for each in shown])
