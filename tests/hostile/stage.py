"""A gateway of every platform on a real socket, and what strangers send to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from moderation_ai.core.addresses import Networks
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import Counts, EventFilter, Store
from moderation_ai.web.gateway import Gateway
from tests.kinds import new_store
from tests.platforms.fixtures import NOW, PLATFORMS, Key, keys_of
from tests.web.stage import Answer, Client, NewLoop, Served, served

VERIFY_TOKEN = "a token for handshakes"
Field = tuple[str, bytes]


def sources() -> dict[str, Source]:
    """Return every platform, with the two newest of its keys."""
    found = {}
    for platform in PLATFORMS:
        secrets = tuple(key.verifies for key in keys_of(platform)[:2])
        credential = Credential(secrets=secrets, verify_token=VERIFY_TOKEN)
        found[platform.name] = Source(platform=platform, credential=credential)
    return found


class Target:
    """A served gateway with all that it keeps."""

    def __init__(self, running: Served, store: Store, intake: Intake) -> None:
        self.port = running.port
        self.intake = intake
        self._running = running
        self._store = store

    def counts(self) -> Counts:
        return self._running.do(self._store.counts())  # type: ignore[no-any-return]  # what the coroutine returns

    def events(self, which: EventFilter, limit: int) -> list[WebhookEvent]:
        """Return events, newest first."""
        return self._running.do(self._store.events(which, limit=limit))  # type: ignore[no-any-return]  # likewise

    def newest_reason(self, platform: str) -> str | None:
        """Return why the newest ``unknown`` event of a platform was not understood."""
        found = self.events(EventFilter(platform=platform, event_type="unknown"), limit=1)
        return found[0].data.unknown_reason if found else None


@contextmanager
def target(
    allowed: Networks | None = None,
    trusted: Networks | None = None,
    named: Mapping[str, Source] | None = None,
    new_loop: NewLoop = asyncio.new_event_loop,
) -> Iterator[Target]:
    """Serve a gateway of every platform (or those ``named``), whose clock stands at ``NOW``."""
    store = new_store()
    all_named = sources() if named is None else named
    intake = Intake(store, all_named, aliases=aliases(), allowed=allowed, trusted=trusted)
    with served(Gateway(intake, clock=ManualClock(NOW)), store=store, new_loop=new_loop) as running:
        yield Target(running, store, intake)


def raw(path: str, fields: Iterable[Field], body: bytes = b"", method: str = "POST") -> bytes:
    """Return the bytes of a request with exactly these fields, and the length of its body."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost"]
    lines += [name.encode() + b": " + value for name, value in fields]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]) + body


def sample_of(platform: Platform, serial: int = 1, scheme: str | None = None) -> Sample:
    """Return the first sample of a platform (signed by ``scheme``, where given) that becomes an event."""
    samples = platform.samples(NOW, serial)
    return next(sample for sample in samples if sample.events and scheme in (None, sample.scheme))


def is_refused(answer: Answer, platform: Platform, *, by_hub: bool) -> bool:
    """Say whether a bad signature was refused: by the platform's status, or where a hub is one by 200 and silence."""
    if by_hub:
        return answer.status == 200 and answer.body == b""
    return answer.status == platform.refusal_status


def has_hub(platform: Platform) -> bool:
    return any(sample.scheme == "websub" for sample in platform.samples(NOW, 1))


def signed(
    platform: Platform,
    body: bytes,
    key: Key | None = None,
    headers: Mapping[str, str] | None = None,
    at: datetime = NOW,
) -> list[Field]:
    """Return the fields that a platform sends with ``body``."""
    chosen = key or keys_of(platform)[0]
    given = dict(headers or {})
    made = {**given, **platform.sign(body, chosen.signs, at, given)}
    return [(name, value.encode()) for name, value in made.items()]


def signature_fields(platform: Platform, fields: Iterable[Field]) -> list[Field]:
    """Return those of ``fields`` that decide over authenticity."""
    return [(name, value) for name, value in fields if name.lower() in platform.security_headers]


def replaced(fields: Iterable[Field], name: str, *values: bytes) -> list[Field]:
    """Return ``fields`` with other values of one: none takes it out, two double it."""
    return [*((given, value) for given, value in fields if given != name), *((name, value) for value in values)]


def path_of(platform: Platform) -> str:
    return f"/webhook/{platform.name}"


def ask_each(port: int, requests: Iterable[bytes]) -> Iterator[Answer]:
    """Send requests one after the other on one connection, a new one where the gateway has closed it."""
    client = Client(port)
    try:
        for data in requests:
            answer = client.send(data).answer()
            yield answer
            if answer.fields.get("connection") == "close":
                client.__exit__()
                client = Client(port)
    finally:
        client.__exit__()
