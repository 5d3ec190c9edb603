"""The state of the store, and its upgrade."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_table
from moderation_ai.cli.terminal.stores import opened, require_file, schemas, store_file
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.opening import open_store


@click.command()
@as_json_option
@settings_options
@pass_invocation
def status(invocation: Invocation, as_json: bool) -> None:
    """Show where the store is, which schema it has and how much is in it; nothing is changed."""
    state = run(_status(invocation.store_url))
    if as_json:
        print_json([state])
    else:
        print_table(("STORE", ""), [(name, "-" if value is None else value) for name, value in state.items()])


async def _status(url: str) -> dict[str, Any]:
    file = require_file(url)
    schema, newest = await asyncio.to_thread(schemas, file)
    state: dict[str, Any] = {
        "url": url,
        "schema": schema,
        "newest_schema": newest,
        "up_to_date": schema == newest,
        "bytes": sum(part.stat().st_size for part in (file, file.with_name(file.name + "-wal")) if part.exists()),
    }
    if schema != newest:  # Tables of another schema are not ours to read.
        return state
    async with opened(url) as store:
        described, counts = await store.describe(), await store.counts()
    return state | {
        "kind": described["kind"],
        "library": described["library"],
        "events": counts.total,
        **{name: counts.by_status.get(name, 0) for name in ("pending", "done", "superseded", "unhandled")},
        "dead_letters": counts.dead_letters,
        "retrying": counts.retrying,
    }


@click.command()
@settings_options
@pass_invocation
def upgrade(invocation: Invocation) -> None:
    """Bring the store's schema up to date, and make the store if there is none. Twice is once."""
    url = invocation.store_url
    file = store_file(url)
    if file is None:
        raise ConfigurationError("a store in memory has nothing to upgrade; name one with a file by --store")
    before = schemas(file)[0] if file.exists() else 0
    run(_upgrade(url))
    after = schemas(file)[0]
    click.echo(f"{file}: schema {after}" + (f", was {before}" if before != after else ", nothing to do"))


async def _upgrade(url: str) -> None:
    store = open_store(url)
    await store.open()
    await store.close()
