"""``moderation-ai store``: move what is stored to another kind of store."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from moderation_ai.cli.terminal.invocation import as_json_option, run
from moderation_ai.cli.terminal.printing import note, plural, print_json, print_table
from moderation_ai.cli.terminal.stores import require_file
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import is_postgres, without_password


@click.group()
def store() -> None:
    """Move what is stored to another kind of store."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@as_json_option
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy the SQLite store FROM into the PostgreSQL database TO, both URLs; nothing is changed in FROM.

    Stop `serve` first: what is stored meanwhile is not copied. A copy that was cut short goes on when it is called
    again. In the end the rows of both stores are counted; a target that holds anything else is refused.
    """
    file = _check(source, target)
    from moderation_ai.stores.moving.copying import copy as copy_store

    copied = run(copy_store(file, target, _Progress()))
    rows = [{"table": table, "from": count, "to": copied.target[table]} for table, count in copied.source.items()]
    if as_json:
        print_json(rows)
        return
    print_table(("TABLE", "FROM", "TO"), [(row["table"], row["from"], row["to"]) for row in rows])
    note(f"copied; now set store.url to {without_password(target)}")


def _check(source: str, target: str) -> Path:
    if not source.startswith("sqlite:///") or not is_postgres(target):
        raise ConfigurationError(
            "a store is copied from SQLite to PostgreSQL: moderation-ai store copy sqlite:///moderation.db "
            "postgresql://user@host/database"
        )
    open_store(target)  # Its driver may be missing, or the URL odd: that is said first.
    return require_file(source)


class _Progress:
    """Says how far a copy is: on a terminal in one line, else now and then."""

    def __init__(self) -> None:
        self._told = -1

    def __call__(self, copied: int, total: int) -> None:
        percent = 100 * copied // total if total else 100
        if sys.stderr.isatty():
            end = "\n" if copied == total else ""
            click.echo(f"\r{copied:,} of {plural(total, 'event')} ({percent} %)", err=True, nl=False)
            click.echo(end, err=True, nl=False)
        elif percent // 10 != self._told:
            self._told = percent // 10
            note(f"{copied:,} of {plural(total, 'event')} ({percent} %)")
