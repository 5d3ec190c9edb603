"""The answers of the second port: one method for each operation of the table, by its name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from moderation_ai.core.errors import MalformedPayload, RequestRejected, StoreError
from moderation_ai.core.events import to_json
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.health import Health
from moderation_ai.pipeline.watching.standing import Standing
from moderation_ai.stores.base import Counts, EventFilter, Store
from moderation_ai.stores.ledger import Waiting
from moderation_ai.web.body import Body, Gone
from moderation_ai.web.metrics import Metrics
from moderation_ai.web.openapi import describe
from moderation_ai.web.operations import OPERATIONS
from moderation_ai.web.queries import EVENTS, FILTERS, LIMIT, SUBSCRIPTIONS, filter_of, read_query
from moderation_ai.web.state import State

logger = logging.getLogger(__name__)

MAX_BODY = 1 << 18
STORE_PATIENCE = 2.0
"""Seconds in which the store has to answer ``/readyz``."""
_READ_TIMEOUT = 10.0


class Worker(Protocol):
    """Who handles what is replayed."""

    def wake(self) -> None:
        """Look for work now."""


class Parts(Protocol):
    """What the console needs to know of a running gateway."""

    @property
    def store(self) -> Store:
        """Return the store."""

    @property
    def tally(self) -> Tally:
        """Return what was counted."""

    @property
    def handlers(self) -> Handlers:
        """Return the registered handlers."""

    @property
    def clock(self) -> Clock:
        """Return the clock."""

    @property
    def worker(self) -> Worker:
        """Return the worker."""

    async def standings(self) -> list[Standing]:
        """Return how the accounts stand; raise ``StoreError``."""

    async def health(self) -> Health:
        """Return the state of this process and its store; raise ``StoreError``."""


class Replay(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a replay: which events, by which handlers (all, if none is named), and whether only to show."""

    event_ids: list[str]
    handlers: list[str] = []
    dry_run: bool = False


_REPLAY = msgspec.json.Decoder(Replay)


class Endpoints:
    """Answer each operation by the method that has its name."""

    def __init__(self, parts: Parts, state: State) -> None:
        """Keep the parts."""
        self._parts = parts
        self._state = state
        self._metrics = Metrics(parts.tally, parts.clock)

    async def alive(self, request: Request) -> Response:
        return Response("ok", media_type="text/plain")

    async def ready(self, request: Request) -> Response:
        status = self._state.status
        if status == "ready" and not await self._store_answers():
            status = "store unavailable"
        return to_json_response({"status": status, **self._state.addresses}, 200 if status == "ready" else 503)

    async def _store_answers(self) -> bool:
        try:
            async with asyncio.timeout(STORE_PATIENCE):
                await self._parts.store.next_due(self._parts.clock.now())
        except (StoreError, TimeoutError) as error:
            logger.warning("the store does not answer: %s", error)
            return False
        return True

    async def metrics(self, request: Request) -> Response:
        counts: Counts | None = None
        outboxes: list[Waiting] = []
        standings: list[Standing] = []
        try:
            counts = await self._parts.store.counts()
            outboxes = await self._parts.store.outboxes()
            standings = await self._parts.standings()
        except StoreError as error:
            logger.warning("the store cannot be counted: %s", error)
        wanted = request.headers.get("accept", "")
        content, content_type = self._metrics.render(counts, wanted, outboxes, standings)
        return Response(content, headers={"content-type": content_type})

    async def description(self, request: Request) -> Response:
        return to_json_response(describe(OPERATIONS))

    async def health(self, request: Request) -> Response:
        return to_json_response(await self._parts.health())

    async def events(self, request: Request) -> Response:
        values = read_query(request.query_params.multi_items(), EVENTS)
        which, limit = filter_of(values), values.get("limit", LIMIT)
        found = await self._parts.store.events(which, limit=limit, newest_first="after_seq" not in values)
        return to_json_response({"events": [msgspec.Raw(to_json(event)) for event in found]})

    async def event(self, request: Request) -> Response:
        which = EventFilter(event_ids=(request.path_params["event_id"],))
        found = await self._parts.store.events(which, limit=100)
        if not found:
            raise RequestRejected("no event has this id", status=404)
        newest, *others = found
        attempts = await self._parts.store.attempts(newest.seq)
        seqs = [event.seq for event in others]
        return to_json_response({"event": msgspec.Raw(to_json(newest)), "attempts": attempts, "other_seqs": seqs})

    async def dead_letters(self, request: Request) -> Response:
        values = read_query(request.query_params.multi_items(), FILTERS)
        found = await self._parts.store.dead_letters(filter_of(values), limit=values.get("limit", LIMIT))
        return to_json_response({"dead_letters": [one.to_dict() for one in found]})

    async def replay(self, request: Request) -> Response:
        wanted = await _read_replay(request)
        unknown = [name for name in wanted.handlers if self._parts.handlers.named(name) is None]
        if unknown:
            raise MalformedPayload(f"no handler is called {unknown[0]!r}; see /api/v1/health")
        found = await self._parts.store.events(EventFilter(event_ids=tuple(wanted.event_ids)), newest_first=False)
        replayed = 0
        if not wanted.dry_run:
            seqs = [event.seq for event in found]
            replayed = await self._parts.store.replay(seqs, self._parts.clock.now(), handlers=wanted.handlers)
            self._parts.worker.wake()
        ids = list(dict.fromkeys(event.event_id for event in found))
        missing = sorted(set(wanted.event_ids) - set(ids))
        return to_json_response({"event_ids": ids, "missing": missing, "replayed": replayed, "dry_run": wanted.dry_run})

    async def webhooks(self, request: Request) -> Response:
        values = read_query(request.query_params.multi_items(), SUBSCRIPTIONS)
        return to_json_response({"webhooks": await self._parts.store.subscriptions(values.get("platform"))})


async def _read_replay(request: Request) -> Replay:
    try:
        wanted = _REPLAY.decode(await Body(request.receive).read_within(MAX_BODY, _READ_TIMEOUT))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedPayload(f"the body is no replay: {error}") from error
    except Gone as error:
        raise MalformedPayload("the body broke off") from error
    if not 1 <= len(wanted.event_ids) <= 1000:
        raise MalformedPayload("name 1 to 1000 event_ids")
    return wanted


def to_json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")
