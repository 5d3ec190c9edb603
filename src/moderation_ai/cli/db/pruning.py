"""Pruning by hand: what is kept too long is removed now, and not by and by."""

from __future__ import annotations

import click
import msgspec

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import Progress, note, plural, print_json
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.core.errors import StoreBusy
from moderation_ai.pipeline.upkeep.retention import STEP, horizons_at, prune_all
from moderation_ai.stores.base import Removed, Store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@as_json_option
@settings_options
@pass_invocation
def prune(invocation: Invocation, dry_run: bool, as_json: bool) -> None:
    """Remove what is older than the configured retention; `serve` does it by and by."""
    removed = run(_count(invocation) if dry_run else _prune(invocation))
    if as_json:
        print_json([{**msgspec.structs.asdict(removed), "dry_run": dry_run}])
        return
    parts = (
        plural(removed.bodies, "raw body").replace("bodys", "bodies"),
        plural(removed.texts, "text"),
        plural(removed.errors, "handler error"),
    )
    click.echo(("would remove about: " if dry_run else "removed: ") + ", ".join(parts))


async def _count(invocation: Invocation) -> Removed:
    async with opened(invocation.store_url) as store:
        now = invocation.clock.now()
        horizons = horizons_at(invocation.settings.retention.plan(), now)
        return await store.prune(horizons, now, limit=STEP, dry_run=True)


async def _prune(invocation: Invocation) -> Removed:
    progress = Progress("bodies and texts")
    async with opened(invocation.store_url) as store:
        removed = await prune_all(
            store,
            invocation.settings.retention.plan(),
            invocation.clock.now(),
            lambda step: progress.add(step.bodies + step.texts),
        )
        progress.end()
        await _scrub(store)
    return removed


async def _scrub(store: Store) -> None:
    try:
        await store.scrub()
    except StoreBusy as error:
        note(f"what was removed may stand in the store's log for a while: {error}")
