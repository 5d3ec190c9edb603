"""Asking a WebSub hub: the call by which a subscription is begun, renewed and ended, and the flows around it.

Sources: https://www.w3.org/TR/websub/ (23 January 2018, section 5) and PubSubHubbub 0.4 for ``hub.verify``. WebSub says
of refusals no more than 4xx and 5xx; 503 with 120 seconds, "Restricted topic" and Superfeedr's 422 were met by others.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from moderation_ai.core.calls import Call, Failure, Field
from moderation_ai.core.errors import PlatformError, PlatformUnavailable, RateLimited, UnsupportedAction
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.subscribing import PENDING, Subscribes, Subscription, Wish

LEASE = 864_000
"""Seconds that we ask for: ten days, the most that hubs give. A longer lease lives through a longer outage."""
LONGEST_SECRET = 199
"""Bytes of ``hub.secret``, which must be shorter than 200."""
_DOWN = "Transient error; please try again later"


def hub_call(url: str, source: str, note: str = "") -> Call:
    """Return the row of a hub's one call; it is asked as nobody, and costs nothing of the platform's own units."""
    return Call(
        name="hub",
        method="POST",
        url=url,
        fields=(
            Field("hub.mode", "form", only=("subscribe", "unsubscribe")),
            Field("hub.topic", "form"),
            Field("hub.callback", "form"),
            Field("hub.verify", "form", only=("async",)),
            Field("hub.secret", "form", required=False),
            Field("hub.lease_seconds", "form", "integer", required=False),
        ),
        auth="none",
        effect="sets",
        visible="to nobody",
        undone_by="hub",
        status=202,
        failures=(
            Failure(
                status=400,
                error=PlatformError,
                says="the hub does not take it: is the topic a feed's address, and ours one that it reaches?",
                example="Invalid parameter: hub.callback",
            ),
            Failure(
                status=403,
                error=PlatformError,
                says="the hub does not allow this topic",
                example="Restricted topic",
            ),
            Failure(
                status=422,
                error=PlatformError,
                says="the hub does not take the topic: is it the address that the feed gives itself?",
                example="Please provide a valid hub.topic (feed) URL that is accepted on this hub.",
            ),
            Failure(status=429, error=RateLimited, says="the hub wants fewer requests", wait=120, example="Too many"),
            Failure(
                status=503,
                error=PlatformUnavailable,
                says="the hub takes no subscriptions for now; what it pushes already goes on",
                wait=120,
                example=_DOWN,
            ),
        ),
        cost=0,
        note=note,
        source=source,
    )


class SubscribesAtHub(Subscribes):
    """Subscribe at a hub: it takes note, asks our address whether that was meant, and pushes until the lease ends.

    A platform gives ``api`` with a row named ``hub``. Nobody tells what a hub has of us: whether a subscription lives
    is seen when the hub asks, and by what it pushes.
    """

    subscribe = True
    subscribe_needs = ()
    subscribing = ("hub",)

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Return nothing: a hub does not tell what it has."""
        yield from ()
        return ()

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Ask for a subscription to the wish's topic; it is pending until the hub has asked back."""
        yield from self._ask_hub("subscribe", wish)
        return (wish.pending(),)

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        """Ask for another term, which is to ask for the same again: the old one lasts until the hub has asked back."""
        yield from self._ask_hub("subscribe", replace(wish, url=known.url, topic=known.topic or wish.topic))
        return replace(known, status=PENDING, reason=None)

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        """Ask for an end; the hub pushes on until it has asked whether that is meant."""
        yield from self._ask_hub("unsubscribe", replace(wish, url=known.url, topic=known.topic or wish.topic))

    def wishes(self, wish: Wish, topics: Sequence[str]) -> tuple[Wish, ...]:
        """Return a wish for each topic."""
        return tuple(replace(wish, topic=topic) for topic in topics)

    def _ask_hub(self, mode: str, wish: Wish) -> Flow[None]:
        if not wish.topic:
            raise UnsupportedAction(f"{self.name}'s hub is asked for a topic: configure topics, the feeds' addresses")
        if wish.secret and len(wish.secret.encode("utf-8", "replace")) > LONGEST_SECRET:
            raise UnsupportedAction(f"a hub takes secrets of at most {LONGEST_SECRET} bytes: choose a shorter one")
        begins = mode == "subscribe"
        values = {
            "hub.mode": mode,
            "hub.topic": self.spell_topic(wish.topic),
            "hub.callback": wish.url,
            "hub.secret": wish.secret if begins else None,
            "hub.lease_seconds": LEASE if begins else None,
        }
        yield from self.api.ask("hub", values)
