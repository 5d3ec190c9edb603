"""Subscribing: how a platform is told to post to us, what it says of that, and how that is kept alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

import msgspec

from moderation_ai.core.api import Api
from moderation_ai.core.errors import UnsupportedAction
from moderation_ai.core.flows import Client, Flow, Session

REGISTERED, PENDING, ACTIVE, INVALID, DENIED, EXPIRED, LEAVING, POLLED = (
    "registered",
    "pending",
    "active",
    "invalid",
    "denied",
    "expired",
    "leaving",
    "polled",
)
"""``registered``: we noted it and told nobody. ``pending``: the platform was told and has not verified us yet.
``invalid``: the platform does not post there any more, or never could. ``denied``: it said no. ``leaving``: it was told
to post there no more, and has not asked yet whether that is meant. ``polled``: nothing is posted, it is asked."""


class Subscription(msgspec.Struct, kw_only=True):
    """A webhook that was registered: where a platform is to send what.

    ``id`` is the platform's own where it gives one, else that of the wish. ``account`` is the configuration's name of
    the account. ``events`` are native kinds, ``topic`` is the topic where the platform has topics. ``status`` is one of
    the words of this module; ``reason`` is why, where it is not well. Times are aware UTC; ``expires_at`` is None where
    it does not end by itself.

    ``ours`` is false of what the platform has and nobody registered here.
    ``asked_at`` is when we last asked the platform for it (or to end it), ``verified_at`` when that was last confirmed,
    ``due_at`` when something is to be done for it next, ``tries`` how often that was tried in vain.
    """

    id: str
    url: str
    platform: str
    account: str | None = None
    topic: str | None = None
    events: list[str] = []
    status: str = REGISTERED
    reason: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_event_at: datetime | None = None
    ours: bool = True
    asked_at: datetime | None = None
    verified_at: datetime | None = None
    due_at: datetime | None = None
    tries: int = 0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a platform: that it posts ``events`` (or all that it has for us) to ``url``.

    ``account`` is the configuration's name, ``account_id`` the platform's. ``topic`` is a WebSub topic, ``secret`` what
    the platform is to sign with where we choose it, ``verify_token`` what its handshake is to show.
    """

    platform: str
    url: str
    account: str | None = None
    account_id: str | None = None
    events: tuple[str, ...] = ()
    topic: str | None = None
    secret: str | None = None
    verify_token: str | None = None

    @property
    def id(self) -> str:
        """Return the id of what is wanted: the same for the same address, account and topic, at any time."""
        parts = (self.platform, self.url, self.account or "", self.topic or "")
        return "wh_" + sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def pending(self) -> Subscription:
        """Return what this asks for, as it stands once the platform was told and before it has verified us."""
        return Subscription(
            id=self.id,
            url=self.url,
            platform=self.platform,
            account=self.account,
            topic=self.topic,
            events=list(self.events),
            status=PENDING,
        )

    def __repr__(self) -> str:
        """Return platform and address, and nothing that is secret."""
        return f"<Wish {self.platform}: {self.url}>"


class Subscribes:
    """The subscribing side of a platform: flows that any driver of flows can run.

    A platform that has ``subscribe`` set gives all four flows; they raise what ``Api.ask`` does.
    """

    name: ClassVar[str]
    api: ClassVar[Api] = Api()
    subscribe: ClassVar[bool] = False
    """Whether it can be told by its API to post to us."""
    subscribe_needs: ClassVar[tuple[str, ...]] = ("access_token",)
    """What the flows ask with, of ``access_token``, ``client_id``, ``client_secret`` and ``app_token``: none for a
    public hub."""
    one_address: ClassVar[bool] = False
    """Whether an app has one address there, so that another takes its place."""
    subscribing: ClassVar[tuple[str, ...]] = ()
    """The calls of its table that the flows make."""
    pushes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What can be subscribed there, with what each is asked for by: event types of ours, older names."""
    subscribe_instead: ClassVar[str] = ""
    """What to do where there is nothing to subscribe to, for people."""
    usual: ClassVar[tuple[str, ...]] = ()
    """What of that is subscribed where a wish names nothing."""
    kinds: ClassVar[Mapping[str, str]] = {}

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Ask what is registered there for our app, whatever the address; empty where the platform tells nobody."""
        raise self._has_no_webhooks("listed")

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Make everything that lacks for ``wish``, and return it as it stands then; to do it twice changes nothing."""
        raise self._has_no_webhooks("registered")

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        """Have the platform look at our address again, or give the lease another term; return how it stands then."""
        raise self._has_no_webhooks("renewed")

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        """Have the platform post there no more; what is gone already is no error."""
        raise self._has_no_webhooks("deleted")

    def _has_no_webhooks(self, what: str) -> UnsupportedAction:
        instead = f": {self.subscribe_instead}" if self.subscribe_instead else ""
        return UnsupportedAction(f"{self.name} has no webhooks that can be {what}{instead}")

    def events_of(self, wish: Wish) -> tuple[str, ...]:
        """Return what is to be subscribed for ``wish``, by the platform's names, in the order of ``pushes``.

        A wish may name these, event types of ours, or kinds that become such. Raises ``UnsupportedAction`` for what the
        platform does not push, with what it does.
        """
        found: set[str] = set()
        for wanted in wish.events:
            names = {wanted, self.kinds.get(wanted) or wanted}
            native = {each for each, words in self.pushes.items() if each == wanted or names.intersection(words)}
            if not native:
                known = ", ".join(self.pushes)
                raise UnsupportedAction(f"{self.name} does not push {wanted!r}; it has: {known}")
            found |= {wanted} if wanted in self.pushes else native
        return tuple(each for each in self.pushes if each in found) if found else self.usual

    def wishes(self, wish: Wish, topics: Sequence[str]) -> tuple[Wish, ...]:
        """Return the single wishes that one address amounts to: one for each topic where the platform has topics."""
        return (wish,)

    def spell_topic(self, topic: str) -> str:
        """Return a topic as its hub spells it, where there are several spellings of one."""
        return topic
