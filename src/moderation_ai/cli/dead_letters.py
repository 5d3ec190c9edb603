"""``moderation-ai dead-letters``: events that a handler could not handle, and what to do with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

import click
from msgspec import structs

from moderation_ai.cli.terminal.asking import confirm_many, yes_option
from moderation_ai.cli.terminal.filters import chosen, filter_options, narrows
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import default_limit, event_line, note, plural, print_json, print_line
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.text import plain, shortened
from moderation_ai.core.errors import ModerationError
from moderation_ai.stores.base import DeadLetter, EventFilter, Store

ByHandlers = dict[tuple[str, ...], list[int]]
"""Places of events by the handlers that are meant, so that each group is one piece of work for the store."""

_PAGE = 1000
_SHOWN = 300
"""Letters of a cause that people are shown in a list; `events show` has all of it."""


@click.group()
def dead_letters() -> None:
    """List dead letters, run them again, or drop them."""


handler_option = click.option("--handler", metavar="NAME", help="Of this handler alone.")
all_option = click.option("--all", "everything", is_flag=True, help="All dead letters.")
ids_argument = click.argument("event_ids", nargs=-1, metavar="[EVENT_ID]...")


@dead_letters.command("list")
@filter_options
@handler_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; 50 on a terminal without --json.")
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def list_letters(
    ctx: click.Context, invocation: Invocation, handler: str | None, limit: int | None, as_json: bool
) -> None:
    """List dead letters, newest first, with their handlers and causes."""
    run(_print_found(invocation.store_url, chosen(ctx), handler, default_limit(limit, as_json), as_json))


async def _print_found(url: str, which: EventFilter, handler: str | None, limit: int | None, as_json: bool) -> None:
    """Print dead letters as they are read, so that there may be more than the memory holds."""
    left = limit
    async with opened(url) as store:
        async for letters in _pages(store, which, handler):
            _print(letters[:left], as_json)
            left = None if left is None else left - len(letters)
            if left is not None and left <= 0:
                return


def _print(letters: Sequence[DeadLetter], as_json: bool) -> None:
    if as_json:
        print_json(letter.to_dict() for letter in letters)
        return
    for letter in letters:
        print_line(event_line(letter.event))
        tries = plural(letter.attempts, "attempt")
        cause = shortened(plain(letter.error or "no cause is known"), _SHOWN)
        print_line(f"    {plain(letter.handler)}, {tries}: {cause}")


async def _pages(store: Store, which: EventFilter, handler: str | None) -> AsyncIterator[list[DeadLetter]]:
    """Yield the dead letters that are meant, newest first, those of one event together."""
    while page := await store.dead_letters(which, limit=_PAGE):
        last = page[-1].event.seq
        if len(page) == _PAGE:  # Of the last event there may be more.
            page = [letter for letter in page if letter.event.seq != last] or page
        yield [letter for letter in page if handler is None or letter.handler == handler]
        which = structs.replace(which, before_seq=page[-1].event.seq)


@dead_letters.command()
@ids_argument
@filter_options
@handler_option
@all_option
@yes_option
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def retry(
    ctx: click.Context,
    invocation: Invocation,
    event_ids: tuple[str, ...],
    handler: str | None,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Run dead letters again, each by the handler that failed; `serve` does it at once."""
    which = _chosen(ctx, event_ids, handler, everything)
    done = run(_retry(invocation, which, handler, yes))
    if as_json:
        print_json([{"retried": done}])
    else:
        note(f"{plural(done, 'event')} will be handled again")


async def _retry(invocation: Invocation, which: EventFilter, handler: str | None, yes: bool) -> int:
    async with opened(invocation.store_url) as store:
        groups = await _meant(store, which, handler, "retry", yes)
        now = invocation.clock.now()
        return sum([await store.replay(seqs, now, handlers=names) for names, seqs in groups.items()])


@dead_letters.command()
@ids_argument
@filter_options
@handler_option
@all_option
@yes_option
@as_json_option
@settings_options
@pass_invocation
@click.pass_context
def drop(
    ctx: click.Context,
    invocation: Invocation,
    event_ids: tuple[str, ...],
    handler: str | None,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take events out of the dead letters without handling them; the events themselves stay."""
    which = _chosen(ctx, event_ids, handler, everything)
    done = run(_drop(invocation, which, handler, yes))
    if as_json:
        print_json([{"dropped": done}])
    else:
        note(f"{plural(done, 'dead letter')} dropped")


async def _drop(invocation: Invocation, which: EventFilter, handler: str | None, yes: bool) -> int:
    async with opened(invocation.store_url) as store:
        groups = await _meant(store, which, handler, "drop", yes)
        return sum([await store.drop(seqs, handlers=names) for names, seqs in groups.items()])


def _chosen(ctx: click.Context, event_ids: tuple[str, ...], handler: str | None, everything: bool) -> EventFilter:
    which = structs.replace(chosen(ctx), event_ids=event_ids)
    if everything == (narrows(which) or handler is not None):
        raise click.UsageError("say which: their ids, filters such as --since 2h or --handler NAME, or --all")
    return which


async def _meant(store: Store, which: EventFilter, handler: str | None, verb: str, yes: bool) -> ByHandlers:
    """Return what is meant, in groups; raise where an id names no dead letter, and ask where it is much."""
    handlers: dict[int, list[str]] = defaultdict(list)
    missing = set(which.event_ids)
    async for letters in _pages(store, which, handler):
        for letter in letters:
            handlers[letter.event.seq].append(letter.handler)
            missing.discard(letter.event.event_id)
    if missing:
        raise ModerationError(f"no dead letter is called {', '.join(sorted(missing))}; nothing was changed")
    groups = _grouped(handlers)
    confirm_many(sum(len(seqs) for seqs in groups.values()), verb, yes=yes)
    return groups


def _grouped(handlers: Mapping[int, Sequence[str]]) -> ByHandlers:
    groups: ByHandlers = defaultdict(list)
    for seq, names in sorted(handlers.items()):
        groups[tuple(sorted(names))].append(seq)
    return groups
