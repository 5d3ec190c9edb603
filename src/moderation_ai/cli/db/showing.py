"""The state of the store, and its upgrade."""

from __future__ import annotations

from typing import Any

import click

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_table
from moderation_ai.cli.terminal.stores import opened, schemas_of, store_file
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.memory import MEMORY_URL
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import is_postgres, without_password


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
    schema, newest = await schemas_of(url)
    state: dict[str, Any] = {
        "url": without_password(url),
        "schema": schema,
        "newest_schema": newest,
        "up_to_date": schema == newest,
        "bytes": _size(url),
    }
    if schema != newest:  # Tables of another schema are not ours to read.
        return state
    async with opened(url) as store:
        described, counts, outboxes = await store.describe(), await store.counts(), await store.outboxes()
    return state | {
        "kind": described["kind"],
        "library": described["library"],
        "bytes": described.get("bytes", state["bytes"]),
        "events": counts.total,
        **{name: counts.by_status.get(name, 0) for name in ("pending", "done", "superseded", "unhandled")},
        "dead_letters": counts.dead_letters,
        "retrying": counts.retrying,
        "actions_open": sum(one.open for one in outboxes),
        "actions_uncertain": sum(one.uncertain for one in outboxes),
        "actions_dead": sum(one.dead for one in outboxes),
    }


@click.command()
@as_json_option
@settings_options
@pass_invocation
def upgrade(invocation: Invocation, as_json: bool) -> None:
    """Bring the store's schema up to date, and make the store if there is none. Twice is once."""
    url = invocation.store_url
    if url == MEMORY_URL:
        raise ConfigurationError("a store in memory has nothing to upgrade; name another one by --store")
    before, after = run(_upgrade(url))
    if as_json:
        print_json([{"url": without_password(url), "schema": after, "schema_before": before}])
        return
    shown = store_file(url) or without_password(url)
    click.echo(f"{shown}: schema {after}" + (f", was {before}" if before != after else ", nothing to do"))


async def _upgrade(url: str) -> tuple[int, int]:
    """Bring the schema up to date; return its number before and after."""
    store = open_store(url)
    before = await _schema_before(url)
    await store.open()
    await store.close()
    return before, (await schemas_of(url))[0]


async def _schema_before(url: str) -> int:
    if is_postgres(url):
        from moderation_ai.stores.postgres.connection import look

        return (await look(url))[0]
    file = store_file(url)
    return (await schemas_of(url))[0] if file is not None and file.exists() else 0


def _size(url: str) -> int | None:
    """Return the bytes of a store's files, or None for one that has none."""
    file = store_file(url)
    if file is None:
        return None
    return sum(part.stat().st_size for part in (file, file.with_name(file.name + "-wal")) if part.exists())
