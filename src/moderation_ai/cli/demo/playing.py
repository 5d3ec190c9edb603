"""The demo's stage: platforms that are played on this machine, where comments are written, and what becomes of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib.resources import files

import msgspec

from moderation_ai.cli.demo.noting import share_of
from moderation_ai.core.acts import HIDDEN, REMOVED
from moderation_ai.fakes import Fake, fake_names, find_fake
from moderation_ai.fakes.postman import Delivered
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.platforms import find_platform
from moderation_ai.policy.files import parse_policy

POLICY = files("moderation_ai.cli.demo").joinpath("policy.yaml")
STAND_INS = "MODERATION_DEMO_STAND_INS"
"""The variable that tells the demo's own handlers where the fakes are; nothing else reads it."""
RAISED = 1000
"""How many times the documented limits hold on the stage: a demo does not wait for a quarter of an hour."""
AT_ONCE = 4
"""Webhooks of one platform that are on their way at the same time."""
BAD = (
    "Get FREE followers now, link in my bio",
    "Double your bitcoin in a week, guaranteed profit",
    "Buy followers here, cheap and fast",
    "You are all idiots",
)
_GOOD = ("Lovely bread!", "Do you ship to Graz?", "A little too salty for me.", "Which flour is this?", "Thank you!")


class Hiding(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the comments that the policy hides are hidden on their platform, how many not, and how fast."""

    hidden: int = 0
    missed: int = 0
    time_to_hide_p50_ms: float = 0.0
    time_to_hide_p99_ms: float = 0.0


class Playing:
    """The fakes, being served. Comments are written there, and their webhooks go to a gateway."""

    def __init__(self, keys: Mapping[str, str], *, seed: int, serial: int, times: int = RAISED) -> None:
        """Make a fake of every platform that can hide; ``keys`` are the secrets that webhooks are signed with.

        ``times`` is how many times the documented limits hold, there and for the gateway.
        """
        self.times = times
        names = [name for name in fake_names() if name in keys and "hide" in find_platform(name).actions]
        self.fakes = [find_fake(name, times=times, secret=keys[name], serial=serial) for name in names]
        self.stand_ins: dict[str, str] = {}
        self._random = random.Random(seed)  # noqa: S311  # comments, not secrets
        self._policy = StandardsEngine(parse_policy(POLICY.read_text(encoding="utf-8"), name="policy.yaml"))
        self._bad: list[tuple[Fake, str]] = []
        self._times: list[float] = []
        self._taken: dict[str, int] = {}

    @contextmanager
    def served(self) -> Iterator[Playing]:
        """Serve the fakes within the block."""
        with ExitStack() as stack:
            for fake in self.fakes:
                self.stand_ins |= stack.enter_context(fake.serve()).stand_ins
            yield self
            for fake in self.fakes:
                fake.postman.stop()

    def settings(self) -> dict[str, str]:
        """Return what a gateway is set to that acts there, as environment variables."""
        found = {"MODERATION_AI_POLICY__FILE": str(POLICY), STAND_INS: msgspec.json.encode(self.stand_ins).decode()}
        for fake in self.fakes:
            # TikTok asks for the account's id with every call, and a named account has one.
            account = f"MODERATION_AI_PLATFORMS__{fake.name.upper()}__ACCOUNTS__DEMO"
            found |= {f"{account}__ID": fake.account, f"{account}__ACCESS_TOKEN": fake.session.access_token}
            found[f"MODERATION_AI_PLATFORMS__{fake.name.upper()}__LIMITS_FACTOR"] = str(self.times)
        return found

    def push(self, port: int) -> None:
        """Send the webhooks to a gateway, from now on, and once more those that nobody took."""
        for fake in self.fakes:
            fake.postman.start(f"http://127.0.0.1:{port}/webhook/{fake.name}", at_once=AT_ONCE)
            fake.postman.again()

    def write(self, count: int, share: float = 0.5) -> None:
        """Have comments written; that ``share`` of them breaks the policy."""
        for _ in range(count):
            fake = self._random.choice(self.fakes)
            text = self._random.choice(BAD if self._random.random() < share else _GOOD)
            thing = fake.write(text)
            if self._policy.decide(text).action == "hide":
                self._bad.append((fake, thing.id))

    def settle(self) -> None:
        """Return when all webhooks that are due were sent."""
        for fake in self.fakes:
            fake.postman.settle()

    def take_sent(self) -> Iterator[tuple[Fake, Delivered]]:
        """Return the webhooks that were sent since the last time, each with its fake."""
        for fake in self.fakes:
            taken = self._taken.get(fake.name, 0)
            new = fake.postman.sent[taken:]
            self._taken[fake.name] = taken + len(new)
            yield from ((fake, each) for each in new)

    @property
    def written(self) -> int:
        """Return how many comments there are that the policy hides."""
        return len(self._bad)

    @property
    def missed(self) -> int:
        """Return how many of them are not hidden."""
        return sum(fake.state_of(thing_id) not in (HIDDEN, REMOVED) for fake, thing_id in self._bad)

    def take_times(self) -> None:
        """Take the times of what is hidden by now: what waits for a gateway that was killed is not measured."""
        self._times = sorted(times_to_hide(self.fakes))

    def summary(self) -> Hiding:
        """Return how it stands."""
        return Hiding(
            hidden=self.written - self.missed,
            missed=self.missed,
            time_to_hide_p50_ms=share_of(self._times, 0.50),
            time_to_hide_p99_ms=share_of(self._times, 0.99),
        )


def times_to_hide(fakes: Iterable[Fake], since: datetime | None = None) -> list[float]:
    """Return the seconds from when each comment was written (``since`` then) until the call came that hid it."""
    found = []
    for fake in fakes:
        for effect in list(fake.effects):
            thing = fake.things.get(effect.object_id)
            if thing is None or not effect.changed or thing.state not in (HIDDEN, REMOVED):
                continue
            if since is None or thing.created_at >= since:
                found.append((effect.at - thing.created_at).total_seconds())
    return found
