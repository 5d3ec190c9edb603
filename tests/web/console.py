"""A console over a store with a little in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.handling.dispatcher import Dispatcher
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.handling.worker import Worker
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.watching.health import Health, assess
from moderation_ai.pipeline.watching.standing import Standing, read_standings
from moderation_ai.stores.base import Store
from moderation_ai.web.api import ConsoleApp
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.state import State
from tests.kinds import new_store
from tests.web.stage import NOW, Answer, Served, ask, intake_on, request, served

TOKEN = "the console's token"


async def handle(event: WebhookEvent) -> None:
    """Do nothing, well."""


class Parts:
    """What ``ConsoleApp`` needs of a running gateway; its worker counts how often it was woken."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(NOW)
        self.handlers = Handlers()
        self.handlers.add(handle, ("*",), name="handle")
        self.intake = intake_on(store)
        self.tally: Tally = self.intake.tally
        self.sources = self.intake.sources
        dispatcher = Dispatcher(self.handlers, self.clock, lambda: 0.5, tally=self.tally)
        self.worker = Worker(store, dispatcher, self.clock, name="console tests")
        self.polled = {("reddit", "")}

    async def standings(self) -> list[Standing]:
        return await read_standings(self.store, self.polled, self.clock.now())

    async def health(self) -> Health:
        counts, outboxes = await self.store.counts(), await self.store.outboxes()
        return assess(counts, self.tally, self.handlers, self.sources, self.clock.now(), outboxes=outboxes)


class Console:
    """A console that is being served, and a gateway beside it on the same store."""

    def __init__(self, running: Served, gateway: Served, parts: Parts, state: State) -> None:
        self.running = running
        self.gateway = gateway
        self.parts = parts
        self.state = state

    def ask(self, path: str, token: str | None = TOKEN, method: str = "GET", body: bytes = b"", **more: str) -> Answer:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return ask(self.running.port, request(path, body, headers, method))

    def do(self, work: Any) -> Any:
        return self.gateway.do(work)


@contextmanager
def console(store: Store | None = None, **more: Any) -> Iterator[Console]:
    """Serve a console and a gateway; their one store lives on the gateway's loop and is safe to call from any."""
    kept = store or new_store()
    parts, state = Parts(kept), State()
    state.status, state.addresses = "ready", {"gateway": "http://127.0.0.1:8080", "console": "http://127.0.0.1:8081"}
    app = Gateway(parts.intake, clock=parts.clock)
    with served(app, store=kept) as gateway, served(ConsoleApp(parts, TOKEN, state=state, **more)) as running:
        yield Console(running, gateway, parts, state)
