"""What the sending client notes, and what a fresh process finds in the store afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from moderation_ai.cli.demo.client import Reply
from moderation_ai.cli.demo.traffic import Post
from moderation_ai.core.errors import ModerationError


class PlatformNotes:
    """What became of one platform's requests, counted in events; ``acknowledged`` are ids that must be in the store."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self.accepted = 0
        self.duplicates = 0
        self.ignored = 0
        self.rejected = 0
        self.unanswered = 0
        self.wrong = 0
        self.acknowledged: set[str] = set()

    @property
    def sent(self) -> int:
        """Return how many events were sent: each was accepted, rejected, unanswered or wrongly answered."""
        return self.accepted + self.rejected + self.unanswered + self.wrong

    def acknowledge(self, post: Post) -> None:
        """Count a request that was answered 200."""
        fresh = set(post.event_ids) - self.acknowledged
        self.acknowledged |= fresh
        self.accepted += post.size
        self.duplicates += len(post.event_ids) - len(fresh)
        self.ignored += post.size - len(post.event_ids)


class Notes:
    """Every request's fate as its sender saw it, by platform."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self.platforms: defaultdict[str, PlatformNotes] = defaultdict(PlatformNotes)
        self.wrong: list[str] = []
        self._seconds: list[float] = []

    def note(self, post: Post, reply: Reply) -> None:
        """Write down what became of a request."""
        noted = self.platforms[post.platform]
        if reply.status == 0:
            noted.unanswered += post.size
        elif reply.status == 200 and not post.forged:
            noted.acknowledge(post)
            if reply.seconds:
                self._seconds.append(reply.seconds)
        elif post.forged and (400 <= reply.status < 500 or _is_silent(reply)):
            noted.rejected += post.size
        else:
            noted.wrong += post.size
            what = "a forgery" if post.forged else "a request"
            self.wrong.append(f"{what} for {post.platform} was answered {reply.status}: {reply.body[:200]!r}")

    def total(self, name: str) -> int:
        """Return a count over all platforms, such as ``accepted``."""
        return sum(getattr(noted, name) for noted in self.platforms.values())

    def milliseconds(self, share: float) -> float:
        """Return the answer time that ``share`` of the acknowledgements stayed below, in milliseconds."""
        return share_of(sorted(self._seconds), share)

    def acknowledged(self) -> set[str]:
        """Return the ids of all events that were acknowledged."""
        return {each for noted in self.platforms.values() for each in noted.acknowledged}


def share_of(ordered: Sequence[float], share: float) -> float:
    """Return the milliseconds that ``share`` of these seconds stay below; 0 where there are none."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3) if ordered else 0.0


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


def pending(statuses: Iterable[str]) -> int:
    """Return how many of ``statuses`` are still pending."""
    return sum(status == "pending" for status in statuses)
