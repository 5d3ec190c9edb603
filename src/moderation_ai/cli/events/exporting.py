"""Exporting events: all that are meant, oldest first, as a file that ``events replay --file`` reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

from moderation_ai.cli.terminal.filters import chosen, filter_options
from moderation_ai.cli.terminal.invocation import Invocation, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import Progress, note, plural
from moderation_ai.cli.terminal.stores import opened, require_folder
from moderation_ai.core.events import to_json
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.paging import pages


@click.command()
@filter_options
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, readable by you alone, once everything is there; else to the standard output.",
)
@settings_options
@pass_invocation
@click.pass_context
def export(ctx: click.Context, invocation: Invocation, output: Path | None) -> None:
    """Write events as JSON Lines, oldest first."""
    which = chosen(ctx)
    if output is None:
        run(_write(invocation.store_url, which, sys.stdout.buffer.write))
        return
    require_folder(output)
    part = output.with_name(output.name + ".part")
    try:
        with _private(part) as file:
            written = run(_write(invocation.store_url, which, file.write))
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    note(f"wrote {plural(written, 'event')} to {output}")


def _private(file: Path) -> BinaryIO:
    """Open a new file that no other user of the machine can read: it holds what people wrote."""
    file.unlink(missing_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


async def _write(url: str, which: EventFilter, write: Callable[[bytes], int]) -> int:
    progress = Progress("events")
    async with opened(url) as store:
        async for page in pages(store, which):
            write(b"".join(to_json(event) + b"\n" for event in page))
            progress.add(len(page))
    progress.end()
    sys.stdout.flush()
    return progress.done
