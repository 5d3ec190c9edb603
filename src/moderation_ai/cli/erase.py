"""``moderation-ai erase``: everything that is stored about a person or an object is removed."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from moderation_ai.cli.terminal.filters import platform_named
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import Progress, note, plural, print_json
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.core.errors import ModerationError
from moderation_ai.pipeline.upkeep.erasing import Erased, Eraser
from moderation_ai.platforms import all_platforms

NOT_SCRUBBED = (
    "the store was in use without a pause, so traces may stand in its write-ahead log until that is written over: "
    "run the command again"
)


@click.command()
@click.option("--author", metavar="ID", help="The person, by the platform's id of them.")
@click.option("--object", "object_id", metavar="ID", help="The comment or post, by the platform's id of it.")
@click.option("--platform", metavar="NAME", help="On this platform alone; two platforms may use one id.")
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@as_json_option
@settings_options
@pass_invocation
def erase(
    invocation: Invocation,
    author: str | None,
    object_id: str | None,
    platform: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove what is stored about a person or an object: bodies, texts, ids, errors. It cannot be undone.

    Events that are about it stay as empty ones of their kind and time, so that a repeat stays a repeat.
    """
    if bool(author) == bool(object_id):
        raise click.UsageError("say what to erase, by one of --author ID or --object ID")
    if not (dry_run or yes or as_json) and sys.stdin.isatty():
        click.confirm("what is erased cannot be had back; erase it?", abort=True, err=True)
    name = platform_named(platform) if platform else None
    named = {"author": author, "object_id": object_id, "platform": name}
    erased = run(_erase(invocation, named, dry_run))
    if name and name not in all_platforms() and not erased.events:
        raise ModerationError(f"nothing is stored of a platform called {name!r}, so nothing was erased")
    if as_json:
        print_json([{**msgspec.structs.asdict(erased), "dry_run": dry_run}])
    else:
        _tell(erased, dry_run)
    if not (dry_run or erased.is_scrubbed):
        note(NOT_SCRUBBED)


async def _erase(invocation: Invocation, named: dict[str, Any], dry_run: bool) -> Erased:
    progress = Progress("events looked at")
    async with opened(invocation.store_url) as store:
        erased = await Eraser(store, **named, dry_run=dry_run, tell=progress.add).run()
    progress.end()
    return erased


def _tell(erased: Erased, dry_run: bool) -> None:
    parts = [
        f"{plural(erased.events, 'event')} emptied",
        f"{plural(erased.mentions, 'other event')} without what named it",
        plural(erased.bodies, "raw body").replace("bodys", "bodies"),
        plural(erased.errors, "handler error"),
        f"{plural(erased.things, 'object')} forgotten",
        f"{plural(erased.actions, 'action')} and {plural(erased.decisions, 'decision')} without it",
    ]
    click.echo(("would erase: " if dry_run else "erased: ") + ", ".join(parts))
