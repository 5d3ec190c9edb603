"""Filters: the options by which commands narrow the events that they are about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.cli.terminal.printing import note
from moderation_ai.cli.terminal.times import read_time
from moderation_ai.core.events import EVENT_TYPES, STATUSES
from moderation_ai.core.routing import resolve_name, takes
from moderation_ai.platforms import aliases, all_platforms
from moderation_ai.stores.base import EventFilter

C = TypeVar("C", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """A time as people give it: RFC 3339, a date, or how long ago."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, or fail as a wrong use of the command."""
        if isinstance(value, datetime):
            return value
        clock = (ctx or click.get_current_context()).ensure_object(Invocation).clock
        when = read_time(str(value), clock.now())
        if when is None:
            self.fail(f"{value!r} is no time: write 2026-11-24T10:00:00Z, 2026-11-24, or 10m, 2h, 7d for so long ago")
        return when


def filter_options(command: C) -> C:
    """Add the options that narrow events; the command gets them as one ``EventFilter`` named ``which``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and param.name is not None:
        kept = ctx.meta.setdefault(__name__, {})
        kept[param.name] = _READ[param.name](value) if param.name in _READ else value


def platform_named(name: str) -> str:
    """Return the name that a platform's events have; one that nobody knows is told, as it may be misspelt."""
    found = resolve_name(name, aliases())
    if found not in all_platforms():  # Events made by hand may be of a platform of one's own.
        _doubt("platform", name, [*all_platforms(), *aliases()])
    return found


def _type_named(pattern: str) -> str:
    families = {f"{kind.partition('.')[0]}.*" for kind in EVENT_TYPES if "." in kind}
    if not any(takes(pattern, kind) for kind in EVENT_TYPES):  # Platforms may add types of their own.
        _doubt("event type", pattern, [*EVENT_TYPES, *families])
    return pattern


def _doubt(what: str, name: str, known: list[str]) -> None:
    close = get_close_matches(name.lower(), known, n=1)
    note(f"no {what} is called {name!r}" + (f": did you mean {close[0]}?" if close else ""))


_READ: dict[str, Callable[[str], str]] = {"platform": platform_named, "event_type": _type_named}


def chosen(ctx: click.Context) -> EventFilter:
    """Return the filter that the command's options amount to."""
    return EventFilter(**ctx.meta.get(__name__, {}))


def narrows(which: EventFilter) -> bool:
    """Say whether a filter leaves anything out."""
    return which != EventFilter()


def _option(*names: str, **more: Any) -> Callable[[C], C]:
    option: Callable[[C], C] = click.option(*names, expose_value=False, callback=_keep, **more)
    return option


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option("--platform", metavar="NAME", help="Of this platform."),
    _option("--type", "event_type", metavar="TYPE", help="Of this event type, such as comment.created or comment.*."),
    _option("--account", metavar="NAME", help="Of this account."),
    _option("--status", type=click.Choice(STATUSES), help="With this status."),
    _option("--since", type=Moment(), help="Received at this time or later (RFC 3339, a date, or 10m, 2h, 7d ago)."),
    _option("--until", type=Moment(), help="Received before this time."),
    _option("--text", metavar="TEXT", help="With this text in the comment or post, in upper or lower case."),
    _option("--lane", metavar="LANE", help="Of this object, as platform:object id."),
)
