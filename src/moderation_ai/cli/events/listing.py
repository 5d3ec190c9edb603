"""Listing events: those there are, and those that come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import click
from msgspec import structs

from moderation_ai.cli.terminal.filters import chosen, filter_options
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import default_limit, note, print_events, print_json
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.core.events import WebhookEvent, to_json
from moderation_ai.pipeline.clock import Clock
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.paging import pages_back

PAUSE = 0.5
"""Seconds between two looks at the store while following."""
_PAGE = 1000


def print_found(events: Sequence[WebhookEvent], as_json: bool) -> None:
    """Print events as JSON Lines, or as lines for people."""
    if as_json:
        print_json(to_json(event) for event in events)
    else:
        print_events(events)


@click.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(min=0), help="At most so many; 50 on a terminal without --json.")
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def list_events(ctx: click.Context, invocation: Invocation, limit: int | None, as_json: bool) -> None:
    """List events, newest first."""
    shown = default_limit(limit, as_json)
    printed = run(_print_found(invocation.store_url, chosen(ctx), shown, as_json))
    if shown is not None and limit is None and printed == shown:
        note(f"these are the newest {shown}; --limit shows more")


async def _print_found(url: str, which: EventFilter, limit: int | None, as_json: bool) -> int:
    """Print events as they are read, so that a store may be larger than the memory; return how many."""
    printed = 0
    async with opened(url) as store:
        async for page in pages_back(store, which, limit):
            print_found(page, as_json)
            printed += len(page)
    return printed


@click.command()
@filter_options
@click.option("--last", type=click.IntRange(min=0), default=0, metavar="N", help="Begin with the last N there are.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def tail(ctx: click.Context, invocation: Invocation, last: int, limit: int | None, as_json: bool) -> None:
    """Follow events as they arrive; with --since from then on."""
    run(_print_all(invocation, chosen(ctx), last, limit, as_json))


async def _print_all(invocation: Invocation, which: EventFilter, last: int, limit: int | None, as_json: bool) -> None:
    left = limit
    async with opened(invocation.store_url) as store:
        async for events in follow(store, which, last, invocation.clock):
            print_found(events[:left], as_json)
            left = None if left is None else left - len(events)
            if left is not None and left <= 0:
                return


async def follow(store: Store, which: EventFilter, last: int, clock: Clock) -> AsyncIterator[list[WebhookEvent]]:
    """Yield events as they come to be meant, each once and in the order of their arrival, for ever."""
    newest = await store.events(EventFilter(), limit=1)
    seq = newest[0].seq if newest else 0
    if which.since is not None:
        seq = 0
    elif last:
        before = (await store.events(which, limit=last))[::-1]
        yield before
        seq = max([seq, *(event.seq for event in before)])
    shown: set[int] = set()
    while True:
        # A status comes later than the event, and not in the order of events: what is unfinished is looked at again.
        settled = await _settled(store, seq) if which.status is not None else None
        after = structs.replace(which, after_seq=seq)
        found = await store.events(after, limit=_PAGE if settled is None else None, newest_first=False)
        fresh = [event for event in found if event.seq not in shown]
        seq = max(seq, found[-1].seq if settled is None and found else settled or 0)
        shown = {event.seq for event in found if event.seq > seq}
        if fresh:
            yield fresh
        else:
            await clock.wait(asyncio.Event(), PAUSE)


async def _settled(store: Store, seq: int) -> int:
    """Return the place of the last event, from ``seq`` on, before which none is pending."""
    # In this order: what arrives between the two questions is pending, and must not count as settled.
    newest = await store.events(EventFilter(after_seq=seq), limit=1)
    pending = await store.events(EventFilter(status="pending", after_seq=seq), limit=1, newest_first=False)
    return pending[0].seq - 1 if pending else newest[0].seq if newest else seq
