"""What this process has counted since it began: requests by their fate, matched secrets, handlers' runs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

OTHER = "other"
"""Stands for platforms that a sender made up: what strangers write must not grow a table."""


class Tally:
    """Count by bounded labels; read by ``/metrics``, health and the demo."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.accepted: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.ignored: Counter[tuple[str, str]] = Counter()
        self.rejected: Counter[tuple[str, str]] = Counter()
        self.matched: Counter[tuple[str, int]] = Counter()
        self.subscribed: Counter[tuple[str, str]] = Counter()
        self.busy = 0
        self.runs: Counter[tuple[str, str]] = Counter()
        self.last_received: dict[str, datetime] = {}

    def accept(self, platform: str, new: int, duplicates: int, now: datetime) -> None:
        """Count what became of a delivery's events."""
        self.accepted[platform] += new
        if duplicates:
            self.duplicates[platform] += duplicates
        self.last_received[platform] = now

    def ignore(self, platform: str, kinds: list[str]) -> None:
        """Count kinds that we have no use for; at most 200 of them by name."""
        for kind in kinds:
            label = (platform, kind[:60])
            known = label in self.ignored or len(self.ignored) < 200
            self.ignored[label if known else (platform, OTHER)] += 1

    def reject(self, platform: str, reason: str) -> None:
        """Count a refused request by the class of its error."""
        self.rejected[platform, reason] += 1

    def run(self, handler: str, state: str) -> None:
        """Count a handler's run by what came of it."""
        self.runs[handler, state] += 1
