"""``moderation-ai config``: whether the configuration is right, and where each value comes from."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from moderation_ai.cli.serve.loading import load_handlers
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_table
from moderation_ai.config import Mistakes, require_platforms, require_two_ports, sources_of, watches_of
from moderation_ai.config import show as show_settings
from moderation_ai.pipeline.handling.standards import read_policy
from moderation_ai.pipeline.polling.poller import feeds_of
from moderation_ai.pipeline.watching.alerting import receiver_of


@click.group()
def config() -> None:
    """Check the configuration, or show it."""


@config.command()
@as_json_option
@settings_options
@pass_invocation
def check(invocation: Invocation, as_json: bool) -> None:
    """Say whether `serve` could start with this configuration, and all that is wrong with it; exit code 3 if not."""
    mistakes = Mistakes()
    settings = invocation.read(mistakes).settings
    served: list[str] = []
    with mistakes.noting():
        served = sorted(sources_of(settings))
    polled: list[str] = []
    with mistakes.noting():
        for watch in watches_of(settings.platforms):
            with mistakes.noting():
                polled += [f"{feed.key} of {watch.access.name}" for feed in feeds_of(watch)]
    if not mistakes.found:  # What is misspelt may be the platform that is missing.
        with mistakes.noting():
            require_platforms(settings)
    with mistakes.noting():
        require_two_ports(settings)
    with mistakes.noting():
        if settings.policy.file is not None:
            read_policy(settings.policy.file)
    with mistakes.noting():
        alerts = settings.alerts
        receiver_of(alerts.url, alerts.secret, allow_private=alerts.allow_private)
    with mistakes.noting():
        load_handlers(settings)
    if as_json:
        found = [str(mistake) for mistake in mistakes.found]
        print_json([{"valid": not found, "platforms": served, "polled": polled, "mistakes": found}])
    mistakes.settle()
    if not as_json:
        would = [f"{verb} {', '.join(what)}" for verb, what in (("serve", served), ("poll", polled)) if what]
        click.echo(f"the configuration is right; `serve` would {' and '.join(would)}")


@config.command()
@as_json_option
@settings_options
@pass_invocation
def show(invocation: Invocation, as_json: bool) -> None:
    """Show every setting, its value and where that comes from; secrets are masked."""
    rows = show_settings(invocation.loaded)
    if as_json:
        print_json(row._asdict() for row in rows)
    else:
        print_table(("SETTING", "VALUE", "FROM"), [(row.name, _written(row.value), row.origin) for row in rows])


def _written(value: Any) -> str:
    """Return a value as it would stand in the file."""
    return "-" if value is None else msgspec.json.encode(value).decode()
