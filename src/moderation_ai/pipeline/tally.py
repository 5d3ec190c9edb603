"""What this process has counted since it began: requests by their fate, matched secrets, handlers' runs."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime

from moderation_ai.pipeline.rhythm import Rhythm

OTHER = "other"
"""Stands for platforms that a sender made up: what strangers write must not grow a table."""


_NAMED = 200
"""How many labels that senders choose are told apart."""
_HEARD, _LONGEST = 2000, 300
"""How many accounts and topics are told apart, and how long a topic's name is at most."""


class Recent:
    """When something happened of late; the newest thousand times are kept."""

    def __init__(self) -> None:
        """Begin with none."""
        self._times: deque[datetime] = deque(maxlen=1000)

    def add(self, when: datetime) -> None:
        """Keep a time."""
        self._times.append(when)

    def since(self, when: datetime) -> int:
        """Return how many times are not before ``when``."""
        return sum(time >= when for time in self._times.copy())


class Tally:
    """Count by bounded labels; read by ``/metrics``, health and the demo. ``began_at`` is when counting began."""

    def __init__(self, began_at: datetime | None = None) -> None:
        """Begin at zero."""
        self.began_at = began_at
        self.accepted: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.ignored: Counter[tuple[str, str]] = Counter()
        self.rejected: Counter[tuple[str, str]] = Counter()
        self.matched: Counter[tuple[str, int | str]] = Counter()
        self.subscribed: Counter[tuple[str, str]] = Counter()
        self.polled: Counter[tuple[str, str]] = Counter()
        self.polls_failed: Counter[tuple[str, str]] = Counter()
        self.not_assessed: Counter[str] = Counter()
        self.busy = 0
        self.runs: Counter[tuple[str, str]] = Counter()
        self.unhandled: Counter[str] = Counter()
        self.last_received: dict[str, datetime] = {}
        self.last_verified: dict[str, datetime] = {}
        self.heard: dict[tuple[str, str, str], datetime] = {}
        """When something came last, by platform, account and topic: of which each may be empty."""
        self.rhythms: defaultdict[str, Rhythm] = defaultdict(Rhythm)
        self.stale = Recent()
        self.turned_away = Recent()
        self.mismatched: defaultdict[str, Recent] = defaultdict(Recent)

    def accept(self, platform: str, new: int, duplicates: int, now: datetime) -> None:
        """Count what became of a delivery's events."""
        self.accepted[platform] += new
        if duplicates:
            self.duplicates[platform] += duplicates
        self.last_received[platform] = now
        self.rhythms[platform].hear(now)

    def hear(self, platform: str, accounts: Iterable[str | None], topic: str, now: datetime) -> None:
        """Note when something came of which accounts and topic; at most so many of them."""
        for account in accounts:
            key = (platform, account or "", topic[:_LONGEST])
            if key in self.heard or len(self.heard) < _HEARD:
                self.heard[key] = now

    def poll(self, platform: str, new: int, duplicates: int) -> None:
        """Count a page that was polled, and what became of its events."""
        self.polled[platform, "pages"] += 1
        self.polled[platform, "new"] += new
        self.polled[platform, "known"] += duplicates

    def fail_poll(self, platform: str, reason: str) -> None:
        """Count a poll that brought nothing, by the class of its error."""
        self.polls_failed[platform, reason] += 1

    def ignore(self, platform: str, kinds: list[str]) -> None:
        """Count kinds that we have no use for; at most 200 of them by name."""
        for kind in kinds:
            label = (platform, kind[:60])
            known = label in self.ignored or len(self.ignored) < _NAMED
            self.ignored[label if known else (platform, OTHER)] += 1

    def match(self, platform: str, secret: int, when: datetime, *, account: str = "") -> None:
        """Count an authentic request by the secret that fitted, 0 = newest; of an account with secrets of its own too.

        The secrets of an account are told apart from the platform's: an old one of either must show by itself.
        """
        self.matched[platform, f"{account}:{secret}" if account else secret] += 1
        self.last_verified[platform] = when

    def reject(self, platform: str, reason: str, when: datetime | None = None) -> None:
        """Count a refused request by the class of its error; ``when`` it came matters for signatures alone."""
        self.rejected[platform, reason] += 1
        if when is not None and reason == "StaleTimestamp":
            self.stale.add(when)
        elif when is not None and reason == "InvalidSignature":
            self.mismatched[platform].add(when)

    def turn_away(self, when: datetime) -> None:
        """Count a request that was answered 503 because the store could not take it."""
        self.busy += 1
        self.turned_away.add(when)

    def leave(self, event_type: str) -> None:
        """Count an event that no handler takes; at most 200 types by name."""
        known = event_type in self.unhandled or len(self.unhandled) < _NAMED
        self.unhandled[event_type[:60] if known else OTHER] += 1

    def lack_text(self, platform: str) -> None:
        """Count a comment whose text could not be had; at most 200 platforms by name, for a bridge may name any."""
        known = platform in self.not_assessed or len(self.not_assessed) < _NAMED
        self.not_assessed[platform if known else OTHER] += 1

    def run(self, handler: str, state: str) -> None:
        """Count a handler's run by what came of it."""
        self.runs[handler, state] += 1
