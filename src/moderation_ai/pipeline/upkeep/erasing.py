"""Erasing: everything that is stored about a person or an object is looked up, and removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import msgspec

from moderation_ai.core.erasure import Ids, emptied, hidden_object, is_about, names_of, objects_by, without_ids
from moderation_ai.core.errors import StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import EventFilter, Removed, Store
from moderation_ai.stores.paging import pages

_PAGE = 200
_AT_ONCE = 200
"""Objects that the ledger forgets in one transaction."""
_TRIES = 3


class Erased(msgspec.Struct, kw_only=True):
    """What an erasure removed, or would remove.

    ``events`` were about it and are emptied; of ``mentions`` only what named it is gone. ``objects`` are the comments
    and posts by the person; ``actions`` and ``decisions`` are those about them. ``is_scrubbed`` says that nothing of it
    can be read in the store's files any more.
    """

    events: int = 0
    mentions: int = 0
    objects: int = 0
    bodies: int = 0
    errors: int = 0
    things: int = 0
    actions: int = 0
    decisions: int = 0
    is_scrubbed: bool = False

    def count(self, removed: Removed) -> None:
        """Add what one step removed."""
        self.bodies += removed.bodies
        self.errors += removed.errors
        self.things += removed.things


class Eraser:
    """Erase what a store holds about a person (``author``) or a comment or post (``object_id``).

    What a person wrote are objects of theirs: what others did to these (reports, deletions, moderators' actions) goes
    too, and where others answered, the answer stays without its reference. Without ``platform`` the id is looked for on
    all of them. ``tell`` is called with the number of events that were looked at.
    """

    def __init__(
        self,
        store: Store,
        *,
        author: str | None = None,
        object_id: str | None = None,
        platform: str | None = None,
        dry_run: bool = False,
        tell: Callable[[int], None] = lambda number: None,
    ) -> None:
        """Keep what is to be erased; see the class."""
        self._store = store
        self._named = [one for one in (author, object_id) if one]
        self._author = {author} if author else set()
        self._platform = platform
        self._dry_run = dry_run
        self._tell = tell
        self._objects: dict[str, set[str]] = defaultdict(set)
        self._names: dict[str, set[str]] = defaultdict(set)
        self._given = {object_id} if object_id else set()
        self._ids: dict[str, tuple[Ids, Ids, Ids]] = {}
        self._erased = Erased()

    async def run(self) -> Erased:
        """Erase, page by page, and return what that was; twice is once. Raises ``StoreError``."""
        beside = await self._look()
        self._erased.objects = sum(len(objects) for objects in self._objects.values())
        await self._work(self._all() if self._objects or self._names else self._named_in(), beside)
        await self._forget()
        if not self._dry_run:
            self._erased.is_scrubbed = await self._scrub()
        return self._erased

    async def _look(self) -> set[int]:
        """Return where something is named beside the event itself; note the person's names, and what they wrote."""
        beside: set[int] = set()
        people = Ids(self._author)
        async for page in self._named_in():
            for event in page:
                self._names[event.platform].update(names_of(event, people))
                self._objects[event.platform].update(objects_by(event, people))
            beside.update(event.seq for event in page)
        for found in (self._names, self._objects):
            for platform in [platform for platform, names in found.items() if not names]:
                del found[platform]
        if self._names:
            await self._look_for_names()
        return beside

    async def _look_for_names(self) -> None:
        """Note what the person wrote where a platform gave no id of theirs."""
        async for page in self._all():
            for event in page:
                names = Ids(self._names.get(event.platform, ()))
                if found := objects_by(event, names):
                    self._objects[event.platform].update(found)

    async def _named_in(self) -> AsyncIterator[list[WebhookEvent]]:
        """Yield the events in or beside which what is to be erased is named, in any spelling that JSON has for it."""
        for one in self._named:
            for spelling in dict.fromkeys((one, one.replace("/", "\\/"))):
                async for page in self._pages(EventFilter(platform=self._platform, mentions=spelling)):
                    yield page

    def _all(self) -> AsyncIterator[list[WebhookEvent]]:
        return self._pages(EventFilter(platform=self._platform))

    async def _pages(self, which: EventFilter) -> AsyncIterator[list[WebhookEvent]]:
        async for page in pages(self._store, which, _PAGE):
            self._tell(len(page))
            yield page

    async def _work(self, pages: AsyncIterator[list[WebhookEvent]], beside: set[int]) -> None:
        seen: set[int] = set()
        async for page in pages:
            changed: list[WebhookEvent] = []
            lanes: set[str] = set()
            for event in page:
                if event.seq in seen:
                    continue
                after = await self._erased_form(event, event.seq in beside)
                if after is None:
                    continue
                changed.append(after)
                seen.add(event.seq)
                if after.lane != event.lane:
                    lanes.add(event.lane)
            if changed:
                removed = await self._store.redact(changed, lanes=sorted(lanes), dry_run=self._dry_run)
                self._erased.count(removed)

    async def _forget(self) -> None:
        """Have the ledger forget the same objects and people."""
        platforms = {self._platform} if self._platform else {*self._objects, *self._names, *all_platforms()}
        for platform in sorted(platforms):
            objects = sorted(self._objects.get(platform, set()) | self._given)
            people = sorted(self._names.get(platform, set()) | self._author)
            for first in range(0, max(len(objects), 1), _AT_ONCE):
                renamed = {each: hidden_object(platform, each) for each in objects[first : first + _AT_ONCE]}
                named = people if first == 0 else ()
                found = await self._store.forget(platform, renamed, named, dry_run=self._dry_run)
                self._erased.actions += found.actions
                self._erased.decisions += found.decisions

    async def _erased_form(self, event: WebhookEvent, may_stand_beside: bool) -> WebhookEvent | None:
        """Return what stays of an event, or None where it has nothing to do with what is erased."""
        people, objects, ids = self._ids_on(event.platform)
        if is_about(event, people, objects):
            self._erased.events += 1
            return emptied(event)
        after = without_ids(event, ids)
        is_unread = event.event_type == "unknown" and bool(self._objects)
        if after is not event or ((may_stand_beside or is_unread) and await self._stands_beside(event, ids)):
            self._erased.mentions += 1
            return after
        return None

    def _ids_on(self, platform: str) -> tuple[Ids, Ids, Ids]:
        """Return which people, which objects, and which ids altogether are to be forgotten on a platform."""
        if platform not in self._ids:
            objects = self._objects.get(platform, set()) | self._given
            people = self._names.get(platform, set()) | self._author
            self._ids[platform] = Ids(people), Ids(objects), Ids([*self._named, *objects])
        return self._ids[platform]

    async def _stands_beside(self, event: WebhookEvent, ids: Ids) -> bool:
        """Say whether an id stands in an event's body, headers or attempts' errors."""
        body = await self._store.raw_body(event.seq) or b""
        attempts = await self._store.attempts(event.seq)
        texts = [body.decode("utf-8", "replace"), await self._store.headers(event.seq)]
        return any(ids.stand_in(text) for text in [*texts, *(attempt.error for attempt in attempts)])

    async def _scrub(self) -> bool:
        for _ in range(_TRIES):
            try:
                await self._store.scrub()
            except StoreBusy:
                continue
            return True
        return False
