"""Storms: comments are written, edited and deleted while calls fail and push is away, and polling heals all of it."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from moderation_ai.core.errors import ModerationError
from moderation_ai.core.events import WebhookEvent, finish
from moderation_ai.core.flows import Answer, Flow
from moderation_ai.core.http import Headers
from moderation_ai.core.polling import Feed, Page
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.faults import AFTER_EFFECT, Faults
from moderation_ai.pipeline.clock import ManualClock
from tests.fakes.reader import Reader
from tests.fakes.stage import NOW, PLAYED, Stage

WATCHED = {"reddit": ("breadmakers",), "medium": ("@rye",)}
CALM = 45
"""Polls of each feed after the storm: enough for every look to have come round twice."""
SEEDS = max(2, int(os.environ.get("MODERATION_AI_FUZZ_EXAMPLES", "100")) // 50)
NOT_TOLD = {"deletions": ("medium", "twitter"), "edits": ("tiktok", "twitter")}


class Storm:
    """A fake, its feeds, and everything that came of them; requests go straight to the fake."""

    def __init__(self, name: str, seed: int) -> None:
        self.random = Random(seed)
        self.clock = ManualClock(NOW)
        self.faults = Faults(seed=seed, odds={"fails": 0.08, "lost": 0.05, "limited": 0.04})
        self.fake: Fake = find_fake(name, clock=self.clock, times=1e6, faults=self.faults)
        self.platform = self.fake.platform
        self.feeds = self.platform.feeds(WATCHED.get(name, ()), self.fake.session, 1e6)
        self.cursors: dict[str, str] = {}
        self.due = {feed.key: self.clock.now() for feed in self.feeds}
        self.events: dict[bytes, WebhookEvent] = {}
        self.erased: set[str] = set()
        self.gaps = 0

    def turn(self, seconds: float) -> None:
        """Let time pass, and poll each feed whenever it is due."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while (soonest := min(self.due.values())) <= until:
            self.clock.set(max(soonest, self.clock.now()))
            for feed in self.feeds:
                if self.due[feed.key] <= self.clock.now():
                    self.poll(feed)
        self.clock.set(until)

    def poll(self, feed: Feed) -> None:
        self.due[feed.key] = self.clock.now() + timedelta(seconds=feed.interval)
        for _ in range(100):
            try:
                page = self.drive(
                    self.platform.ask_feed(feed, self.cursors.get(feed.key, ""), self.session, self.clock.now())
                )
            except ModerationError:
                return
            self.keep(page)
            self.cursors[feed.key] = page.cursor
            if not page.more:
                return
        raise AssertionError(f"{feed.key} never comes to an end")

    @property
    def session(self):  # type: ignore[no-untyped-def]
        if self.fake.session.is_due(self.clock.now()):
            self.fake.authorise()
        return self.fake.session

    def drive(self, flow: Flow[Page]) -> Page:
        try:
            request = next(flow)
            while True:
                reply, fault = self.fake.handle(
                    request.method, request.url, Headers.of(dict(request.headers)), request.body
                )
                is_lost = fault in AFTER_EFFECT
                status, body = (503, b"") if is_lost else (reply.status, reply.body)
                fields = Headers.of(dict(reply.headers))
                request = flow.send(Answer(status=status, headers=fields, body=body, received_at=self.clock.now()))
        except StopIteration as end:
            page: Page = end.value
            return page

    def keep(self, page: Page) -> None:
        self.gaps += page.gap
        for fact in page.facts:
            one = finish(fact, platform=self.platform.name, received_at=self.clock.now(), source="poll")
            self.events.setdefault(one.key, one.event)

    def happen(self) -> None:
        """Have somebody do something."""
        there = [each for each in self.fake.things.values() if each.is_there]
        chance = self.random.random()
        if chance < 0.6 or not there:
            tops = [each for each in there if not each.parent_id]
            is_reply = tops and self.platform.name != "medium" and self.random.random() < 0.3
            self.fake.write(f"text {self.random.random()}", parent_id=self.random.choice(tops).id if is_reply else None)
        elif chance < 0.8:
            self.fake.edit(self.random.choice(there).id, f"text {self.random.random()}")
        elif self.platform.name != "medium":
            one = self.random.choice(there)
            gone = [one, *[each for each in there if each.parent_id == one.id]]
            for each in gone:
                self.fake.erase(each.id)
                self.erased.add(each.id)

    def of_type(self, *names: str) -> list[str]:
        return [event.lane.partition(":")[2] for event in self.events.values() if event.event_type in names]


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", PLAYED)
def test_whatever_happens_is_told_and_nothing_else(name: str, seed: int) -> None:
    storm = Storm(name, seed)
    interval = max(feed.interval for feed in storm.feeds)
    storm.turn(interval)
    for _ in range(25):
        for _ in range(storm.random.randrange(3)):
            storm.happen()
            storm.clock.set(storm.clock.now() + timedelta(seconds=storm.random.randrange(1, 4)))
        # A feed of Medium's has ten posts: who asks later than that misses some for ever.
        pauses = [interval / 2, interval] if name == "medium" else [5, interval / 2, interval, 3 * interval]
        storm.turn(storm.random.choice(pauses))
    storm.faults._odds.clear()
    storm.turn(CALM * interval)

    there = {each.id for each in storm.fake.things.values() if each.is_there}
    created = Counter(storm.of_type("comment.created", "post.created", "mention.created"))
    assert there <= set(created), "what exists is in the store"
    if name != "medium":
        assert set(created.values()) <= {1}, "no creation comes twice"
    assert not storm.gaps
    deleted = Counter(storm.of_type("comment.deleted", "post.deleted"))
    assert set(deleted) <= storm.erased, "what exists was never told to be deleted"
    assert set(deleted.values()) <= {1}
    if name not in NOT_TOLD["deletions"]:
        assert set(deleted) == storm.erased & set(created)
    if name not in NOT_TOLD["edits"]:
        shown = [each for each in storm.fake.things.values() if each.is_there]
        texts = {each.id: each.text for each in (shown[-10:] if name == "medium" else shown)}
        last: dict[str, str | None] = {}
        for event in storm.events.values():
            if event.text is not None or event.data.post is not None:
                last[event.lane.partition(":")[2]] = event.text or (event.data.post.title if event.data.post else None)
        assert {each: last[each] for each in texts} == texts, "the newest text is known"
    assert not storm.fake.misunderstood


LONGEST = {"reddit": 10_000, "youtube": 10_000, "instagram": 2200, "tiktok": 150, "twitter": 4000, "medium": 20_000}
"""Letters that a text may have there; each may be four bytes, or twelve where they are escaped."""


@pytest.mark.parametrize("name", PLAYED)
def test_the_longest_texts_find_room_in_the_answers(name: str) -> None:
    with Stage(name).served() as stage:
        reader = Reader(stage, *WATCHED.get(name, ()), spend_cap=100.0)
        for _ in range(100 if name != "medium" else 10):
            stage.fake.write("ж" * LONGEST[name])
        # Looks follow, at as many as are asked for at once.
        for _ in range(4):
            reader.poll(after=300)
        assert len(reader.events) >= (10 if name == "medium" else 20)
        assert max(len(page.cursor) for page in reader.pages) < 200_000
