"""Trails: what the polls of one feed leave for the next: how far they came, what they saw, what they missed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import TypeVar

import msgspec

from moderation_ai.core.events import Fact

MAX_SEEN = 2000
"""Objects whose state one feed remembers. What is older has not changed for long, or changes unseen."""
MAX_PAGES = 10
"""Pages of one walk; what they do not reach is told as a gap."""
SAME_POLL = 9.0
"""Seconds within which a look follows the page that asked for it: less than the shortest interval."""


class Aspect(msgspec.Struct, frozen=True, kw_only=True):
    """One side of an object's state (its text, whether it is hidden), and the fact that tells of a change of it.

    ``stands_out`` says that the fact is told of an object that was never seen, too: it was edited or hidden before.
    """

    state: str
    fact: Fact | None = None
    stands_out: bool = False


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An object on a page: its id, when it was written, the fact of its creation, and the sides of its state."""

    id: str
    when: datetime | None = None
    fact: Fact | None = None
    aspects: tuple[Aspect, ...] = ()

    @property
    def state(self) -> str:
        """Return the whole state as one text."""
        return " ".join(aspect.state for aspect in self.aspects)


class Trail(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is remembered of one feed; a platform's own kind of trail adds what only it needs.

    ``high`` is the newest time (Unix seconds) that a whole walk from the newest object down has shown, ``low`` the
    oldest of the first poll, and ``top`` the newest of the walk under way, which goes on at ``after`` and has read
    ``pages``; ``met`` says that it came upon what had been seen. ``seen`` holds the last state of each object, the
    longest unseen first; ``missing`` the objects that one look did not find. ``looked`` is when a look was last due,
    and ``turns`` where in ``seen`` each kind of look goes on. ``changes`` counts those that carry no time of their own,
    so that no two of them are one.
    """

    high: float = 0.0
    low: float = 0.0
    top: float = 0.0
    after: str = ""
    pages: int = 0
    met: bool = False
    doubted: bool = False
    seen: dict[str, str] = {}
    missing: list[str] = []
    looked: float = 0.0
    looks: bool = False
    turns: dict[str, int] = {}
    changes: int = 0

    @property
    def is_new(self) -> bool:
        """Say whether this feed was never walked to its end."""
        return self.high == 0.0

    def to_text(self) -> str:
        """Return the trail as a cursor's text."""
        return msgspec.json.encode(self).decode()

    # --- walking from the newest object down ---

    def walk(
        self,
        items: Sequence[Item],
        after: str | None,
        *,
        overlap: timedelta = timedelta(),
        pages: int = MAX_PAGES,
        whole: bool = False,
    ) -> tuple[bool, bool]:
        """Return whether the walk goes on behind this page of ``items``, and whether it ends with a gap.

        Call it before ``take``. ``after`` is where the platform says that the next page is. A walk ends at what was
        seen before and is older than all that a walk ever showed, less ``overlap``: platforms show things late. One
        that is ``whole`` is read to its end, for it has another order. The first poll of a feed takes one page: what
        had been written before is not ours to judge. A gap is what lies below the last of ``pages`` where nothing on
        them had been seen.
        """
        if not items and self.after and not self.doubted:
            # The page that was promised is empty: what it was to follow is gone, and nobody says where to go on.
            self.doubted, self.after, self.pages, self.met = True, "", 0, False
            return False, False
        self.pages += 1
        self.met = self.met or any(item.id in self.seen for item in items)
        self.top = max([self.top, *map(_age, items)])
        oldest = min((_age(item) for item in items if item.when), default=0.0)
        is_reached = self.met and (oldest < self.high - overlap.total_seconds() or oldest < self.low) and not whole
        if after and not self.is_new and not is_reached and self.pages < pages:
            self.after = after
            return True, False
        has_gap = self.pages >= pages and not self.met and not self.is_new
        self._end(0.0 if whole else oldest)
        return False, has_gap

    def _end(self, oldest: float) -> None:
        self.low = oldest if self.is_new else self.low
        self.high = max(self.high, self.top, 1.0)
        self.top, self.after, self.pages, self.met, self.doubted = 0.0, "", 0, False, False

    def take(self, items: Sequence[Item], *, is_look: bool = False) -> list[Fact]:
        """Return what is new in ``items``, the oldest first, and remember them; a look leaves their order as it was."""
        told: list[Fact] = []
        for item in sorted(items[::-1], key=_age):  # noqa: C415 # Of two of one age the lower on the page is older.
            told += self._news(item)
            if not is_look:
                self.seen.pop(item.id, None)
            self.seen[item.id] = item.state
        # All at once: to look for the first again after each takes quadratic time.
        for each in list(islice(self.seen, max(0, len(self.seen) - MAX_SEEN))):
            del self.seen[each]
        self.missing = [each for each in self.missing if each in self.seen]
        return told

    def _news(self, item: Item) -> list[Fact]:
        before = self.seen.get(item.id)
        if before is None and item.when is not None and _age(item) < self.low:
            return []
        if before is None:
            others = [aspect for aspect in item.aspects if aspect.stands_out]
            return [*([item.fact] if item.fact else []), *self._changed(others)]
        was = dict(enumerate(before.split(" ")))
        return self._changed([each for n, each in enumerate(item.aspects) if was.get(n) != each.state])

    def _changed(self, aspects: Iterable[Aspect]) -> list[Fact]:
        """Return the facts of changes; one that carries no time of its own gets a number."""
        told = []
        for aspect in aspects:
            if aspect.fact is not None:
                told.append(aspect.fact)
                if aspect.fact.version is None:
                    self.changes += 1
                    aspect.fact.version = f"poll {self.changes} {aspect.state}"
        return told

    # --- looking again at what was seen ---

    def plan_look(self, now: datetime, every: float) -> bool:
        """Say whether a look at what was seen is due, and note that it is made now.

        It is made right after the page that asked for it, or not at all until the next is due: a look that fails must
        not keep anybody from seeing what is new.
        """
        self.looks = bool(self.seen) and now.timestamp() - self.looked >= every
        if self.looks:
            self.looked = now.timestamp()
        return self.looks

    def is_look(self, now: datetime) -> bool:
        """Say whether this is the time of the look that was planned, and clear the note."""
        due, self.looks = self.looks and 0 <= now.timestamp() - self.looked <= SAME_POLL, False
        return due

    def next_look(self, size: int, depth: int, kind: str = "", among: Callable[[str], bool] = bool) -> list[str]:
        """Return the ids to look at next: what was missing once, then those of the last ``depth`` seen, in turns.

        ``among`` chooses those that a look of this ``kind`` can show.
        """
        recent = [each for each in self.seen if among(each)][-depth:][::-1]
        begin = self.turns.get(kind, 0)
        begin = begin if begin < len(recent) else 0
        missing = [each for each in self.missing if each in self.seen and among(each)][:size]
        rest = [each for each in recent[begin:] if each not in missing][: size - len(missing)]
        self.turns[kind] = begin + len(rest)
        return missing + rest

    def settle(self, asked: Iterable[str], found: Iterable[str]) -> list[str]:
        """Return the ids of those ``asked`` for that two looks did not find, and forget them; one look is no proof."""
        there, gone = set(found), []
        for each in asked:
            if each in there:
                if each in self.missing:
                    self.missing.remove(each)
            elif each in self.missing:
                self.missing.remove(each)
                self.seen.pop(each, None)
                gone.append(each)
            else:
                self.missing.append(each)
        return gone


T = TypeVar("T", bound=Trail)


def read_trail(cursor: str, kind: type[T]) -> T:
    """Return the trail that a cursor's text holds; what is none begins anew: it tells things twice and loses none."""
    try:
        return msgspec.json.decode(cursor or "{}", type=kind)
    except (msgspec.MsgspecError, ValueError):
        return kind()


def text_state(*texts: str | None) -> str:
    """Return a short word that differs where the texts do."""
    whole = "\0".join(text or "" for text in texts)
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _age(item: Item) -> float:
    return item.when.timestamp() if item.when else 0.0
