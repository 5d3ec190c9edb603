"""Polling: the lists of a platform that are asked again and again, and what one page of them tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.api import Reading, at
from moderation_ai.core.errors import MalformedPayload, UnsupportedAction
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Flow, Session

_VALIDATOR = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?\Z", re.ASCII)


def validator(text: str | None) -> str:
    """Return what a conditional request may name (an ``ETag``, a date), empty for what no header field can hold."""
    return text if text and _VALIDATOR.match(text) else ""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One list on a platform that is polled: which (``name``), and of what (``of``: a subreddit, a channel, …).

    ``interval`` is in seconds, as it is best for the platform. ``calls`` names the calls that one usual poll makes, and
    how many of each on average: what it costs follows from their rows. ``reconciles`` says that the platform also
    pushes what stands there. ``spend_cap`` is in dollars a day, where what is read is billed: the flow stops there.
    """

    name: str
    of: str = ""
    interval: float = 60.0
    calls: Mapping[str, float] = {}
    reconciles: bool = False
    spend_cap: float = 0.0

    @property
    def key(self) -> str:
        """Return what a cursor is kept by: ``name``, or ``name:of``."""
        return f"{self.name}:{self.of}" if self.of else self.name


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll brought: the facts in it, the answer that they stand in, and where to go on.

    ``body`` is that answer as it came or, of a long list, with the rows alone that something stands in (``rows_of``).
    ``cursor`` is the platform's own text (JSON of a bounded size) and nobody else reads it. ``more`` says that another
    page is waiting: it is asked for at once. ``gap`` says that more was written since the last poll than can be asked
    for, so that some of it was never seen. Deletions that are only inferred are facts here once two polls agree: the
    flow keeps in its cursor what one poll missed.
    """

    facts: tuple[Fact, ...] = ()
    body: bytes = b""
    cursor: str = ""
    more: bool = False
    gap: bool = False


class Polls:
    """The fetching side of a platform: what can be polled, and the flow of one poll."""

    name: ClassVar[str]
    poll: ClassVar[bool] = False
    """Whether comments or posts can be polled there."""
    polls_for: ClassVar[tuple[str, ...]] = ()
    """The types of the events that come of polling."""
    watches: ClassVar[tuple[str, ...]] = ()
    """What can be watched there beside the account's own, one example of each kind."""

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        """Return what is polled for an account; ``watched`` is what the configuration names (subreddits, feeds, …).

        Where reading is billed there is nothing to poll without a ``spend_cap``, in dollars a day. Raises
        ``ConfigurationError`` for what cannot be watched there.
        """
        return ()

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        """Ask for what is new in ``feed`` since ``cursor`` (empty at first) and return it; raises as ``Api.ask``.

        Pages overlap: what is told twice is de-duplicated by the store. Facts have the keys that a push would have.
        """
        raise UnsupportedAction(f"{self.name} has nothing that can be polled")

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        """Return the facts that the raw answer to a poll tells by itself, without a cursor, as ``reparse`` needs them.

        Raises ``MalformedPayload`` for what is no such answer.
        """
        raise MalformedPayload(f"{self.name} has nothing that can be polled")


MOST_TOLD = 200
"""Facts that the rows of a list are looked through for, each for each: a list of a platform shows a hundred things."""


def rows_of(reading: Reading, path: str, told: Sequence[Fact]) -> bytes:
    """Return the answer without the rows of its list at ``path`` that tell nothing new.

    A list shows a hundred things for one that is new, and is asked for again and again: whole, each would be kept a
    hundred times. Where a fact is ``unknown``, or more than ``MOST_TOLD`` are told, the answer is returned as it came.
    """
    whole, rows = reading.answer.body, at(reading.body, path)
    if (
        not 0 < len(told) <= MOST_TOLD
        or not isinstance(rows, list)
        or any(fact.event_type == "unknown" for fact in told)
    ):
        return whole
    try:
        ids = {msgspec.json.encode(fact.object_id) for fact in told}
        kept = [msgspec.Raw(row) for row in map(msgspec.json.encode, rows) if any(each in row for each in ids)]
        return msgspec.json.encode(_with(reading.body, path.split("."), kept))
    except (msgspec.MsgspecError, OverflowError, ValueError, RecursionError):
        return whole


def _with(value: Any, path: Sequence[str], rows: list[msgspec.Raw]) -> Any:
    """Return a JSON value with other ``rows`` at ``path``."""
    if not path:
        return rows
    return {**value, path[0]: _with(value[path[0]], path[1:], rows)}
