"""What the sending client notes, and what a fresh process finds in the store afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from moderation_ai.cli.demo.client import Reply
from moderation_ai.cli.demo.traffic import Post
from moderation_ai.core.errors import ModerationError


class Notes:
    """Every request's fate as its sender saw it; what is acknowledged here must be in the store."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self.sent = 0
        self.rejected = 0
        self.unanswered = 0
        self.accepted = 0
        self.ignored = 0
        self.duplicates = 0
        self.wrong: list[str] = []
        self.acknowledged: set[str] = set()
        self.platforms: Counter[str] = Counter()
        self._seconds: list[float] = []

    def note(self, post: Post, reply: Reply) -> None:
        """Write down what became of a request, counted in events."""
        self.sent += max(1, len(post.event_ids) + post.ignored)
        if reply.status == 0:
            self.unanswered += 1
        elif reply.status == 200 and not post.forged:
            self._acknowledge(post, reply)
        elif post.forged and (400 <= reply.status < 500 or _is_silent(reply)):
            self.rejected += 1
        else:
            what = "a forgery" if post.forged else "a request"
            self.wrong.append(f"{what} for {post.platform} was answered {reply.status}: {reply.body[:200]!r}")

    def _acknowledge(self, post: Post, reply: Reply) -> None:
        fresh = set(post.event_ids) - self.acknowledged
        self.acknowledged |= fresh
        self.accepted += len(post.event_ids) + post.ignored
        self.duplicates += len(post.event_ids) - len(fresh)
        self.ignored += post.ignored
        self.platforms[post.platform] += len(post.event_ids) + post.ignored
        self._seconds.append(reply.seconds)

    def milliseconds(self, share: float) -> float:
        """Return the answer time that ``share`` of the acknowledgements stayed below, in milliseconds."""
        if not self._seconds:
            return 0.0
        ordered = sorted(self._seconds)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def _is_silent(reply: Reply) -> bool:
    """Say whether a forgery was acknowledged and ignored, as WebSub wants it: what is stored is told of in the body."""
    return reply.status == 200 and not reply.body


def read_store(url: str, after_seq: int) -> dict[str, str]:
    """Return the ids and statuses of the events that were stored after ``after_seq``, read by a fresh process."""
    command = [sys.executable, "-m", "moderation_ai.cli.demo.reading", str(after_seq)]
    environment = {**os.environ, "MODERATION_AI_STORE__URL": url}  # A password must not stand in a list of processes.
    done = subprocess.run(command, capture_output=True, env=environment, check=False)  # noqa: S603  # our own
    if done.returncode != 0:
        raise ModerationError(f"the store could not be read: {done.stderr.decode(errors='replace')[-800:]}")
    return dict(msgspec.json.decode(line, type=tuple[str, str]) for line in done.stdout.splitlines())


def summarise(notes: Notes, stored: dict[str, str], settled: dict[str, str]) -> dict[str, Any]:
    """Return the demo's last line.

    ``stored`` is what a fresh process found after the kill, ``settled`` what it found once the rest was handled.
    ``accepted = stored + duplicates + ignored + lost``, all counted in events.
    """
    found = notes.acknowledged & stored.keys()
    statuses = Counter(settled.values())
    return {
        "sent": notes.sent,
        "accepted": notes.accepted,
        "rejected": notes.rejected,
        "duplicates": notes.duplicates,
        "ignored": notes.ignored,
        "stored": len(found),
        "handled": statuses["done"] + statuses["superseded"] + statuses["unhandled"],
        "superseded": statuses["superseded"],
        "dead": statuses["dead"],
        "lost": len(notes.acknowledged) - len(found),
        "unanswered": notes.unanswered,
        "stored_unanswered": len(stored) - len(found),
        "wrong": len(notes.wrong),
        "p50_ms": notes.milliseconds(0.50),
        "p99_ms": notes.milliseconds(0.99),
        "platforms": dict(sorted(notes.platforms.items())),
    }


def pending(statuses: Iterable[str]) -> int:
    """Return how many of ``statuses`` are still pending."""
    return sum(status == "pending" for status in statuses)
