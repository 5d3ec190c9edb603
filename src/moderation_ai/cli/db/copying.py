"""Backups: a copy of the store while it is used, and back."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import click

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, settings_options
from moderation_ai.cli.terminal.printing import Progress, print_json
from moderation_ai.cli.terminal.stores import require_file, require_folder, store_file
from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError
from moderation_ai.stores.sqlite.copying import check_whole, copy_store, replace_store
from moderation_ai.stores.urls import is_postgres


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over FILE if there is one.")
@as_json_option
@settings_options
@pass_invocation
def backup(invocation: Invocation, file: Path, force: bool, as_json: bool) -> None:
    """Copy the store as it is now to FILE, also while `serve` writes to it.

    FILE is readable by you alone, and appears once it is complete and was found whole.
    """
    _require_sqlite(invocation.store_url)
    store = require_file(invocation.store_url)
    if file.exists() and (not force or file.samefile(store)):
        raise ModerationError(f"{file} is the store itself" if file.samefile(store) else f"{file} exists; see --force")
    require_folder(file)
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    _copy(store, part)
    part.replace(file)
    schema = check_whole(file)
    if as_json:
        print_json([{"file": str(file), "bytes": file.stat().st_size, "schema": schema}])
    else:
        click.echo(f"{file}: {_size(file)}, schema {schema}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json_option
@settings_options
@pass_invocation
def restore(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Put the backup FILE in the place of the store, which is kept aside.

    FILE is checked first. While any process uses the store, such as `serve`, nothing is done.
    """
    _require_sqlite(invocation.store_url)
    store = store_file(invocation.store_url)
    if store is None:
        raise ConfigurationError("a store in memory cannot be restored; name one with a file by --store")
    if store.exists() and file.samefile(store):
        raise ModerationError(f"{file} is the store itself")
    number = check_whole(file)
    part = store.with_name(store.name + ".restoring")
    part.unlink(missing_ok=True)
    _copy(file, part)
    now = invocation.clock.now().astimezone(UTC)
    aside = store.with_name(f"{store.name}.before-{now:%Y%m%dT%H%M%SZ}")
    had_one = store.exists()
    try:
        replace_store(store, part, aside)
    except (StoreError, OSError):
        part.unlink(missing_ok=True)
        raise
    if as_json:
        kept = str(aside) if had_one else None
        print_json([{"store": str(store), "restored_from": str(file), "schema": number, "kept_aside": kept}])
        return
    click.echo(f"{store}: restored from {file}, schema {number}" + (f"; what was there is {aside}" if had_one else ""))


def _require_sqlite(url: str) -> None:
    if is_postgres(url):
        raise ConfigurationError("a store on PostgreSQL is copied by its own tools: pg_dump and pg_restore")


def _copy(source: Path, target: Path) -> None:
    progress = Progress("pages")
    copy_store(source, target, lambda copied, pages: progress.add(copied - progress.done))
    progress.end()


def _size(file: Path) -> str:
    return f"{file.stat().st_size / (1 << 20):.1f} MiB"
