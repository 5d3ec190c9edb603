"""Replaying events: what is stored, or what a file holds, is put back for the handlers of ``serve``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
from msgspec import structs

from moderation_ai.cli.events.listing import print_found
from moderation_ai.cli.terminal.asking import confirm_many, yes_option
from moderation_ai.cli.terminal.filters import chosen, filter_options, narrows
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import Progress, note, plural
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.events import WebhookEvent, to_json
from moderation_ai.core.handmade import keyed_event
from moderation_ai.stores.base import Delivery, EventFilter, Store
from moderation_ai.stores.paging import pages
from moderation_ai.webhooks.replay import read_events

_PAGE = 500
_LOOKED_AT = 100
"""Events of which it is looked up who handled them."""


@click.command()
@click.argument("event_ids", nargs=-1, metavar="[EVENT_ID]...")
@filter_options
@click.option("--handler", "handlers", multiple=True, metavar="NAME", help="Run this handler alone; may be repeated.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Replay the events of this file: a JSON array or JSON Lines, as `events export` writes them.",
)
@click.option("--dry-run", is_flag=True, help="Only show which events are meant.")
@yes_option
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def replay(
    ctx: click.Context,
    invocation: Invocation,
    event_ids: tuple[str, ...],
    handlers: tuple[str, ...],
    file: Path | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Put events back to be handled again, whatever came of them before; `serve` runs them at once.

    Name them by their ids or by filters, or give a file.
    """
    which = structs.replace(chosen(ctx), event_ids=event_ids)
    if (file is not None) == narrows(which):
        raise click.UsageError("say which events: their ids, filters such as --since 2h, or --file FILE")
    if file is None:
        run(_replay_stored(invocation, which, handlers, Manner(dry_run, yes, as_json)))
    elif handlers:
        raise click.UsageError("--handler is for stored events; those of a file go to every handler")
    else:
        run(_replay_file(invocation, read_events(file.read_bytes()), Manner(dry_run, yes, as_json)))


class Manner(NamedTuple):
    """How to go about it: only show, do not ask, show as JSON."""

    dry_run: bool
    yes: bool
    as_json: bool


async def _replay_stored(invocation: Invocation, which: EventFilter, handlers: tuple[str, ...], manner: Manner) -> None:
    async with opened(invocation.store_url) as store:
        seqs: list[int] = []
        ids: set[str] = set()
        async for page in pages(store, which):
            seqs += [event.seq for event in page]
            ids |= {event.event_id for event in page} & set(which.event_ids)
            if manner.dry_run:
                print_found(page, manner.as_json)
        _require_all_found(which, ids)
        await _doubt_handlers(store, seqs, handlers)
        if may_begin(len(seqs), manner):
            done = await _put_back(store, seqs, invocation.clock.now(), handlers)
            _tell(done, len(seqs) - done)


async def _replay_file(invocation: Invocation, events: list[WebhookEvent], manner: Manner) -> None:
    if manner.dry_run:
        print_found(events, manner.as_json)
    async with opened(invocation.store_url) as store:
        if may_begin(len(events), manner):
            now = invocation.clock.now()
            fresh, known = await _keep(store, events, now)
            done = await _put_back(store, known, now)
            _tell(fresh + done, len(known) - done)


def may_begin(number: int, manner: Manner) -> bool:
    """Say whether to go on with ``number`` events: not for a dry run, and not where a person says no."""
    if manner.dry_run:
        note(f"{plural(number, 'event')} would be replayed")
        return False
    confirm_many(number, "replay", yes=manner.yes)
    return True


async def _put_back(store: Store, seqs: Sequence[int], now: datetime, handlers: tuple[str, ...] = ()) -> int:
    """Put events back in short transactions, so that ``serve`` can write between them; count what was put back."""
    progress = Progress("events")
    done = 0
    for start in range(0, len(seqs), _PAGE):
        part = seqs[start : start + _PAGE]
        done += await store.replay(part, now, handlers=handlers)
        progress.add(len(part))
    progress.end()
    return done


async def _doubt_handlers(store: Store, seqs: Sequence[int], handlers: tuple[str, ...]) -> None:
    """Say which of the handlers may be misspelt: `serve` makes dead letters of what it has no handler for."""
    if not handlers:
        return
    ran = {attempt.handler for seq in seqs[:_LOOKED_AT] for attempt in await store.attempts(seq)}
    as_these = f", as {' and '.join(sorted(ran))} have" if ran else ""
    for name in handlers:
        if name not in ran:
            note(
                f"{name!r} has handled none of these before{as_these}; if `serve` knows no handler of that name, they "
                "become dead letters"
            )


def _require_all_found(which: EventFilter, found: set[str]) -> None:
    missing = set(which.event_ids) - found
    if missing:
        raise ModerationError(f"no event is called {', '.join(sorted(missing))}; nothing was replayed")


async def _keep(store: Store, events: Sequence[WebhookEvent], now: datetime) -> tuple[int, list[int]]:
    """Store the events of a file; return how many were new, and the places of those that were there already."""
    known: list[int] = []
    fresh = 0
    for event in events:
        event.source = "replay"
        same = EventFilter(event_ids=(event.event_id,), platform=event.platform)
        found = await store.events(same) if event.event_id else []
        if found:
            known += [one.seq for one in found]
            continue
        keyed = keyed_event(event, now)
        delivery = Delivery(platform=event.platform, received_at=now, body=to_json(event), events=[keyed], forced=True)
        added = await store.add(delivery)
        fresh += len(added.fresh)
        known += [seq for seq in added.seqs if seq not in added.fresh]
    return fresh, known


def _tell(done: int, left: int) -> None:
    note(f"{plural(done, 'event')} will be handled again" + (f"; {left} are being handled just now" if left else ""))
