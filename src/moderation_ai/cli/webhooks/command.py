"""``moderation-ai webhooks``: have platforms post to us, see what they have, and keep it as it is configured."""

from __future__ import annotations

import click

from moderation_ai.cli.webhooks.changing import delete, register, renew
from moderation_ai.cli.webhooks.listing import list_
from moderation_ai.cli.webhooks.syncing import sync


@click.group()
def webhooks() -> None:
    """Register webhooks at platforms by their APIs, list, renew and delete them, or sync them with the configuration.

    Platforms and accounts are asked with the tokens that are configured. `serve` keeps alive what is registered.
    """


for _command in (register, list_, delete, renew, sync):
    webhooks.add_command(_command)
