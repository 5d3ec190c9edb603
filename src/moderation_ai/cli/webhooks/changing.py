"""``moderation-ai webhooks register``, ``delete`` and ``renew``: one webhook at a time."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from moderation_ai.cli.terminal.addresses import public_url
from moderation_ai.cli.terminal.errors import FAILURE
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import note, print_json
from moderation_ai.cli.webhooks.asking import asking
from moderation_ai.cli.webhooks.printing import print_subscriptions
from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError
from moderation_ai.core.subscribing import DENIED, INVALID, LEAVING, PENDING, REGISTERED, Subscription
from moderation_ai.pipeline.subscribing.registering import delete_one, register_all, renew_one
from moderation_ai.platforms import find_platform

_HINTS = {
    PENDING: "the platform was asked, and has not confirmed it yet; `moderation-ai webhooks list` shows when it has",
    INVALID: "it is not valid there: see its reason",
    DENIED: "the hub denied it: see its reason",
}


@click.command()
@click.argument("platform")
@click.argument("url", required=False)
@click.option("--account", metavar="NAME", help="For this configured account.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="A WebSub topic; may be repeated.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="An event to ask for; may be repeated.")
@as_json_option
@settings_options
@pass_invocation
def register(
    invocation: Invocation,
    platform: str,
    url: str | None,
    account: str | None,
    topics: tuple[str, ...],
    events: tuple[str, ...],
    as_json: bool,
) -> None:
    """Have PLATFORM post to URL, the platform's address below server.public_url if none is given.

    It is asked with the token that is configured, and `serve` must be running: most platforms ask the address before
    they post to it. To register again what is registered changes nothing. Secrets come from the configuration.
    """
    known = find_platform(platform)
    address = url or _own_address(invocation, known.name, account)

    async def work() -> list[Subscription]:
        async with asking(invocation) as subscriber:
            return await register_all(subscriber, known, address, account=account, topics=topics, events=events)

    found = run(work())
    print_subscriptions(found, as_json, invocation.clock.now())
    for status in dict.fromkeys(each.status for each in found):
        if status in _HINTS:
            note(_HINTS[status])
    sys.exit(FAILURE if any(each.status in (INVALID, DENIED) for each in found) else 0)


def _own_address(invocation: Invocation, platform: str, account: str | None) -> str:
    """Return our address for a platform or account as it is configured; raise ``ConfigurationError`` without one."""
    settings = invocation.settings
    configured = settings.platforms.get(platform)
    named = configured.accounts.get(account) if configured and account else None
    address = public_url(settings, platform, account if named is not None and named.secrets else None)
    if address is None:
        raise ConfigurationError(
            "say where it is to post, or set server.public_url to how platforms reach this gateway, such as "
            "https://hooks.example.org"
        )
    return address


@click.command()
@click.argument("platform")
@click.argument("webhook_id", metavar="ID")
@click.option("--forget", is_flag=True, help="Only forget it here; the platform is not told.")
@as_json_option
@settings_options
@pass_invocation
def delete(invocation: Invocation, platform: str, webhook_id: str, forget: bool, as_json: bool) -> None:
    """Have a webhook end at PLATFORM, and forget it; a hub asks back before that is so."""
    name = find_platform(platform).name

    async def work() -> tuple[bool, Subscription | None]:
        async with asking(invocation) as subscriber:
            was_there = await delete_one(subscriber, name, webhook_id, forget=forget)
            rows = await subscriber.store.subscriptions(name)
            return was_there, next((row for row in rows if row.id == webhook_id), None)

    was_there, leaving = run(work())
    if not was_there:
        raise ModerationError(
            f"no webhook of {name} is called {webhook_id!r}; see `moderation-ai webhooks list {name}`"
        )
    if as_json:
        status = leaving.status if leaving else "deleted"
        print_json(
            [{"platform": name, "id": webhook_id, "status": status, "reason": leaving.reason if leaving else None}]
        )
    elif leaving and leaving.reason:
        note(f"the hub could not be told, `serve` tells it again: {leaving.reason}")
    else:
        note("the hub was told, and ends it once it has asked back" if leaving else "deleted")


@click.command()
@click.argument("platform", required=False)
@click.option("--id", "ids", multiple=True, metavar="ID", help="This one alone; may be repeated.")
@as_json_option
@settings_options
@pass_invocation
def renew(invocation: Invocation, platform: str | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Have leases renewed and addresses checked again now: of PLATFORM, or of all.

    `serve` does this by itself, in time. What ended, was denied or is not valid is asked for again. Exit code 1 if one
    could not be renewed.
    """
    name = find_platform(platform).name if platform else None
    found, failed = run(_renew(invocation, name, ids))
    print_subscriptions(found, as_json, invocation.clock.now())
    if not found and not failed:
        note("nothing is registered that could be renewed")
    sys.exit(FAILURE if failed or any(each.status in (INVALID, DENIED) for each in found) else 0)


async def _renew(invocation: Invocation, platform: str | None, ids: Sequence[str]) -> tuple[list[Subscription], int]:
    renewed: list[Subscription] = []
    failed = 0
    async with asking(invocation) as subscriber:
        rows = await subscriber.store.subscriptions(platform)
        missing = set(ids) - {row.id for row in rows}
        if missing:
            raise ModerationError(f"no webhook is called {', '.join(sorted(missing))}; nothing was renewed")
        for row in rows:
            if row.status in (REGISTERED, LEAVING) or (ids and row.id not in ids):
                continue
            try:
                renewed += [each for each in [await renew_one(subscriber, row)] if each is not None]
            except StoreError:
                raise
            except ModerationError as error:
                failed += 1
                note(f"{row.platform}: {row.id}: {error}")
    return renewed, failed
