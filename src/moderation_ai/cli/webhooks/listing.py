"""``moderation-ai webhooks list``: what is registered here, and what the platforms have."""

from __future__ import annotations

import click

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import note
from moderation_ai.cli.webhooks.asking import asking
from moderation_ai.cli.webhooks.printing import print_subscriptions
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.subscribing.registering import list_all
from moderation_ai.platforms import find_platform


@click.command("list")
@click.argument("platform", required=False)
@click.option("--stored", is_flag=True, help="Ask no platform: show what is in the store.")
@as_json_option
@settings_options
@pass_invocation
def list_(invocation: Invocation, platform: str | None, stored: bool, as_json: bool) -> None:
    """List webhooks: those that are registered here, and what the platforms have beside them (not ours)."""
    name = find_platform(platform).name if platform else None
    found = run(_list(invocation, name, not stored))
    print_subscriptions(found, as_json, invocation.clock.now())
    if not found and not as_json:
        note("no webhook is registered; `moderation-ai webhooks sync --dry-run` shows what is configured and lacks")


async def _list(invocation: Invocation, platform: str | None, ask: bool) -> list[Subscription]:
    async with asking(invocation) as subscriber:
        return await list_all(subscriber, platform, ask=ask)
