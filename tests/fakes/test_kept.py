"""The keeper against every platform's fake: what is lost there is noticed, and made good by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from moderation_ai.core.access import Access
from moderation_ai.core.errors import PlatformError
from moderation_ai.core.platform import Credential
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscription
from moderation_ai.fakes import Fake
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.subscribing.keeper import Keeper
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.tally import Tally
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter
from moderation_ai.web.gateway import Gateway
from tests.fakes.gates import GATES, on_loop
from tests.fakes.stage import Stage
from tests.fakes.subscribed import HOST, NAMES, VERIFY_TOKEN
from tests.fakes.test_hubs import TOPICS
from tests.kinds import new_store
from tests.web.stage import Served

EVERYBODY = [*NAMES, *TOPICS]
PUSH = pytest.mark.parametrize("name", NAMES)
HUB = pytest.mark.parametrize("name", sorted(TOPICS))


class Scene:
    """A fake, a gateway, and a keeper that shares its store."""

    def __init__(self, stage: Stage, gateway: Served, store: Any, site: Site) -> None:
        self.stage, self.fake, self.gateway, self.store, self.site = stage, stage.fake, gateway, store, site
        self.wish = site.wish(f"https://{HOST}/webhook/{stage.fake.name}", topic=TOPICS.get(stage.fake.name))
        self.subscriber = Subscriber(store, [site], stage.clock, sender=stage.sender)
        self.keeper = Keeper(self.subscriber, Tally(stage.clock.now()), name="keeper")

    def do(self, work: Any) -> Any:
        found = on_loop(self.gateway, work)
        if hasattr(self.fake, "settle"):
            self.fake.settle()
        return found

    def register(self) -> Subscription:
        self.do(self.subscriber.register(self.site, self.wish))
        return self.row()

    def keep(self, **later: float) -> Subscription:
        """Let the keeper look, so much later."""
        self.stage.clock.set(self.stage.clock.now() + timedelta(**later))
        self.fake.authorise()
        self.site.access.session = self.fake.session
        self.do(self.keeper.keep())
        return self.row()

    def row(self) -> Subscription:
        (found,) = on_loop(self.gateway, self.store.subscriptions())
        return found

    def is_heard(self) -> bool:
        """Say whether what is written there now arrives here."""
        before = len(self._events())
        if self.fake.name == "youtube":
            self.fake.publish(TOPICS["youtube"])  # type: ignore[attr-defined]  # It is a hub's.
        else:
            self.fake.write("are you there?")
        return len(self._events()) > before

    def _events(self) -> list[Any]:
        self.fake.postman.settle()
        found: list[Any] = on_loop(self.gateway, self.store.events(EventFilter()))
        return found


@contextmanager
def scene(name: str) -> Iterator[Scene]:
    stage = Stage(name)
    platform = stage.fake.platform
    credential = Credential(secrets=(stage.fake.secret,), verify_token=VERIFY_TOKEN)
    access = Access(platform=platform, account="shop", session=stage.fake.session, client=stage.fake.client)
    site = Site(access=access, credential=credential, url=f"https://{HOST}/webhook/{name}")
    store = new_store()
    sources = {name: Source(platform=platform, credential=credential)}
    app = Gateway(Intake(store, sources, aliases=aliases(), hubs=Hubs(store)), clock=stage.clock)
    with GATES.of(app, store) as gateway, stage.served():
        stage.fake.reach(HOST, f"http://127.0.0.1:{gateway.port}")
        with stage.fake.push():
            yield Scene(stage, gateway, store, site)


@pytest.mark.parametrize("name", EVERYBODY)
def test_what_is_registered_is_active_and_is_left_as_it_is(name: str) -> None:
    with scene(name) as each:
        row = each.register()
        assert (row.status, row.account, row.url) == (ACTIVE, "shop", each.wish.url)
        effects = each.fake.count()
        after = each.keep(hours=2)
        assert (after.id, after.status, after.events) == (row.id, ACTIVE, row.events)
        assert each.fake.count() == effects
        assert each.is_heard()
        assert not each.fake.misunderstood


@PUSH
def test_to_see_first_what_would_be_done_does_nothing(name: str) -> None:
    with scene(name) as each:
        call = each.do(each.subscriber.preview(each.site, each.wish))
        assert call is not None
        assert each.fake.count() == 0
        each.register()
        assert each.do(each.subscriber.preview(each.site, each.wish)) is None


def _forget_all(fake: Any) -> None:
    for name in ("webhooks", "subscriptions", "installed"):
        if hasattr(fake, name):
            getattr(fake, name).clear()
    fake.callback = None


def _forget_events(fake: Any) -> None:
    fake.subscriptions.clear()


def _switch_off(fake: Any) -> None:
    for webhook in fake.webhooks.values():
        webhook.is_valid = False


def _uninstall(fake: Any) -> None:
    fake.installed.clear()


def _deactivate(fake: Any) -> None:
    fake.callback.is_active = False


def _lead_elsewhere(fake: Any) -> None:
    if fake.name == "tiktok":
        fake.webhooks = dict.fromkeys(fake.webhooks, "https://elsewhere.example.org/")
    else:
        fake.callback.url = "https://elsewhere.example.org/"


LOSSES: list[tuple[str, Callable[[Any], None]]] = [
    *((name, _forget_all) for name in NAMES),
    ("twitter", _forget_events),
    ("twitter", _switch_off),
    ("instagram", _uninstall),
    ("instagram", _deactivate),
    ("instagram", _lead_elsewhere),
    ("tiktok", _lead_elsewhere),
]


@pytest.mark.parametrize(("name", "lose"), LOSSES, ids=[f"{name}-{lose.__name__.strip('_')}" for name, lose in LOSSES])
def test_a_webhook_that_is_lost_at_the_platform_is_healed(name: str, lose: Callable[[Fake], None]) -> None:
    with scene(name) as each:
        row = each.register()
        lose(each.fake)
        assert not each.is_heard()
        after = each.keep(hours=2)
        assert (after.status, after.url, after.reason) == (ACTIVE, row.url, None)
        assert set(after.events) == set(row.events)
        assert each.is_heard()


def test_a_webhook_of_x_that_cannot_be_healed_says_what_is_wrong_and_is_tried_again() -> None:
    with scene("twitter") as each:
        each.register()
        _switch_off(each.fake)
        way = f"http://127.0.0.1:{each.gateway.port}"
        each.fake.reach(HOST, "http://127.0.0.1:9")
        row = each.keep(hours=2)
        assert (row.status, "reachable there from outside" in str(row.reason)) == (INVALID, True)
        each.fake.reach(HOST, way)
        assert each.keep(hours=7).status == ACTIVE
        assert each.is_heard()


@HUB
def test_a_lease_is_renewed_before_it_ends(name: str) -> None:
    with scene(name) as each:
        begun = each.stage.clock.now()
        each.register()
        each.keep(days=7)
        assert each.row().expires_at == begun + timedelta(days=10)
        each.keep(days=1, minutes=1)
        assert each.row().expires_at == each.stage.clock.now() + timedelta(days=10)
        each.keep(days=9)
        assert each.is_heard()


@HUB
def test_a_lease_lives_through_an_outage_of_its_hub(name: str) -> None:
    with scene(name) as each:
        each.register()
        each.fake.is_down = True  # type: ignore[attr-defined]  # It is a hub's.
        for _ in range(6):
            assert each.keep(hours=6).status == ACTIVE
            assert each.is_heard()
        each.keep(days=6, hours=13)
        assert "takes no subscriptions for now" in str(each.row().reason)
        assert each.is_heard()
        each.fake.is_down = False  # type: ignore[attr-defined]
        each.keep(hours=7)
        assert (each.row().reason, each.row().expires_at) == (None, each.stage.clock.now() + timedelta(days=10))


@HUB
def test_what_a_hub_denied_is_asked_for_again_later(name: str) -> None:
    with scene(name) as each:
        each.fake.denies = "Restricted topic"  # type: ignore[attr-defined]
        assert each.register().status == "denied"
        each.fake.denies = None  # type: ignore[attr-defined]
        each.keep(days=2)
        assert each.row().status == ACTIVE
        assert each.is_heard()


@pytest.mark.parametrize("name", EVERYBODY)
def test_what_is_given_up_is_gone_on_both_sides(name: str) -> None:
    with scene(name) as each:
        row = each.register()
        each.do(each.subscriber.unregister(row))
        assert on_loop(each.gateway, each.store.subscriptions()) == []
        assert not each.is_heard()


def test_the_older_api_of_x_alone_is_enough_to_be_well() -> None:
    with scene("twitter") as each:
        each.wish = each.site.wish(each.wish.url, events=("account_activity",))
        row = each.register()
        assert (row.status, row.events) == (ACTIVE, ["account_activity"])
        (seen,) = each.do(each.subscriber.look(each.site))
        assert (seen.status, seen.events) == (ACTIVE, ["account_activity"])
        after = each.keep(hours=2)
        assert (after.status, after.events) == (ACTIVE, ["account_activity"])


def test_a_plan_without_the_older_api_of_x_is_no_failure() -> None:
    with scene("twitter") as each:
        each.register()
        _forget_events(each.fake)
        row = next(row for row in each.fake.platform.api.failures if row.code == "client-forbidden")
        each.fake.faults.order(row, "subscribed_accounts")
        assert each.keep(hours=2).status == ACTIVE


@pytest.mark.parametrize("name", ["twitter", "instagram"])
def test_an_address_that_nobody_answers_at_leaves_nothing_behind(name: str) -> None:
    with scene(name) as each:
        each.fake.reach(HOST, "http://127.0.0.1:9")
        with pytest.raises(PlatformError, match="reachable there from"):
            each.register()
        assert on_loop(each.gateway, each.store.subscriptions()) == []
