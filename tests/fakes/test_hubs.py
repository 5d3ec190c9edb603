"""A hub over real HTTP: it asks a gateway whether a subscription was meant, and pushes while the lease lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import PlatformUnavailable
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import ACTIVE, DENIED, EXPIRED, LEAVING, PENDING, Subscription
from moderation_ai.fakes.hub import Hub
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.subscribing import terms
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter
from moderation_ai.web.gateway import Gateway
from tests.fakes.gates import GATES, on_loop
from tests.fakes.stage import Stage
from tests.fakes.subscribed import HOST
from tests.kinds import new_store
from tests.web.stage import Served

TOPICS = {
    "youtube": "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCsampleChannelOfOurs000",
    "medium": "https://medium.com/feed/@rye",
}
every_hub = pytest.mark.parametrize("name", sorted(TOPICS))


class Scene:
    """A hub, a gateway that shares its register with who asks the hub, and a topic."""

    def __init__(self, stage: Stage, gateway: Served, store: Any, site: Site) -> None:
        assert isinstance(stage.fake, Hub)
        self.stage, self.fake, self.gateway, self.store, self.site = stage, stage.fake, gateway, store, site
        self.topic = TOPICS[site.platform.name]
        self.wish = site.wish(f"https://{HOST}/webhook/{site.platform.name}", topic=self.topic)
        self.subscriber = Subscriber(store, [site], stage.clock, sender=stage.sender)

    def do(self, work: Any) -> Any:
        """Run a coroutine on the gateway's loop, where the store lives, and wait for what the hub asks then."""
        found = on_loop(self.gateway, work)
        self.fake.settle()
        return found

    def subscribe(self) -> Subscription:
        self.do(self.subscriber.register(self.site, self.wish))
        return self.row()

    def ask(self, flow: Any) -> None:
        """Ask the hub, with no note in the register."""
        self.stage.drive(flow)
        self.fake.settle()

    def row(self) -> Subscription:
        (found,) = on_loop(self.gateway, self.store.subscriptions())
        return found

    def forward(self, **time: float) -> None:
        self.stage.clock.set(self.stage.clock.now() + timedelta(**time))

    def arrived(self) -> list[WebhookEvent]:
        self.fake.postman.settle()
        found: list[WebhookEvent] = on_loop(self.gateway, self.store.events(EventFilter(), newest_first=False))
        return found


@contextmanager
def scene(name: str, *, is_up: bool = True) -> Iterator[Scene]:
    stage = Stage(name)
    platform = stage.fake.platform
    credential = Credential(secrets=("a secret of ours",))
    site = Site(access=Access(platform=platform, session=Session(access_token="")), credential=credential)
    store = new_store()
    sources = {name: Source(platform=platform, credential=credential)}
    app = Gateway(Intake(store, sources, aliases=aliases(), hubs=Hubs(store)), clock=stage.clock)
    with GATES.of(app, store) as gateway, stage.served():
        if is_up:
            stage.fake.reach(HOST, f"http://127.0.0.1:{gateway.port}")
        with stage.fake.push():
            yield Scene(stage, gateway, store, site)


@every_hub
def test_what_is_published_reaches_the_gateway_once_the_hub_has_asked_it(name: str) -> None:
    with scene(name) as each:
        each.fake.publish(each.topic)
        row = each.subscribe()
        assert (row.status, row.expires_at) == (ACTIVE, each.stage.clock.now() + timedelta(days=10))
        each.fake.publish(each.topic)
        (event,) = each.arrived()
        assert (event.platform, event.event_type) == (name, "post.created")
        assert not each.fake.misunderstood


@every_hub
def test_nobody_hears_of_a_topic_that_was_not_asked_for(name: str) -> None:
    with scene(name) as each:
        each.subscribe()
        each.fake.publish(each.topic + "x")
        assert each.arrived() == []


@every_hub
def test_a_hub_that_cannot_reach_us_leaves_it_pending(name: str) -> None:
    with scene(name, is_up=False) as each:
        assert each.subscribe().status == PENDING
        assert each.fake.leases == {}


@every_hub
def test_a_subscription_that_nobody_asked_for_is_not_confirmed(name: str) -> None:
    with scene(name) as each:
        each.ask(each.site.platform.register(each.wish, Session(access_token=""), each.site.access.client))
        assert each.fake.leases == {}


@every_hub
def test_a_lease_ends_unless_it_is_renewed(name: str) -> None:
    with scene(name) as each:
        row = each.subscribe()
        each.forward(days=8)
        each.do(each.subscriber.renew(row))
        assert each.row().expires_at == each.stage.clock.now() + timedelta(days=10)
        each.forward(days=9)
        each.fake.publish(each.topic)
        each.forward(days=2)
        each.fake.publish(each.topic)
        assert len(each.arrived()) == 1
        ended = terms.ended(each.row(), each.stage.clock.now())
        assert ended is not None
        assert ended.status == EXPIRED


@every_hub
def test_while_a_hub_is_down_the_old_lease_lasts_and_it_is_asked_again_when_it_says(name: str) -> None:
    with scene(name) as each:
        row = each.subscribe()
        each.fake.is_down = True
        each.forward(days=8)
        each.do(each.subscriber.renew(row))
        down = each.row()
        assert (down.status, "takes no subscriptions for now" in str(down.reason)) == (ACTIVE, True)
        assert down.due_at is not None
        assert down.due_at >= each.stage.clock.now() + timedelta(seconds=120)
        each.fake.publish(each.topic)
        assert len(each.arrived()) == 1
        each.fake.is_down = False
        each.do(each.subscriber.renew(down))
        assert each.row().reason is None
        assert each.row().expires_at == each.stage.clock.now() + timedelta(days=10)


def test_an_outage_of_the_hub_is_no_refusal() -> None:
    with scene("youtube") as each:
        each.fake.is_down = True
        with pytest.raises(PlatformUnavailable) as caught:
            each.stage.drive(each.site.platform.register(each.wish, Session(access_token=""), each.site.access.client))
        assert (caught.value.retryable, caught.value.retry_after) == (True, 120)
        assert each.subscribe().status == PENDING


@every_hub
def test_a_hub_that_says_no_is_believed_and_its_reason_kept(name: str) -> None:
    with scene(name) as each:
        each.fake.denies = "Restricted topic"
        row = each.subscribe()
        assert (row.status, "Restricted topic" in str(row.reason)) == (DENIED, True)
        assert each.fake.leases == {}


@every_hub
def test_a_hub_asks_whether_an_end_is_meant_and_pushes_no_more(name: str) -> None:
    with scene(name) as each:
        row = each.subscribe()
        each.do(each.subscriber.unregister(row))
        assert each.fake.leases == {}
        assert on_loop(each.gateway, each.store.subscriptions()) == []
        each.fake.publish(each.topic)
        assert each.arrived() == []


@every_hub
def test_an_end_that_nobody_asked_for_is_not_confirmed(name: str) -> None:
    with scene(name) as each:
        row = each.subscribe()
        assert row.status != LEAVING
        flow = each.site.platform.unregister(row, each.wish, Session(access_token=""), each.site.access.client)
        each.ask(flow)
        assert len(each.fake.leases) == 1
        assert each.row().status == ACTIVE


@every_hub
def test_a_hub_that_takes_everything_and_never_pushes_is_not_seen_by_asking_it(name: str) -> None:
    # Only a comparison with what a poll brings shows it: what is asked for looks well.
    with scene(name) as each:
        each.fake.is_deaf = True
        assert each.subscribe().status == ACTIVE
        each.fake.publish(each.topic)
        assert each.arrived() == []
        assert len(each.fake.postman.unsent) == 1


@every_hub
def test_what_a_hub_signs_with_another_secret_is_answered_and_ignored(name: str) -> None:
    with scene(name) as each:
        each.wish = replace(each.wish, secret="an older secret than we have")
        each.subscribe()
        each.fake.publish(each.topic)
        assert each.arrived() == []
        assert [sent.status for sent in each.fake.postman.sent] == [200]


def test_youtube_tells_of_no_comments_by_its_hub() -> None:
    with scene("youtube") as each:
        each.subscribe()
        each.fake.write("nobody pushes this")
        assert each.arrived() == []


def test_a_post_on_medium_is_told_by_the_hub() -> None:
    with scene("medium") as each:
        each.subscribe()
        each.fake.write("Why crust matters")
        assert [event.event_type for event in each.arrived()] == ["post.created"]
