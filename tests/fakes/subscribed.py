"""What tests of subscribing share: a fake, a gateway that it asks and posts to, and a wish of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import Subscription, Wish
from moderation_ai.fakes import fake_names, find_fake
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter
from moderation_ai.web.gateway import Gateway
from tests.fakes.gates import GATES, on_loop
from tests.fakes.stage import Stage
from tests.kinds import new_store
from tests.web.stage import Served

HOST = "hooks.example.org"
NAMES = [name for name in fake_names() if find_fake(name).platform.pushes]
CHECKS = [name for name in NAMES if name != "tiktok"]
"""Those that ask an address before they post there."""
VERIFY_TOKEN = "what we agreed on"
every_name = pytest.mark.parametrize("name", NAMES)


class Scene:
    """A fake, a gateway, and a wish of ours."""

    def __init__(self, stage: Stage, gateway: Served | None, store: Any) -> None:
        self.stage, self.fake, self.gateway, self.store = stage, stage.fake, gateway, store
        self.platform = self.fake.platform
        self.client = self.fake.client
        self.wish = Wish(
            platform=self.fake.name,
            url=f"https://{HOST}/webhook/{self.fake.name}",
            account="shop",
            account_id=self.fake.account,
            secret=self.fake.secret,
            verify_token=VERIFY_TOKEN,
        )

    def do(self, verb: str, *known: Subscription) -> Any:
        flow = getattr(self.platform, verb)(*known, self.wish, self.fake.session, self.client)
        return self.stage.drive(flow)

    def registered(self) -> list[Subscription]:
        return [each for each in self.do("registered") if each.url == self.wish.url]

    def arrived(self) -> list[WebhookEvent]:
        """Return what the gateway has stored."""
        assert self.gateway is not None
        self.fake.postman.settle()
        found: list[WebhookEvent] = on_loop(self.gateway, self.store.events(EventFilter(), newest_first=False))
        return found


@contextmanager
def scene(name: str, *, secret: str | None = None, is_up: bool = True, **arguments: Any) -> Iterator[Scene]:
    stage = Stage(name, **arguments)
    credential = Credential(secrets=(secret or stage.fake.secret,), verify_token=VERIFY_TOKEN)
    store = new_store()
    sources = {name: Source(platform=stage.fake.platform, credential=credential)}
    app = Gateway(Intake(store, sources, aliases=aliases()), clock=stage.clock)
    with GATES.of(app, store) as gateway, stage.served():
        if is_up:
            stage.fake.reach(HOST, f"http://127.0.0.1:{gateway.port}")
        with stage.fake.push():
            yield Scene(stage, gateway, store)
