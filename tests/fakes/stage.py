"""Fakes that are served, and flows that the real sender drives against them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from moderation_ai.core.acts import Act, Outcome, Target
from moderation_ai.core.calls import Call
from moderation_ai.core.flows import Flow
from moderation_ai.core.http import Headers
from moderation_ai.fakes import Fake, fake_names, find_fake
from moderation_ai.fakes.app import Served, serve_fake
from moderation_ai.fakes.replies import Reply
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.clock import ManualClock

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PLAYED = fake_names()
NAMES = tuple(name for name in PLAYED if find_fake(name).platform.capabilities)
"""Those on which something can be done; the others are polled alone."""
PAGE = "1055"


class Changing:
    """What is served in a platform's place: the fake of the test that runs."""

    fake: Fake

    def handle(self, method: str, url: str, headers: Headers, body: bytes) -> tuple[Reply, str | None]:
        return self.fake.handle(method, url, headers, body)


class Serving:
    """The addresses of fakes, opened when they are first needed."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[str, tuple[Changing, Served]] = {}

    def of(self, fake: Fake) -> Served:
        """Serve ``fake`` in place of the one before."""
        if fake.name not in self._open:
            changing = Changing()
            served = self._stack.enter_context(serve_fake(changing, fake.platform.hosts))
            self._open[fake.name] = changing, served
        changing, served = self._open[fake.name]
        changing.fake = fake
        return served

    def close(self) -> None:
        self._stack.close()


SERVING = Serving()


class Stage:
    """A fake over HTTP, with the clock that it reads."""

    def __init__(self, name: str, **arguments: Any) -> None:
        self.clock = ManualClock(NOW)
        self.fake: Fake = find_fake(name, clock=self.clock, **arguments)

    @contextmanager
    def served(self) -> Iterator[Stage]:
        served = SERVING.of(self.fake)
        self.served_url = served.url
        self.sender = served.sender(timeout=60, now=self.clock.now)
        yield self

    def drive(self, flow: Flow[T]) -> T:
        return asyncio.run(self.sender.drive(flow, self.fake.platform.hosts))

    def act(self, action: str, target: Target, *, text: str = "Thank you", look: bool = False) -> Outcome:
        act = Act(action=action, targets=(target,), text=text, reason="rule 2")
        return self.drive(self.fake.platform.moderate(act, self.fake.session, look=look))[0]

    @property
    def hiding(self) -> Call:
        """Return the call by which a comment is hidden there."""
        platform = self.fake.platform
        return platform.api.call(platform.capabilities["hide"].call)


def stage_for(name: str, action: str) -> Stage:
    """Return a stage on which ``action`` can be done: some need an account that logged in with Facebook."""
    needs = find_fake(name).platform.capabilities[action].needs
    return Stage(name, page_id=PAGE if "page_id" in needs else None)


def target_of(thing: Thing) -> Target:
    return Target(
        id=thing.id,
        post_id=thing.post_id,
        parent_id=thing.parent_id,
        author_id=thing.author_id,
        author_username=thing.author_username,
        space="breadmakers",
    )


def values_of(call: Call) -> dict[str, object]:
    """Return some value for every parameter of a call."""
    some: dict[str, object] = {"text": "x", "boolean": True, "integer": 1, "list": ["x"]}
    return {
        **dict.fromkeys(call.in_path, "x"),
        **{field.name: field.only[0] if field.only else some[field.kind] for field in call.fields},
    }
