"""Asking before much is changed."""

from __future__ import annotations

import sys

import click

MANY = 20
"""From so many events on, a command asks before it changes them."""

yes_option = click.option("--yes", "-y", is_flag=True, help=f"Do not ask, even for more than {MANY} events.")


def confirm_many(number: int, verb: str, *, yes: bool) -> None:
    """Return if ``number`` events may be changed; ask a person for many, and refuse where nobody can be asked."""
    if yes or number <= MANY:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"this would {verb} {number} events; say --yes if that is meant")
    click.confirm(f"{verb} {number} events?", abort=True, err=True)
