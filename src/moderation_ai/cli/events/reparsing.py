"""Reparsing: what was not understood when it came is read again by the parsers that there are now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from moderation_ai.cli.terminal.filters import chosen, filter_options
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import Progress, note, plural, print_json, print_line
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.text import plain
from moderation_ai.config import sources_of, watches_of
from moderation_ai.core.events import to_dict
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.keeping import address_of
from moderation_ai.pipeline.upkeep.reparsing import (
    BODY_GONE,
    LEARNED,
    NO_PLATFORM,
    NO_USE,
    UNKNOWN,
    Reparser,
    Reread,
    each_unknown,
)
from moderation_ai.platforms import aliases, all_platforms
from moderation_ai.stores.base import EventFilter

_WORDS = {
    LEARNED: "understood now",
    NO_USE: "understood now, of a kind that there is no use for",
    UNKNOWN: "not understood",
    BODY_GONE: "not read: the body is not kept any more",
    NO_PLATFORM: "not read: no platform of that name is known",
}


@click.command()
@filter_options
@click.option("--dry-run", is_flag=True, help="Only show what would be understood.")
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def reparse(ctx: click.Context, invocation: Invocation, dry_run: bool, as_json: bool) -> None:
    """Read `unknown` events again, and make events of what is understood now; `serve` runs them at once.

    What was unknown is superseded by them. Without options all of them are read.
    """
    counts = run(_reparse(invocation, chosen(ctx), dry_run, as_json))
    _tell(counts, dry_run)


async def _reparse(invocation: Invocation, which: EventFilter, dry_run: bool, as_json: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    progress = Progress("unknown events")
    async with opened(invocation.store_url) as store:
        reparser = Reparser(store, _sources(invocation), all_platforms(), aliases(), dry_run=dry_run)
        async for event in each_unknown(store, which):
            reread = await reparser.reread(event)
            counts[reread.fate] += 1
            counts["events"] += len(reread.events) if dry_run else reread.new
            progress.add(1)
            _print(reread, as_json)
    progress.end()
    return counts


def _sources(invocation: Invocation) -> Mapping[str, Source]:
    """Return what is received, and what is polled alone, by the address that is kept beside a body."""
    received, polled = sources_of(invocation.settings), watches_of(invocation.settings.platforms)
    found = {
        address_of(each.access.platform.name, each.credential): (each.access.platform, each.credential)
        for each in polled
    }
    known = (found | received).items()
    return {name: Source(platform=platform, credential=credential) for name, (platform, credential) in known}


def _print(reread: Reread, as_json: bool) -> None:
    if as_json:
        print_json([reread_dict(reread)])
    elif reread.fate in (LEARNED, NO_USE):
        kinds = ", ".join(f"{event.event_type} {event.event_id}" for event in reread.events)
        print_line(plain(f"{reread.event.event_id}  {kinds or _WORDS[NO_USE]}"))


def reread_dict(reread: Reread) -> dict[str, Any]:
    """Return what came of one event as a program wants it."""
    events = [to_dict(event) for event in reread.events]
    return {"event_id": reread.event.event_id, "fate": reread.fate, "new": reread.new, "events": events}


def _tell(counts: Counter[str], dry_run: bool) -> None:
    for fate, words in _WORDS.items():
        if counts[fate]:
            note(f"{plural(counts[fate], 'unknown event')} {words}")
    if not any(counts[fate] for fate in _WORDS):
        note("there are no unknown events")
    if counts[LEARNED]:
        note(f"{plural(counts['events'], 'event')} {'would come' if dry_run else 'came'} of them")
