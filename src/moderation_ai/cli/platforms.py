"""``moderation-ai platforms``: what is known of each platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from moderation_ai.cli.terminal.feeds import polling_rows, print_polling
from moderation_ai.cli.terminal.invocation import as_json_option
from moderation_ai.cli.terminal.printing import print_json
from moderation_ai.core.calls import Auth, Call
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms, find_platform


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--actions", "with_actions", is_flag=True, help="Show each action: its call, undo, permissions, limits.")
@click.option(
    "--subscriptions", "with_subscriptions", is_flag=True, help="Show what can be subscribed, and by which calls."
)
@click.option("--polling", "with_polling", is_flag=True, help="Show each feed, its interval and its cost.")
@as_json_option
def platforms(
    names: tuple[str, ...], with_actions: bool, with_subscriptions: bool, with_polling: bool, as_json: bool
) -> None:
    """Show which platforms there are, how they sign, what can be done on them, and what polling them costs."""
    found = [find_platform(name) for name in names] or [each for _, each in sorted(all_platforms().items())]
    views = [*["actions"] * with_actions, *["subscriptions"] * with_subscriptions, *["polling"] * with_polling]
    if as_json:
        print_json(_rows(found, views))
        return
    for each in found:
        _print(platform_dict(each))
        for view in views:
            _PRINTED[view](each)


def _rows(found: list[Platform], views: Sequence[str]) -> Iterator[dict[str, Any]]:
    for each in found:
        if not views:
            yield platform_dict(each)
        for view in views:
            yield from _ROWS[view](each)


def platform_dict(platform: Platform) -> dict[str, Any]:
    """Return what a platform can do as the public contract has it."""
    return {
        "name": platform.name,
        "aliases": list(platform.aliases),
        "events": sorted({kind for kind in (*platform.kinds.values(), *platform.polls_for) if kind}),
        "signature": platform.signature,
        "handshake": platform.handshake,
        "actions": list(platform.actions),
        "poll": platform.poll,
        "subscribe": platform.subscribe,
    }


def action_rows(platform: Platform) -> Iterator[dict[str, Any]]:
    """Yield each action of a platform as its table has it: the call, who sees it, what takes it back, what it needs."""
    for action, capability in platform.capabilities.items():
        call = platform.api.call(capability.call)
        yield {
            "platform": platform.name,
            "action": action,
            "call": f"{call.method} {call.url}",
            "undo": capability.undo,
            "scopes": list(call.scopes),
            "needs": list(capability.needs),
            "batch": capability.batch,
            "cost": call.cost,
            "limits": _limits(call, platform),
            "visible": call.visible,
            "note": capability.note or call.note,
            "source": call.source,
        }


def subscription_rows(platform: Platform) -> Iterator[dict[str, Any]]:
    """Yield each call by which a platform is told to post to us: as whom it is made, what it needs."""
    for name in platform.subscribing:
        call = platform.api.call(name)
        yield {
            "platform": platform.name,
            "subscribing": name,
            "call": f"{call.method} {call.url}",
            "as": MADE_AS[call.auth],
            "scopes": list(call.scopes),
            "limits": _limits(call, platform),
            "note": call.note,
            "source": call.source,
        }


MADE_AS: Mapping[Auth, str] = {
    "bearer": "the account",
    "access-token": "the account",
    "basic": "the app",
    "app": "the app",
    "app-pair": "the app",
    "none": "nobody",
}
"""As whom a call is made."""


def _limits(call: Call, platform: Platform) -> list[str]:
    if call.cost == 0:
        return []
    each = f" and takes {call.cost} of them" if call.cost > 1 else ""
    limits = [*call.limits, *platform.api.limits]
    return [f"{limit.units} in {limit.seconds} s for each {limit.shared_by}{each}" for limit in limits]


def _print(fields: dict[str, Any]) -> None:
    aliases = f" (also {', '.join(fields['aliases'])})" if fields["aliases"] else ""
    click.secho(f"{fields['name']}{aliases}", bold=True)
    click.echo(f"  signature  {fields['signature']}")
    click.echo(f"  handshake  {fields['handshake'] or 'none'}")
    click.echo(f"  events     {', '.join(fields['events']) or 'none'}")
    click.echo(f"  actions    {', '.join(fields['actions']) or 'none'}")
    ways = [
        word for word, can in (("can be polled", fields["poll"]), ("subscribes by itself", fields["subscribe"])) if can
    ]
    if ways:
        click.echo(f"  also       {', '.join(ways)}")


def _print_actions(platform: Platform) -> None:
    for row in action_rows(platform):
        click.echo(f"  {row['action']:<10} {row['call']}")
        facts = [
            ("undo", row["undo"] or "none"),
            ("ask for", " ".join(row["scopes"])),
            ("needs", ", ".join(row["needs"])),
            ("limits", "; ".join(row["limits"])),
            ("seen", row["visible"]),
            ("note", row["note"]),
        ]
        for name, text in facts:
            if text:
                click.echo(f"    {name:<8} {text}")
    for wanted, milder in platform.instead.items():
        click.echo(f"  {wanted:<10} cannot be done; {milder} is done instead where the policy allows it")


def _print_subscriptions(platform: Platform) -> None:
    for native, words in platform.pushes.items():
        usual = ", subscribed unless others are named" if native in platform.usual else ""
        click.echo(f"  {native:<20} {', '.join(words)}{usual}")
    for row in subscription_rows(platform):
        click.echo(f"  {row['subscribing']:<20} {row['call']}")
        facts = [
            ("as", row["as"]),
            ("ask for", " ".join(row["scopes"])),
            ("limits", "; ".join(row["limits"])),
            ("note", row["note"]),
        ]
        for name, text in facts:
            if text:
                click.echo(f"    {name:<8} {text}")


_ROWS: Mapping[str, Callable[[Platform], Iterator[dict[str, Any]]]] = {
    "actions": action_rows,
    "subscriptions": subscription_rows,
    "polling": polling_rows,
}
_PRINTED: Mapping[str, Callable[[Platform], None]] = {
    "actions": _print_actions,
    "subscriptions": _print_subscriptions,
    "polling": print_polling,
}
