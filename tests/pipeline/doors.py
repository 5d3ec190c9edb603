"""An intake for tests, with the senders' side of each platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases, find_platform
from moderation_ai.stores.base import EventFilter, Store
from tests.kinds import new_store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCours"
SECRET, TOKEN = "a secret of tests", "a token of tests"


class Door:
    """An intake over a memory store, with the senders' side of each platform."""

    def __init__(
        self, store: Store | None = None, credentials: Mapping[str, Any] = MappingProxyType({}), **options: Any
    ) -> None:
        self.store = store or new_store()
        self.woken = 0
        credential = Credential(
            secrets=(SECRET,), verify_token=TOKEN, accounts={"178": "shop"}, topics=(TOPIC,), **credentials
        )
        names = ("generic", "instagram", "twitter", "reddit", "youtube", "medium")
        sources = {name: Source(platform=find_platform(name), credential=credential) for name in names}
        self.intake = Intake(self.store, sources, aliases=aliases(), on_added=self._wake, **options)

    def _wake(self) -> None:
        self.woken += 1

    async def post(self, name: str | None, body: bytes, *, account: str | None = None, **changes: Any) -> Response:
        """Post a body as the platform would."""
        headers = changes.pop("headers", None) or find_platform(name or "generic").sign(body, SECRET, NOW)
        request = Request(
            body=body, headers=Headers.of(headers), **{"received_at": NOW, "peer": "192.0.2.7", **changes}
        )
        return await self.intake.receive(request, name, account)

    async def get(self, name: str, query: str) -> Response:
        """Ask as a platform's handshake does."""
        return await self.intake.receive(Request(method="GET", query=query, received_at=NOW), name)

    async def stored(self) -> list[tuple[str, str]]:
        """Return type and platform of what is stored, in order."""
        events = await self.store.events(EventFilter(), newest_first=False)
        return [(event.event_type, event.platform) for event in events]


def envelope(event_id: str = "evt_1", kind: str = "comment.created", **changes: Any) -> bytes:
    comment = {"id": f"c-{event_id}", "text": "rye?"}
    return json.dumps({"event_id": event_id, "event_type": kind, "data": {"comment": comment}, **changes}).encode()


def told(answer: Response) -> Any:
    return json.loads(answer.body)
