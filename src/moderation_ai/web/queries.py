"""What callers of the API may ask for: the parameters that narrow events, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from moderation_ai.core.content import as_time
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import STATUSES
from moderation_ai.core.routing import resolve_name
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter

MAX_LIMIT = 1000
LIMIT = 50
_LONGEST = 512


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a query: its name, how it is read (None: it cannot be), its meaning, its schema if no text."""

    name: str
    read: Callable[[str], Any]  # Any: each parameter has a type of its own
    meaning: str
    schema: Mapping[str, Any] = {}


def _text(value: str) -> str | None:
    return value if 0 < len(value) <= _LONGEST and "\0" not in value else None


def _platform(value: str) -> str | None:
    return resolve_name(value, aliases()) if _text(value) else None


def _number(least: int, most: int) -> Callable[[str], int | None]:
    def read(value: str) -> int | None:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else -1
        return number if least <= number <= most else None

    return read


_TIME = {"type": "string", "format": "date-time"}
_FILTERS = {
    "platform": Parameter("platform", _platform, "The platform, by its name or an alias."),
    "event_type": Parameter("type", _text, "The event type, such as comment.created."),
    "account": Parameter("account", _text, "The configured name of the account."),
    "status": Parameter(
        "status",
        lambda value: value if value in STATUSES else None,
        "What came of the event.",
        {"type": "string", "enum": list(STATUSES)},
    ),
    "since": Parameter("since", as_time, "Received at this time or later (RFC 3339).", _TIME),
    "until": Parameter("until", as_time, "Received before this time (RFC 3339).", _TIME),
    "text": Parameter("text", _text, "The comment's or post's text contains this."),
    "lane": Parameter("lane", _text, "The lane: platform:object id."),
}
_AFTER = Parameter(
    "after_seq",
    _number(0, 2**63 - 1),
    "Only events that arrived after the one with this seq, oldest first.",
    {"type": "integer", "minimum": 0},
)
_LIMIT = Parameter(
    "limit",
    _number(1, MAX_LIMIT),
    "At most so many.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": LIMIT},
)
FILTERS = (*_FILTERS.values(), _LIMIT)
"""What narrows dead letters."""
EVENTS = (*FILTERS, _AFTER)
"""What narrows events."""
SUBSCRIPTIONS = (_FILTERS["platform"],)


def read_query(pairs: Iterable[tuple[str, str]], allowed: Iterable[Parameter]) -> dict[str, Any]:
    """Return the values of a query by their parameters' names.

    Raises ``MalformedPayload`` for a parameter that is unknown, stands twice or cannot be read: a filter that was
    misspelt must not answer with everything.
    """
    known = {parameter.name: parameter for parameter in allowed}
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            raise MalformedPayload(f"there is no parameter {name[:60]!r}; there are {', '.join(known)}")
        if name in found:
            raise MalformedPayload(f"the parameter {name} stands twice")
        found[name] = known[name].read(value)
        if found[name] is None:
            raise MalformedPayload(f"{name} cannot be read: {known[name].meaning}")
    return found


def filter_of(values: Mapping[str, Any]) -> EventFilter:
    """Return the filter that a query's values amount to."""
    fields = {field: values[parameter.name] for field, parameter in _FILTERS.items() if parameter.name in values}
    return EventFilter(**fields, after_seq=values.get("after_seq", 0))
