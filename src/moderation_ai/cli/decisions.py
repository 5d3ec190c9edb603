"""``moderation-ai decisions``: what policies and people decided, also where nothing but a flag came of it."""

from __future__ import annotations

from typing import get_args

import click

from moderation_ai.cli.actions import decision_told
from moderation_ai.cli.terminal.filters import platform_named
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.ledger import print_found
from moderation_ai.cli.terminal.printing import default_limit
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.text import plain, shortened
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.core.decisions import Action as Verdict
from moderation_ai.stores.ledger import Decided, LedgerFilter

_SHOWN = 200


@click.group()
def decisions() -> None:
    """List what policies and people decided."""


@decisions.command("list")
@click.option("--platform", metavar="NAME", help="About comments and posts of this platform.")
@click.option("--object", "object_id", metavar="ID", help="About this comment or post.")
@click.option("--verdict", type=click.Choice(get_args(Verdict)), help="With this verdict.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; 50 on a terminal without --json.")
@as_json_option
@settings_options
@pass_invocation
def list_decisions(
    invocation: Invocation,
    platform: str | None,
    object_id: str | None,
    verdict: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List decisions, newest first, with what followed from each, or why nothing did."""
    name = platform_named(platform) if platform else None
    which = LedgerFilter(platform=name, object_id=object_id, state=verdict)
    run(_print_found(invocation.store_url, which, default_limit(limit, as_json), as_json))


async def _print_found(url: str, which: LedgerFilter, limit: int | None, as_json: bool) -> None:
    async with opened(url) as store:
        await print_found(store.decisions, which, limit, told=decision_told, line=_line, as_json=as_json)


def _line(decided: Decided) -> str:
    place = f"{decided.platform}/{decided.account}" if decided.account else decided.platform
    follows = f"action {decided.action}" if decided.action is not None else decided.reason or ""
    made_by = plain(decided.made_by)
    parts = (clock_time(decided.at), decided.verdict.ljust(7), made_by, place, plain(decided.object_id))
    return "  ".join([*parts, shortened(plain(follows), _SHOWN)]).rstrip()
