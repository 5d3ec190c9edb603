"""``moderation-ai db``: the store itself."""

from __future__ import annotations

import click

from moderation_ai.cli.db.pruning import prune
from moderation_ai.cli.db.showing import status, upgrade


@click.group()
def db() -> None:
    """Show the state of the store, bring its schema up to date, remove what is too old."""


for command in (status, upgrade, prune):
    db.add_command(command)
