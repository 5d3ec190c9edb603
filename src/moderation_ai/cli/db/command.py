"""``moderation-ai db``: the store itself."""

from __future__ import annotations

import click

from moderation_ai.cli.db.copying import backup, restore
from moderation_ai.cli.db.pruning import prune
from moderation_ai.cli.db.showing import status, upgrade


@click.group()
def db() -> None:
    """Show the state of the store, bring it up to date, copy it, remove what is too old."""


for command in (status, upgrade, backup, restore, prune):
    db.add_command(command)
