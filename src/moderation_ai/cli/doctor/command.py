"""``moderation-ai doctor``: go through what is usually wrong, and say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from moderation_ai.cli.doctor.accounts import check_accounts, polled_accounts
from moderation_ai.cli.doctor.configuring import check_configuration
from moderation_ai.cli.doctor.findings import FAILURE, OK, Finding, failure, ok, warning
from moderation_ai.cli.doctor.handling import check_clock, check_events
from moderation_ai.cli.doctor.quotas import check_quotas
from moderation_ai.cli.doctor.reaching import check_reach
from moderation_ai.cli.doctor.storing import check_store
from moderation_ai.cli.doctor.tokens import check_key, check_tokens
from moderation_ai.cli.serve.loading import load_handlers
from moderation_ai.cli.serve.token import find_token
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import plural, print_json
from moderation_ai.cli.terminal.stores import opened, store_file
from moderation_ai.cli.terminal.text import plain
from moderation_ai.config import accesses_of, watches_of
from moderation_ai.core.errors import ConfigurationError, StoreError
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.watching.standing import read_standings
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.urls import is_postgres
from moderation_ai.webhooks.choosing import standards_of

_MARKS = {"ok": ("ok", "green"), "warning": ("look", "yellow"), "failure": ("FAIL", "red")}


@click.command()
@click.argument("handler", required=False, metavar="[MODULE:HANDLER]")
@as_json_option
@settings_options
@pass_invocation
def doctor(invocation: Invocation, handler: str | None, as_json: bool) -> None:
    """Check configuration, store, handlers, clock and addresses, and say what to do about what is wrong.

    MODULE:HANDLER is what `serve` is started with. Exit code 1 if something does not work.
    """
    found: list[Finding] = []
    for finding in examine(invocation, handler):
        found.append(finding)
        if as_json:
            print_json([finding])
        else:
            _print(finding)
    failures = sum(each.status == FAILURE for each in found)
    if not as_json:
        looks = sum(each.status not in (OK, FAILURE) for each in found)
        click.echo(f"\n{plural(len(found), 'check')}: {plural(failures, 'failure')}, {looks} to look at")
    sys.exit(1 if failures else 0)


def examine(invocation: Invocation, handler: str | None) -> Iterator[Finding]:
    """Yield what every check found; one that cannot be made says so and hinders no other."""
    try:
        settings = invocation.settings
    except ConfigurationError as error:
        for each in error.each:
            yield failure("configuration", str(each), "correct it; nothing else can be checked before")
        return
    yield ok("configuration", f"read from {invocation.loaded.file or 'the environment'}")
    yield from check_configuration(settings)
    handlers, loaded = _load(invocation, handler)
    yield from check_store(invocation.store_url)
    yield from loaded
    yield from _check_events(invocation, handlers)
    yield from check_reach(settings, find_token(settings, invocation.store_url))


def _load(invocation: Invocation, handler: str | None) -> tuple[Handlers, list[Finding]]:
    """Return the handlers that ``serve`` would load, and what there is to say of them."""
    try:
        loaded = load_handlers(invocation.settings, handler)
        handlers, standards = loaded.handlers, loaded.standards or standards_of(invocation.settings.policy)
        invocation.choose_store(loaded.store)
    except ConfigurationError as error:
        return Handlers(), [failure("handlers", str(error), "mend the module; --debug shows where it breaks")]
    if not len(handlers) and standards is not None:
        policy = f"{standards.policy.id}@{standards.policy.version}"
        return handlers, [ok("handlers", f"none of yours; what arrives is judged by the policy {policy}")]
    if not len(handlers):
        advice = 'name them: `moderation-ai doctor MODULE:HANDLER`, or import = ["MODULE:HANDLER"] below [handlers]'
        return handlers, [warning("handlers", "none is known, so events are stored and marked unhandled", advice)]
    return handlers, [ok("handlers", ", ".join(handlers.names()))]


def _check_events(invocation: Invocation, handlers: Handlers) -> Iterator[Finding]:
    now = invocation.clock.now()
    file = store_file(invocation.store_url)
    is_there = file.exists() if file is not None else is_postgres(invocation.store_url)
    if not is_there:
        yield check_clock(None, now)
        return

    try:
        polled = polled_accounts(watches_of(invocation.settings.platforms))
    except ConfigurationError as error:
        polled = frozenset()
        for each in error.each:
            yield failure("polling", str(each), "`moderation-ai serve` does not start like this")

    async def look() -> list[Finding]:
        async with opened(invocation.store_url) as store:
            standings = await read_standings(store, polled, now)
            saved, settings = await store.sessions(), invocation.settings
            factors = {name: each.limits_factor for name, each in settings.platforms.items()}
            return [
                *await check_events(store, handlers, now),
                *check_accounts(standings, polled, now),
                *check_quotas(await store.spent(now), all_platforms(), factors),
                *check_key(settings.credentials.keys, invocation.store_url, saved),
                *check_tokens(accesses_of(settings.platforms), saved, now),
            ]

    try:
        yield from run(look())
    except StoreError as error:
        yield failure("events", str(error), "see the store's own checks")


def _print(finding: Finding) -> None:
    mark, colour = _MARKS[finding.status]
    click.echo(f"{click.style(mark.ljust(4), fg=colour)}  {finding.check}: {plain(finding.message)}")
    if finding.advice:
        click.echo(f"      -> {plain(finding.advice)}")
