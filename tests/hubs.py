"""Platforms of the tests' own that can be subscribed to, without a network: a hub with topics, and one with a list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from moderation_ai.core import websub
from moderation_ai.core.api import Api
from moderation_ai.core.budgets import Limit
from moderation_ai.core.calls import Call, Field
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.flows import Answer, Client, Flow, Outgoing, Session
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.subscribing import ACTIVE, INVALID, PENDING, Subscription, Wish
from moderation_ai.pipeline.clock import Clock
from moderation_ai.sender import Sender

_PAGE = "https://hub.example/docs"


class Hub(Platform):
    """A WebSub hub: it asks back, and tells nobody what it has."""

    name = "hub"
    signature = "X-Hub-Signature"
    handshake = websub.HANDSHAKE
    kinds: ClassVar[Mapping[str, str]] = {}
    hosts = ("hub.example",)
    subscribe = True
    subscribe_needs: ClassVar[tuple[str, ...]] = ()
    api = Api(
        calls=(
            Call(
                name="hub",
                method="POST",
                url="https://hub.example/subscribe",
                fields=(
                    Field("hub.mode", "form"),
                    Field("hub.callback", "form"),
                    Field("hub.topic", "form"),
                    Field("hub.secret", "form", required=False),
                ),
                auth="none",
                effect="sets",
                status=202,
                source=_PAGE,
            ),
        )
    )

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        return websub.answer_websub(request, credential.topics, self.spell_topic, leaving=credential.leaving)

    def spell_topic(self, topic: str) -> str:
        return topic.replace("feed:", "https://feeds.example/")

    def wishes(self, wish: Wish, topics: Sequence[str]) -> tuple[Wish, ...]:
        return tuple(msgspec.structs.replace(wish, topic=each) for each in topics)

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        return ()
        yield

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        yield from self._ask("subscribe", wish)
        return (Subscription(id="", url=wish.url, platform=self.name, topic=wish.topic, status=PENDING),)

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        (found,) = yield from self.register(wish, session, client)
        return msgspec.structs.replace(found, id=known.id)

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        yield from self._ask("unsubscribe", wish)

    def _ask(self, mode: str, wish: Wish) -> Flow[None]:
        values = {"hub.mode": mode, "hub.callback": wish.url, "hub.topic": wish.topic, "hub.secret": wish.secret}
        yield from self.api.ask("hub", values)


class Desk(Platform):
    """A platform with a list of webhooks by id, that says which of them are valid."""

    name = "desk"
    signature = "none"
    kinds: ClassVar[Mapping[str, str]] = {}
    hosts = ("desk.example",)
    subscribe = True
    api = Api(
        calls=(
            Call(name="list", method="GET", url="https://desk.example/webhooks", proof="webhooks", source=_PAGE),
            Call(
                name="make",
                method="POST",
                url="https://desk.example/webhooks",
                fields=(Field("url", "json"),),
                effect="sets",
                proof="id",
                source=_PAGE,
            ),
            Call(
                name="check",
                method="PUT",
                url="https://desk.example/webhooks/{id}",
                effect="sets",
                proof="valid",
                limits=(Limit(units=5, seconds=900, shared_by="call"),),
                source=_PAGE,
            ),
            Call(
                name="drop",
                method="DELETE",
                url="https://desk.example/webhooks/{id}",
                effect="sets",
                status=204,
                source=_PAGE,
            ),
        )
    )

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        reading = yield from self.api.ask("list", {}, session)
        return tuple(
            Subscription(
                id=each["id"],
                url=each["url"],
                platform=self.name,
                account=wish.account,
                status=ACTIVE if each["valid"] else INVALID,
                reason=None if each["valid"] else "the platform says that it is not valid",
            )
            for each in reading.body["webhooks"]
        )

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        there = yield from self.registered(wish, session, client)
        ours = tuple(each for each in there if each.url == wish.url)
        if ours:
            return ours
        reading = yield from self.api.ask("make", {"url": wish.url}, session)
        return (
            Subscription(id=reading.body["id"], url=wish.url, platform=self.name, account=wish.account, status=ACTIVE),
        )

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        reading = yield from self.api.ask("check", {"id": known.id}, session)
        return msgspec.structs.replace(
            known, status=ACTIVE if reading.body["valid"] else INVALID, reason=None if reading.body["valid"] else "no"
        )

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        yield from self.api.ask("drop", {"id": known.id}, session)


class Counter(Sender):
    """What stands in the place of both: it answers at once, and keeps what it was asked.

    ``webhooks`` are the desk's. ``answers`` are given before anything else: a status with its header fields, or an
    error that is raised.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(now=clock.now)
        self.clock = clock
        self.asked: list[Outgoing] = []
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[int, dict[str, str]] | ModerationError] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """What happens once while it is asked, before it answers."""
        self.repairs = True
        """Whether a webhook is valid again after it was looked at."""
        self._serial = 0

    @property
    def calls(self) -> list[str]:
        """Return the names of the calls, in order."""
        return [each.call for each in self.asked]

    async def send(self, request: Outgoing, hosts: Collection[str]) -> Answer:
        self.asked.append(request)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        if self.answers:
            given = self.answers.pop(0)
            if isinstance(given, ModerationError):
                raise given
            status, fields = given
            return Answer(status=status, headers=Headers.of(fields), received_at=self.clock.now())
        status, value = self._answer(request)
        body = b"" if value is None else msgspec.json.encode(value)
        return Answer(status=status, body=body, received_at=self.clock.now())

    def _answer(self, request: Outgoing) -> tuple[int, Any]:
        named = request.url.rpartition("/")[2]
        if request.call == "hub":
            return 202, None
        if request.call == "list":
            return 200, {"webhooks": list(self.webhooks.values())}
        if request.call == "make":
            self._serial += 1
            made = f"w{self._serial}"
            self.webhooks[made] = {"id": made, "url": msgspec.json.decode(request.body)["url"], "valid": True}
            return 200, self.webhooks[made]
        if named not in self.webhooks:
            return 404, None
        if request.call == "drop":
            del self.webhooks[named]
            return 204, None
        self.webhooks[named]["valid"] = self.webhooks[named]["valid"] or self.repairs
        return 200, self.webhooks[named]
