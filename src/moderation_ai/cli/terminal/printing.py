"""Printing: one JSON object a line for programs, short lines for people, progress beside both."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from moderation_ai.cli.terminal.text import plain, plain_json, shortened
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.core.events import WebhookEvent

_encode = msgspec.json.Encoder().encode
_CHUNK = 500
SHOWN_ON_TERMINAL = 50
"""Rows that a list has on a terminal, if nothing else was asked for."""


def print_json(rows: Iterable[Any]) -> None:
    """Print each row as a JSON object on a line of its own; on a terminal nothing in it steers that."""
    lines: list[bytes] = []
    is_terminal = sys.stdout.isatty()
    for row in rows:
        line = row if isinstance(row, bytes) else _encode(row)
        lines.append(plain_json(line) if is_terminal else line)
        if len(lines) >= _CHUNK:
            click.echo(b"\n".join(lines))
            lines.clear()
    if lines:
        click.echo(b"\n".join(lines))


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns under ``head``; what is wider than the terminal is cut."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in [list(head), *cells]) for place in range(len(head))]
    for row in [list(head), *cells]:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_line(text: str) -> None:
    """Print a line; on a terminal it is cut to its width."""
    click.echo(shortened(text, terminal_width()) if sys.stdout.isatty() else text)


def terminal_width() -> int:
    """Return how many letters a line of the terminal has."""
    return shutil.get_terminal_size().columns


def default_limit(limit: int | None, as_json: bool) -> int | None:
    """Return how many rows to print: as asked for, else a screenful for people and everything for programs."""
    if limit is not None or as_json or not sys.stdout.isatty():
        return limit
    return SHOWN_ON_TERMINAL


def print_events(events: Iterable[WebhookEvent]) -> None:
    """Print a line for each event."""
    for event in events:
        print_line(event_line(event))


def event_line(event: WebhookEvent) -> str:
    """Return an event as one line: when, what became of it, what it is, who said what."""
    place = f"{event.platform}/{event.account}" if event.account else event.platform
    parts = [
        clock_time(event.received_at),
        event.status.ljust(10),
        plain(event.event_type).ljust(17),
        plain(place).ljust(10),
        plain(event.event_id),
        _summary(event),
    ]
    return "  ".join(part for part in parts if part)


def _summary(event: WebhookEvent) -> str:
    subject = event.data.subject
    author = getattr(subject, "author_username", None) or getattr(subject, "author_id", None)
    text = event.text or event.data.unknown_reason or ""
    said = f"{author}: {text}" if author else text
    return shortened(plain(said), 200)


def plural(number: int, word: str) -> str:
    """Return ``1 event``, ``2 events``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def note(text: str) -> None:
    """Print a line for people on stderr, where it disturbs no program that reads stdout."""
    click.echo(plain(text), err=True)


class Progress:
    """A count on stderr, if that is a terminal."""

    def __init__(self, what: str) -> None:
        """Count ``what`` from zero."""
        self.done = 0
        self._what = what
        self._shows = sys.stderr.isatty()

    def add(self, number: int) -> None:
        """Count on."""
        self.done += number
        if self._shows:
            click.echo(f"\r{self.done} {self._what}", err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if self._shows and self.done:
            click.echo(err=True)
