"""WebhookReplay: events run again, from a file or from the store."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import WebhookEvent, from_dict
from moderation_ai.stores.base import EventFilter
from moderation_ai.threads import run_in_thread
from moderation_ai.webhooks.handler import WebhookHandler
from moderation_ai.webhooks.homes import Caller
from moderation_ai.webhooks.report import Report


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did: the events that were meant, and the reports of those that ran (none for a dry run)."""

    event_ids: list[str]
    reports: list[Report]
    dry_run: bool = False

    @property
    def failures(self) -> int:
        """Return how many attempts failed."""
        return sum(len(report.failures) for report in self.reports)


class WebhookReplay:
    """Run events again through a handler's functions (the one that was made last, if none is given)."""

    def __init__(self, handler: WebhookHandler | None = None) -> None:
        """Keep the handler; raise ``ConfigurationError`` if there is none."""
        self.handler = handler or WebhookHandler.current()

    async def replay_from_file(self, path: str | Path, *, dry_run: bool = False) -> Replayed:
        """Run the events of a file: a JSON array or JSON Lines of events, as ``events export`` writes them.

        Every event runs, whether it was seen before or not. Raises ``MalformedPayload`` that names the line (or entry
        of the array) that is no event, and ``OSError`` for a file that cannot be read; nothing has run then.
        """
        events = read_events(await run_in_thread(Path(path).read_bytes))
        reports = [] if dry_run else [await self.handler.handle(event) for event in events]
        return Replayed(event_ids=[event.event_id for event in events], reports=reports, dry_run=dry_run)

    async def replay_events(
        self, event_ids: Sequence[str], *, handlers: Sequence[str] = (), dry_run: bool = False
    ) -> Replayed:
        """Run stored events again, by their ids, by ``handlers`` alone where named."""
        return await self.replay_where(EventFilter(event_ids=tuple(event_ids)), handlers=handlers, dry_run=dry_run)

    async def replay_between(
        self, since: datetime, until: datetime | None = None, *, handlers: Sequence[str] = (), dry_run: bool = False
    ) -> Replayed:
        """Run the stored events again that were received from ``since`` on, and before ``until``."""
        return await self.replay_where(EventFilter(since=since, until=until), handlers=handlers, dry_run=dry_run)

    async def replay_where(
        self, which: EventFilter, *, handlers: Sequence[str] = (), dry_run: bool = False
    ) -> Replayed:
        """Run the stored events again that ``which`` means, oldest first, and wait for what comes of them."""
        runtime, caller = self.handler.runtime(), Caller.here()
        found: list[WebhookEvent] = await runtime.run(runtime.find(which))
        ids = [event.event_id for event in found]
        if dry_run:
            return Replayed(event_ids=ids, reports=[], dry_run=True)
        report = await runtime.run(runtime.replay(found, handlers, caller))
        return Replayed(event_ids=ids, reports=[report])


def read_events(content: bytes) -> list[WebhookEvent]:
    """Return the events of a JSON array or of JSON Lines.

    Raises ``MalformedPayload`` that says which line, or which entry of an array, is no event.
    """
    return [_read_event(place, value) for place, value in _values(content.removeprefix(BOM_UTF8))]


def _values(content: bytes) -> Iterator[tuple[str, Any]]:
    if content.lstrip().startswith(b"["):
        values = _decode("the file", content)
        yield from ((f"entry {number}", value) for number, value in enumerate(values, start=1))
        return
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield f"line {number}", _decode(f"line {number}", line)


def _decode(place: str, text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedPayload(f"{place} is no JSON: {error}") from error


class _Shape(msgspec.Struct):
    """What an event in a file has to look like, so that nothing odd comes further."""

    event_type: str
    data: dict[str, Any] = {}
    event_id: str = ""
    platform: str = "generic"
    account: str | None = None
    delivery_id: str | None = None
    lane: str = ""
    own: bool = False
    timestamp_inferred: bool = False


def _read_event(place: str, value: Any) -> WebhookEvent:
    try:
        shape = msgspec.convert(value, _Shape)
    except msgspec.ValidationError as error:
        raise MalformedPayload(f"{place} is no event: {error}") from error
    times = {name: value.get(name) for name in ("timestamp", "received_at")}
    return from_dict({**times, **msgspec.structs.asdict(shape), "source": "replay"})
