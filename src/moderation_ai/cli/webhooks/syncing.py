"""``moderation-ai webhooks sync``: platforms have of us what is configured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from moderation_ai.cli.terminal.errors import FAILURE
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import note, plural, print_json, print_line
from moderation_ai.cli.terminal.text import plain
from moderation_ai.cli.webhooks.asking import asking
from moderation_ai.core.errors import ModerationError, StoreError
from moderation_ai.core.subscribing import DENIED, INVALID
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.subscribing.syncing import FAIL, SKIP, Step, apply, plan
from moderation_ai.platforms import find_platform

_MARKS = {"register": "+", "adopt": "~", "delete": "-", "keep": "=", "leave": "?", "skip": ".", "fail": "!"}


@click.command()
@click.argument("platforms", nargs=-1, metavar="[PLATFORM]...")
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@as_json_option
@settings_options
@pass_invocation
def sync(invocation: Invocation, platforms: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Have platforms post what is configured to where it is configured, and nothing of ours elsewhere.

    The difference is shown first: what is registered (+), taken over as it is there already (~), deleted because it is
    not configured any more (-), kept (=), and what is there and not ours, which is left alone (?). Then it asks. Exit
    code 1 if a platform could not be looked at, or refused something.
    """
    names = [find_platform(each).name for each in platforms]
    sys.exit(FAILURE if run(_sync(invocation, names, dry_run=dry_run, yes=yes, as_json=as_json)) else 0)


async def _sync(invocation: Invocation, names: Sequence[str], *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Return how many steps failed."""
    async with asking(invocation) as subscriber:
        steps = await plan(subscriber, names)
        number = sum(step.changes for step in steps)
        if not as_json:
            _show(steps)
        if number and not dry_run:
            _confirm(number, yes)
        done = [await _apply(subscriber, step, dry_run) for step in steps]
        if as_json:
            print_json(step.to_dict() | each for step, each in zip(steps, done, strict=True))
        if not number:
            note(_idle(steps))
        return sum(each["error"] is not None for each in done)


def _show(steps: Sequence[Step]) -> None:
    for step in steps:
        fields = step.to_dict()
        place = f"{fields['platform']}/{fields['account']}" if fields["account"] else fields["platform"]
        about = fields["topic"] or fields["url"] or ""
        print_line(f"{_MARKS[step.do]} {step.do.ljust(8)}  {place}  {plain(about)}  ({plain(step.why)})")


def _idle(steps: Sequence[Step]) -> str:
    """Return why nothing is done."""
    failed = sum(step.do == FAIL for step in steps)
    skipped = sum(step.do == SKIP for step in steps)
    parts = [f"{plural(failed, 'place')} could not be looked at"] if failed else []
    parts += [f"{plural(skipped, 'place')} skipped for want of what is named above"] if skipped else []
    return "; ".join(["nothing is changed", *parts]) if parts else "there is nothing to do"


def _confirm(number: int, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"this would change {plural(number, 'webhook')}; say --yes if that is meant")
    click.confirm(f"change {plural(number, 'webhook')}?", abort=True, err=True)


async def _apply(subscriber: Subscriber, step: Step, dry_run: bool) -> dict[str, Any]:
    """Do what is to be done, and return what came of it; what fails hinders nothing else."""
    if step.do == FAIL:
        return {"done": False, "status": None, "error": step.why}
    if dry_run or not step.changes:
        return {"done": False, "status": None, "error": None}
    place = f"{step.do} {step.site.access.name}"
    try:
        made = await apply(subscriber, step)
    except StoreError:
        raise
    except ModerationError as error:
        note(f"{place}: {error}")
        return {"done": False, "status": None, "error": str(error)}
    for each in made:
        note(f"{place}: {each.status}{f': {each.reason}' if each.reason else ''}")
    if not made:
        note(f"{place}: done")
    bad = next((each for each in made if each.status in (INVALID, DENIED)), None)
    return {
        "done": True,
        "status": made[0].status if made else None,
        "error": (bad.reason or bad.status) if bad else None,
    }
