"""``moderation-ai actions``: what is done on platforms, what became of it and why, and how it is taken back."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from msgspec import structs

from moderation_ai.cli.terminal.filters import platform_named
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.ledger import PAGE, print_found
from moderation_ai.cli.terminal.printing import default_limit, note, plural, print_json, print_line, print_table
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.text import plain, shortened
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.config import accesses_of
from moderation_ai.core.acts import DONE, GONE, NO_EFFECT, NOT_NEEDED
from moderation_ai.core.errors import ModerationError
from moderation_ai.pipeline.acting.undoing import undo as take_back
from moderation_ai.stores.ledger import DEAD, DISMISSED, OPEN, OVERTAKEN, UNCERTAIN, Action, Decided, LedgerFilter

_SHOWN = 200
_NUMBER = click.IntRange(1, 2**63 - 1)
"""What stores number actions with."""
_STATES = [OPEN, DONE, NOT_NEEDED, GONE, NO_EFFECT, OVERTAKEN, UNCERTAIN, DEAD, DISMISSED]


@click.group()
def actions() -> None:
    """List and explain what is done on platforms, take it back, or mark it as looked at."""


@actions.command("list")
@click.option("--platform", metavar="NAME", help="On this platform.")
@click.option("--object", "object_id", metavar="ID", help="On this comment or post.")
@click.option("--status", type=click.Choice(_STATES), help="With this status.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; 50 on a terminal without --json.")
@as_json_option
@settings_options
@pass_invocation
def list_actions(
    invocation: Invocation,
    platform: str | None,
    object_id: str | None,
    status: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List actions, newest first."""
    name = platform_named(platform) if platform else None
    which = LedgerFilter(platform=name, object_id=object_id, state=status)
    run(_print_found(invocation.store_url, which, default_limit(limit, as_json), as_json))


async def _print_found(url: str, which: LedgerFilter, limit: int | None, as_json: bool) -> None:
    async with opened(url) as store:
        await print_found(store.actions, which, limit, told=_told, line=_line, as_json=as_json)


@actions.command()
@click.argument("action_id", type=_NUMBER)
@as_json_option
@settings_options
@pass_invocation
def show(invocation: Invocation, action_id: int, as_json: bool) -> None:
    """Show an action with its history, and the decisions that it follows from."""
    found = run(_explained(invocation.store_url, action_id))
    if as_json:
        print_json([found])
        return
    parts = {name: value for name, value in found.items() if name not in ("receipts", "decisions")}
    print_table(("ACTION", ""), [(name, "-" if value is None else value) for name, value in parts.items()])
    for line in found["receipts"]:
        print_line(f"{line['at']}  {line['status']}  {plain(line['reason'] or '')}".rstrip())
    for each in found["decisions"]:
        print_line(f"{each['at']}  {plain(each['made_by'])} says {each['verdict']}, event {each['seq']}")
        for reason in (each["decision"] or {}).get("reasons", ()):
            print_line(f"    {shortened(plain(reason), _SHOWN)}")


async def _explained(url: str, action_id: int) -> dict[str, Any]:
    async with opened(url) as store:
        action = await store.action(action_id)
        if action is None:
            raise ModerationError(f"there is no action {action_id}: see `moderation-ai actions list`")
        receipts = await store.receipts(action_id)
        decisions = await store.decisions(LedgerFilter(action=action_id), limit=PAGE)
    return _told(action) | {
        "receipts": msgspec.to_builtins(receipts),
        "decisions": [decision_told(each) for each in reversed(decisions)],
    }


@actions.command()
@click.argument("action_id", type=_NUMBER)
@as_json_option
@settings_options
@pass_invocation
def undo(invocation: Invocation, action_id: int, as_json: bool) -> None:
    """Take an action back; `serve` sends what does that, and no policy does it again to the same text."""
    made = run(_undo(invocation, action_id))
    if as_json:
        print_json([_told(made)])
    elif made.id == action_id:
        note(f"action {action_id} was not sent yet, and is not any more")
    else:
        note(f"action {made.id} ({made.action}) takes it back: {made.status}")


async def _undo(invocation: Invocation, action_id: int) -> Action:
    ours = {(each.platform.name, each.account): each for each in accesses_of(invocation.settings.platforms)}
    async with opened(invocation.store_url) as store:
        return await take_back(store, ours, action_id, invocation.clock.now(), by="the command line")


@actions.command()
@click.argument("action_ids", type=_NUMBER, nargs=-1, required=True, metavar="ACTION_ID...")
@as_json_option
@settings_options
@pass_invocation
def dismiss(invocation: Invocation, action_ids: tuple[int, ...], as_json: bool) -> None:
    """Mark uncertain and dead actions as looked at, so that health speaks of them no more."""
    done = run(_dismiss(invocation, action_ids))
    if as_json:
        print_json([{"dismissed": done}])
    else:
        note(f"{plural(done, 'action')} dismissed")


async def _dismiss(invocation: Invocation, action_ids: tuple[int, ...]) -> int:
    async with opened(invocation.store_url) as store:
        done = await store.dismiss_actions(action_ids, invocation.clock.now())
    if missing := sorted(set(action_ids) - set(done)):
        numbers = ", ".join(str(number) for number in missing)
        raise ModerationError(f"not uncertain or dead: {numbers}; {plural(len(done), 'action')} dismissed")
    return len(done)


def _told(action: Action) -> dict[str, Any]:
    """Return an action as ``--json`` prints it; of what it is done to the id alone."""
    fields = structs.asdict(action)
    del fields["target"], fields["text"]
    told: dict[str, Any] = msgspec.to_builtins({**fields, "target_id": action.target.id})
    return told


def decision_told(decided: Decided) -> dict[str, Any]:
    """Return a decision as ``--json`` prints it, with what the judge recorded."""
    fields = structs.asdict(decided)
    fields["decision"] = msgspec.json.decode(decided.decision) if decided.decision else None
    told: dict[str, Any] = msgspec.to_builtins(fields)
    return told


def _line(action: Action) -> str:
    place = f"{action.platform}/{action.account}" if action.account else action.platform
    parts = (clock_time(action.wanted_at), str(action.id), action.status.ljust(10), action.action.ljust(8), place)
    reason = shortened(plain(action.reason), _SHOWN) if action.reason else ""
    return "  ".join([*parts, plain(action.target.id), reason]).rstrip()
