"""Shelves: feeds whose comments stand below several media or videos, each of them a list of its own, newest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from math import inf

import msgspec

from moderation_ai.core.events import Fact
from moderation_ai.core.trails import SAME_POLL, Aspect, Item, Trail

MAX_SHELVES = 500
"""Media or videos of one feed that are remembered, the first that are shown: lists of platforms show a hundred."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one page of a shelf tells: facts of what is there, ids of what two reads missed, whether there is a gap."""

    told: list[Fact]
    gone: list[str]
    gap: bool = False


class ShelfTrail(Trail, kw_only=True, omit_defaults=True):
    """What is remembered of an account's shelves.

    ``counts`` holds how many comments each had when it was read last. ``todo`` are those to be read in the poll under
    way, which asked last at ``polled``, with the counts that they have now (``planned``); ``stuck`` is one that could
    not be read. ``edge`` is the time of the oldest comment on the page before. ``lows`` is the oldest time that the
    first reading of a shelf showed, where more lay below: that is not ours to judge. ``turn`` is whose turn it is to be
    read though nothing seems to have changed.
    """

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    todo: list[str] = msgspec.field(default_factory=list)
    planned: dict[str, int] = msgspec.field(default_factory=dict)
    lows: dict[str, float] = msgspec.field(default_factory=dict)
    stuck: str = ""
    edge: float = 0.0
    turn: int = 0
    polled: float = 0.0

    def begins(self, now: datetime) -> bool:
        """Say whether a poll begins here; what an earlier one left undone is asked for anew then."""
        goes_on = bool(self.todo) and 0 <= now.timestamp() - self.polled <= SAME_POLL
        self.polled = now.timestamp()
        if not goes_on:
            self.stuck = self.todo[0] if self.todo else ""
            self.todo, self.after, self.edge, self.pages = [], "", 0.0, 0
        return not goes_on

    def plan(self, counts: Mapping[str, int]) -> None:
        """Plan to read the shelves with another count than they had, those that something was missing on, and one more.

        Nothing tells of an edit, of hiding, or of a deletion that a new comment made up for: so each poll reads one
        shelf more, by turns. What could not be read the last time comes last.
        """
        counts = dict(islice(counts.items(), MAX_SHELVES))
        missed = {place_of(self.seen[each])[0] for each in self.missing if each in self.seen}
        chosen = [each for each, count in counts.items() if count != self.counts.get(each, 0) or each in missed]
        filled = [each for each, count in counts.items() if count]
        if filled:
            self.turn = (self.turn + 1) % len(filled)
            chosen += [each for each in [filled[self.turn]] if each not in chosen]
        self.todo = sorted(chosen, key=self.stuck.__eq__)
        self.planned = {each: counts[each] for each in chosen}
        self.counts = {each: count for each, count in self.counts.items() if each in counts}
        self.lows = {each: low for each, low in self.lows.items() if each in counts}
        if not self.todo:
            self._finish()

    def read(
        self, items: Sequence[Item], after: str | None, whole: Collection[str], *, overlap: timedelta, pages: int
    ) -> Found:
        """Return what a page of the first shelf in ``todo`` tells, and note what is next: there is more while ``todo``.

        ``after`` is where its next page is, ``whole`` names the comments of which all replies are shown. A shelf is
        read down to what is older than all that a whole poll ever showed, less ``overlap``, at most ``pages`` pages.
        """
        shelf = self.todo[0]
        is_first = shelf not in self.lows
        # A page may be short, or empty, and more follow.
        oldest = min((_seconds(item) for item in items if not place_of(item.state)[1]), default=self.edge or inf)
        gone = self.settle(self._expected(shelf, oldest if after else -1.0, whole, items), {each.id for each in items})
        told = self.take([item for item in items if self._is_ours(item, shelf)])
        self.top = max([self.top, *map(_seconds, items)])
        self.pages += 1
        is_reached = oldest < self.high - overlap.total_seconds()
        if after and not is_reached and not self.is_new and self.pages < pages:
            self.after, self.edge = after, oldest if oldest < inf else 0.0
            return Found(told=told, gone=gone)
        if is_first:
            self.lows[shelf] = oldest if after and oldest < inf else 0.0
        self.leave()
        return Found(told=told, gone=gone, gap=bool(after) and not is_reached and not is_first)

    def leave(self) -> None:
        """Go on to the next shelf, and end the poll behind the last."""
        shelf = self.todo.pop(0)
        self.counts[shelf] = self.planned.pop(shelf, 0)
        self.after, self.edge, self.pages = "", 0.0, 0
        if not self.todo:
            self._finish()

    def _finish(self) -> None:
        self.high, self.top = max(self.high, self.top, 1.0), 0.0

    def _is_ours(self, item: Item, shelf: str) -> bool:
        return item.id in self.seen or item.when is None or _seconds(item) >= self.lows.get(shelf, 0.0)

    def _expected(self, shelf: str, oldest: float, whole: Collection[str], items: Sequence[Item]) -> list[str]:
        """Return the ids that were seen on ``shelf`` and would stand on a page that goes down to ``oldest``."""
        there = {item.id for item in items}
        tops, replies = [], []
        for each, state in self.seen.items():
            place, parent, when = place_of(state)
            if place != shelf:
                continue
            if parent:
                replies.append((each, parent))
            elif when > oldest and (not self.edge or when < self.edge):
                tops.append(each)
        lost = set(tops) - there
        return tops + [each for each, parent in replies if parent in whole or parent in lost]


def place(shelf: str, parent: str | None, when: datetime | None) -> Aspect:
    """Return the side of an object's state that says where it stands and since when; it never changes."""
    return Aspect(state=f"{shelf}/{parent or ''}@{int(when.timestamp()) if when else 0}".replace(" ", ""))


def place_of(state: str) -> tuple[str, str, float]:
    """Return shelf, parent and time of an object's state."""
    where, _, when = state.rpartition(" ")[2].rpartition("@")
    shelf, _, parent = where.partition("/")
    return shelf, parent, float(when) if when.isdigit() and when.isascii() else 0.0


def _seconds(item: Item) -> float:
    return item.when.timestamp() if item.when else 0.0
