"""``moderation-ai platforms``: what is known of each platform."""

from __future__ import annotations

from typing import Any

import click

from moderation_ai.cli.terminal.invocation import as_json_option
from moderation_ai.cli.terminal.printing import print_json
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms, find_platform


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json_option
def platforms(names: tuple[str, ...], as_json: bool) -> None:
    """Show which platforms there are, how they sign, and what can be done on them."""
    found = [find_platform(name) for name in names] or [each for _, each in sorted(all_platforms().items())]
    if as_json:
        print_json(platform_dict(each) for each in found)
        return
    for each in found:
        _print(platform_dict(each))


def platform_dict(platform: Platform) -> dict[str, Any]:
    """Return what a platform can do as the public contract has it."""
    return {
        "name": platform.name,
        "aliases": list(platform.aliases),
        "events": sorted({kind for kind in platform.kinds.values() if kind}),
        "signature": platform.signature,
        "handshake": platform.handshake,
        "actions": list(platform.actions),
        "poll": platform.poll,
        "subscribe": platform.subscribe,
    }


def _print(fields: dict[str, Any]) -> None:
    aliases = f" (also {', '.join(fields['aliases'])})" if fields["aliases"] else ""
    click.secho(f"{fields['name']}{aliases}", bold=True)
    click.echo(f"  signature  {fields['signature']}")
    click.echo(f"  handshake  {fields['handshake'] or 'none'}")
    click.echo(f"  events     {', '.join(fields['events']) or 'none'}")
    click.echo(f"  actions    {', '.join(fields['actions']) or 'none yet'}")
    ways = [
        word for word, can in (("can be polled", fields["poll"]), ("subscribes by itself", fields["subscribe"])) if can
    ]
    if ways:
        click.echo(f"  also       {', '.join(ways)}")
