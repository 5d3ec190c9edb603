"""``moderation-ai events``: what was received."""

from __future__ import annotations

import click

from moderation_ai.cli.events.exporting import export
from moderation_ai.cli.events.listing import list_events, tail
from moderation_ai.cli.events.reparsing import reparse
from moderation_ai.cli.events.replaying import replay
from moderation_ai.cli.events.showing import show


@click.group()
def events() -> None:
    """List, show, follow, replay, read again and export what was received."""


for command in (list_events, show, tail, replay, reparse, export):
    events.add_command(command)
