"""Reading a fake's feeds as a poller does: over HTTP, page by page, each fact once, on a clock that a test turns."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from moderation_ai.core.events import Fact, WebhookEvent, finish
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Request
from moderation_ai.core.polling import Feed, Page
from tests.fakes.stage import Stage

TURNS = 60


def only(events: list[WebhookEvent]) -> WebhookEvent:
    (event,) = events
    return event


def write_some(stage: Stage, count: int, **fields: object) -> list[str]:
    """Have somebody write comments, a second between each two; return their ids."""
    ids = []
    for number in range(count):
        stage.clock.set(stage.clock.now() + timedelta(seconds=1))
        ids.append(stage.fake.write(f"{number}", **fields).id)
    return ids


class Reader:
    """Keep the cursors of a fake's feeds, and the events that came of them; tokens are renewed when they end."""

    renews = True

    def __init__(self, stage: Stage, *watched: str, spend_cap: float = 0.0, session: Session | None = None) -> None:
        self.stage = stage
        self.platform = stage.fake.platform
        self.session = session or stage.fake.session
        self.feeds = self.platform.feeds(watched, self.session, spend_cap)
        self.cursors: dict[str, str] = {}
        self.keys: set[bytes] = set()
        self.events: list[WebhookEvent] = []
        self.pages: list[Page] = []

    def feed(self, name: str) -> Feed:
        return next(feed for feed in self.feeds if feed.name == name)

    def poll(self, *names: str, after: float = 0.0) -> list[WebhookEvent]:
        """Turn the clock on by ``after`` seconds, poll the feeds of these names (or all), and return what is new."""
        self.stage.clock.set(self.stage.clock.now() + timedelta(seconds=after))
        found = [event for feed in self.feeds if feed.name in (names or (feed.name,)) for event in self._read(feed)]
        self.events += found
        return found

    def told(self, *names: str, after: float = 0.0) -> list[tuple[str, str]]:
        """Poll, and return the type and object of what is new."""
        return [(event.event_type, event.lane.partition(":")[2]) for event in self.poll(*names, after=after)]

    def _read(self, feed: Feed) -> list[WebhookEvent]:
        found: list[WebhookEvent] = []
        for _ in range(TURNS):
            page = self.ask(feed)
            self.cursors[feed.key] = page.cursor
            self.pages.append(page)
            self._check_kept(page)
            found += [event for fact in page.facts if (event := self.keep(fact)) is not None]
            if not page.more:
                return found
        raise AssertionError(f"the feed {feed.key} never comes to an end")

    def _check_kept(self, page: Page) -> None:
        """What is kept of a page tells of all that was written."""
        written = {fact.object_id for fact in page.facts if fact.event_type in ("comment.created", "post.created")}
        if written:
            kept = self.platform.read_page(page.body, self.stage.clock.now()).facts
            assert written <= {fact.object_id for fact in kept}

    def ask(self, feed: Feed) -> Page:
        if self.renews and self.session.is_due(self.stage.clock.now()):
            self.stage.fake.authorise()
            self.session = replace(self.stage.fake.session, account_id=self.session.account_id)
        return self.stage.drive(
            self.platform.ask_feed(feed, self.cursors.get(feed.key, ""), self.session, self.stage.clock.now())
        )

    def keep(self, fact: Fact, source: str = "poll") -> WebhookEvent | None:
        """Return the event of a fact, or None for a repeat of what came by whatever road."""
        # A feed of posts shows how they are: whether one is new is seen later.
        assert source == "webhook" or fact.event_type in (*self.platform.polls_for, "unknown")
        one = finish(fact, platform=self.platform.name, received_at=self.stage.clock.now(), source=source)
        if one.key in self.keys:
            return None
        self.keys.add(one.key)
        return one.event

    def receive(self) -> list[WebhookEvent]:
        """Return the events of all webhooks that the fake has sent, those that are new."""
        found = []
        for delivery in self.stage.fake.postman.waiting():
            request = Request(body=delivery.body, received_at=self.stage.clock.now())
            found += [self.keep(fact, "webhook") for fact in self.platform.parse(request).facts]
        return [event for event in found if event is not None]
