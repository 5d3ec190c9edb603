"""Showing one event: its fields, what each handler did with it, and the body that brought it."""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import Any

import click
import msgspec

from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import print_json, print_table
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.text import plain
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.events import WebhookEvent, to_dict
from moderation_ai.stores.base import Attempt, EventFilter


class Found(msgspec.Struct, frozen=True):
    """An event, what its handlers did, and the raw body of its delivery (None once it is gone)."""

    event: WebhookEvent
    attempts: list[Attempt]
    raw: bytes | None


@click.command()
@click.argument("event_id")
@click.option("--raw", is_flag=True, help="Print the body that brought the event, byte for byte.")
@as_json_option
@settings_options
@pass_invocation
def show(invocation: Invocation, event_id: str, raw: bool, as_json: bool) -> None:
    """Show an event, with what each handler did."""
    found = run(_find(invocation.store_url, event_id))
    if not found:
        raise ModerationError(f"no event is called {event_id!r}; `moderation-ai events list` shows those there are")
    if as_json:
        print_json(_as_dict(one, raw) for one in found)
        return
    for one in found:
        _print_raw(one.raw) if raw else _print_event(one)


async def _find(url: str, event_id: str) -> list[Found]:
    """Return the events that show this id: senders choose the ids of envelopes, so there may be several."""
    async with opened(url) as store:
        events = await store.events(EventFilter(event_ids=(event_id,)))
        return [Found(one, await store.attempts(one.seq), await store.raw_body(one.seq)) for one in events]


def _as_dict(found: Found, raw: bool) -> dict[str, Any]:
    fields = {**to_dict(found.event), "attempts": [attempt_dict(attempt) for attempt in found.attempts]}
    if raw:
        fields |= _raw_fields(found.raw)
    return fields


def _raw_fields(raw: bytes | None) -> dict[str, str | None]:
    try:
        return {"raw": None if raw is None else raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(raw or b"").decode("ascii")}


def attempt_dict(attempt: Attempt) -> dict[str, Any]:
    """Return what people and programs want to know of an attempt."""
    names = ("handler", "state", "attempts", "error", "ran_at", "due_at")
    plain_values: dict[str, Any] = msgspec.to_builtins({name: getattr(attempt, name) for name in names})
    return plain_values


def _print_event(found: Found) -> None:
    text = msgspec.json.format(msgspec.json.encode(to_dict(found.event)), indent=2).decode()
    # JSON escapes the control characters of ASCII, not marks that turn the direction of a line.
    click.echo("\n".join(plain(line) for line in text.split("\n")))
    if not found.attempts:
        click.echo("\nno handler has run")
        return
    click.echo()
    rows = [
        (one.handler, one.state, one.attempts, clock_time(one.ran_at), clock_time(one.due_at), one.error or "")
        for one in found.attempts
    ]
    print_table(("HANDLER", "STATE", "ATTEMPTS", "RAN AT", "AGAIN AT", "ERROR"), rows)


def _print_raw(raw: bytes | None) -> None:
    if raw is None:
        raise ModerationError("the body is not kept any more")
    if sys.stdout.isatty():
        click.echo("\n".join(plain(line) for line in raw.decode("utf-8", "backslashreplace").splitlines()))
    else:
        click.echo(raw, nl=False)
