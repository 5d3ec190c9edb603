"""Scenarios in which the gateway is a process that is killed, and another one goes on with its store."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from moderation_ai.core.http import Headers
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.app import serve_fake
from moderation_ai.fakes.replies import Reply
from moderation_ai.fakes.things import Thing
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import LedgerFilter
from moderation_ai.stores.opening import open_store
from tests.acting.child import Orders
from tests.acting.clocks import FastClock
from tests.acting.holding import check
from tests.acting.plans import Death, Plan
from tests.proofs.children import Forked, Nursery

SPEED = 60.0
"""Seconds that go by in each second of the machine: two seconds until a retry are a thirtieth."""
LONGEST = 120.0
_START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class Watched:
    """A fake that kills who calls it at the chosen call, before or after it has its effect."""

    def __init__(self, fake: Fake) -> None:
        """Kill nobody yet."""
        self.fake = fake
        self.death = Death()
        self.pid = 0
        self._heard = 0

    def watch(self, pid: int, death: Death) -> None:
        """Count the calls of a new process."""
        self.pid, self.death, self._heard = pid, death, 0

    def handle(self, method: str, url: str, headers: Headers, body: bytes) -> tuple[Reply, str | None]:
        """Answer, and kill in the middle."""
        self._heard += 1
        is_it = self._heard == self.death.call
        if is_it and not self.death.after_effect:
            self._kill()
        answer = self.fake.handle(method, url, headers, body)
        if is_it and self.death.after_effect:
            self._kill()
        return answer

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Killing:
    """One scenario while it runs; ``killed`` says at which step each gateway died."""

    def __init__(self, nursery: Nursery, folder: Path, url: str, plan: Plan, deaths: Sequence[Death]) -> None:
        """Keep the parts."""
        self.nursery, self.folder, self.url, self.plan = nursery, folder, url, plan
        self.deaths = [*deaths, Death()]
        self.clock = FastClock.beginning(_START, SPEED)
        self.fake = find_fake(plan.platform, clock=self.clock, times=1000, faults=plan.faults())
        self.watched = Watched(self.fake)
        self.things: list[Thing] = []
        self.killed: list[str] = []
        self.child: Forked | None = None

    async def run(self) -> None:
        """Play it to its end; raise ``AssertionError`` if that is not as it must be."""
        store = open_store(self.url)
        await store.open()
        with serve_fake(self.watched, self.fake.platform.hosts) as served:
            self._begin(served.stand_ins)
            self._write()
            try:
                async with asyncio.timeout(LONGEST):
                    await self._until_over(store, served.stand_ins)
                await check(self.fake, store, self.things)
            except TimeoutError as error:
                raise AssertionError(f"it did not come to an end: {await self._state(store)}") from error
            finally:
                await asyncio.to_thread(self.fake.postman.stop)
                if self.child is not None:
                    self.child.kill()
                await store.close()

    def _begin(self, stand_ins: dict[str, str]) -> None:
        """Start a gateway that will die as the next of the deaths says, and send the webhooks there."""
        death = self.deaths.pop(0)
        orders = Orders(
            store_url=self.url,
            platform=self.fake.name,
            secret=self.fake.secret,
            session=self.fake.session,
            stand_ins=stand_ins,
            start=self.clock.start,
            began=self.clock.began,
            speed=self.clock.speed,
            last_step=death.step,
            by_policy=self.plan.by_policy,
            written=str(self._steps),
        )
        self._steps.write_text("")
        self.child = self.nursery.fork(msgspec.json.encode(orders).decode())
        self.watched.watch(self.child.pid, death)
        self.fake.postman.start(f"http://127.0.0.1:{self.child.port}/webhook/{self.fake.name}")
        self.fake.postman.again()

    @property
    def _steps(self) -> Path:
        return self.folder / f"steps-{self.plan.seed}.txt"

    def _write(self) -> None:
        self.fake.faults.order(self.plan.first, self.fake.platform.capabilities["hide"].call)
        for number, wish in enumerate(self.plan.wishes):
            author = {"author_id": f"u{number}", "author_username": f"user_{number}"}
            self.things.append(self.fake.write(f"{wish} {number}", **author))

    async def _until_over(self, store: Store, stand_ins: dict[str, str]) -> None:
        while True:
            await asyncio.sleep(0.01)
            if self.child is not None and not _lives(self.child.pid):
                steps = self._steps.read_text().split("\n")
                self.killed.append(steps[-2] if len(steps) > 1 else "its start")
                await asyncio.to_thread(self._begin, stand_ins)
            elif await self._is_over(store):
                return

    async def _state(self, store: Store) -> str:
        """Return what keeps it from its end."""
        counts, actions = await store.counts(), await store.actions(LedgerFilter(state="open"), limit=20)
        lives = self.child is not None and _lives(self.child.pid)
        open_ones = [(each.action, each.tries, each.due_at, each.is_sending, each.reason) for each in actions]
        paused = [(each.paused_until, each.reason) for each in await store.outboxes()]
        workers = await store.workers(), await store.actors()
        now = self.clock.now()
        return f"{now:%H:%M:%S}, lives={lives}, {counts.by_status}, {open_ones}, {paused}, {workers}, {self.killed}"

    async def _is_over(self, store: Store) -> bool:
        postman = self.fake.postman
        await asyncio.to_thread(postman.settle)
        postman.release()
        if postman.again():
            return False
        stored = await store.counts()
        is_idle = not any(box.open for box in await store.outboxes())
        return is_idle and stored.total >= len(self.things) and not stored.by_status.get("pending")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
