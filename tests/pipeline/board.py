"""A platform of the tests' own that pushes and can be polled, and time that goes on as far as everybody waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from moderation_ai.core.api import Api
from moderation_ai.core.calls import Call, Failure, Field
from moderation_ai.core.content import read_json
from moderation_ai.core.errors import CredentialsRejected, MalformedPayload, PlatformUnavailable, RateLimited
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.flows import Answer, Flow, Outgoing, Session
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Platform
from moderation_ai.core.polling import Feed, Page
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.sender import Sender

OVERLAP = 2
"""How many comments a page shows again."""


class Board(Platform):
    """Comments in the order of their numbers, three to a page."""

    name = "board"
    signature = "none"
    hosts = ("board.example",)
    poll = True
    api = Api(
        calls=(
            Call(
                name="list",
                method="GET",
                url="https://board.example/comments",
                fields=(Field("of", "query", required=False), Field("after", "query", kind="integer", required=False)),
                source="tests",
            ),
        ),
        failures=(
            Failure(status=401, error=CredentialsRejected, says="the token is over"),
            Failure(status=429, error=RateLimited, says="slower"),
            Failure(status=503, error=PlatformUnavailable, says="away"),
        ),
    )

    def __init__(self, *, reconciles: bool = False, interval: float = 60.0) -> None:
        self.reconciles = reconciles
        self.interval = interval

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        names = watched or ("",)
        return tuple(
            Feed(name="comments", of=of, interval=self.interval, reconciles=self.reconciles, calls={"list": 1})
            for of in names
        )

    def ask_feed(self, feed: Feed, cursor: str, session: Session, now: datetime) -> Flow[Page]:
        after = max(0, int(cursor or 0) - OVERLAP)
        reading = yield from self.api.ask("list", {"of": feed.of or None, "after": after}, session)
        items = reading.body["items"]
        return Page(
            facts=tuple(map(_fact, items)),
            body=reading.answer.body,
            cursor=str(max([int(cursor or 0), *(item["id"] for item in items)])),
            more=reading.body["more"],
        )

    def read_page(self, body: bytes, now: datetime) -> Parsed:
        value = read_json(body)
        if "items" not in value:
            raise MalformedPayload("this is no page")
        return Parsed(facts=[_fact(item) for item in value["items"]])

    def parse(self, request: Request) -> Parsed:
        return Parsed(facts=[_fact(read_json(request.body))])


def _fact(item: dict[str, Any]) -> Fact:
    comment_id = f"c{item['id']}"
    at = datetime.fromisoformat(item["at"])
    return Fact(
        event_type="comment.created",
        object_id=comment_id,
        data=Data(comment=Comment(id=comment_id, text=item["text"], author_id=item.get("by"), created_at=at)),
        timestamp=at,
        author_id=item.get("by"),
    )


class Wire(Sender):
    """What stands on the board, answered to whoever asks; ``asked`` are the requests, ``fails`` the next statuses."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.items: list[dict[str, Any]] = []
        self.asked: list[Outgoing] = []
        self.fails: list[tuple[int, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.page = 3 + OVERLAP
        self._clock = now

    def write(self, text: str = "hello", *, of: str = "", by: str | None = None, age: float = 0.0) -> dict[str, Any]:
        """Have somebody write a comment, ``age`` seconds ago."""
        at = self._clock() - timedelta(seconds=age)
        item = {"id": len(self.items) + 1, "of": of, "text": text, "at": at.isoformat(), "by": by}
        self.items.append(item)
        return item

    async def send(self, request: Outgoing, hosts: Collection[str]) -> Answer:
        self.asked.append(request)
        if self.fails:
            status, headers = self.fails.pop(0)
            return self._answer(status, b"{}", headers)
        if self.bodies:
            return self._answer(200, self.bodies.pop(0), {})
        query = parse_qs(urlsplit(request.url).query)
        after, of = int(query["after"][0]), query.get("of", [""])[0]
        found = [item for item in self.items if item["id"] > after and item["of"] == of]
        body = json.dumps({"items": found[: self.page], "more": len(found) > self.page}).encode()
        return self._answer(200, body, {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> Answer:
        fields = Headers((name.encode(), value.encode()) for name, value in headers.items())
        return Answer(status=status, headers=fields, body=body, received_at=self._clock())


class Simulated:
    """A clock that goes on to when the next one has waited enough, once all who run by it wait."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._waiting: dict[asyncio.Future[None], datetime] = {}
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def jump(self, seconds: float) -> None:
        """Set the clock on or back while nobody runs by it."""
        self._now += timedelta(seconds=seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[over] = self._now + timedelta(seconds=seconds)
        self._changed.set()
        told = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait([over, told], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.pop(over, None)
            told.cancel()

    async def everyone_waits(self, several: int) -> None:
        """Return once so many wait."""
        async with asyncio.timeout(60):
            while len(self._waiting) < several:
                self._changed.clear()
                await self._changed.wait()

    async def forward(self, seconds: float, several: int = 1) -> None:
        """Let so much time go by, while ``several`` run by this clock."""
        end = self._now + timedelta(seconds=seconds)
        while True:
            await self.everyone_waits(several)
            over, when = min(self._waiting.items(), key=lambda each: each[1])
            if when > end:
                self._now = end
                return
            self._now = max(self._now, when)
            del self._waiting[over]
            over.set_result(None)
