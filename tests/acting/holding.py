"""What must hold of a platform when all is done: each comment hidden once, no message twice, nothing else touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from moderation_ai.fakes import Fake
from moderation_ai.fakes.things import Thing
from moderation_ai.stores.base import Store

_HIDDEN = ("hidden", "removed")


async def check(fake: Fake, store: Store, things: Sequence[Thing]) -> None:
    """Raise ``AssertionError`` with what is not as it must be."""
    wrong = [
        *await _wrong_things(fake, store, things),
        *await _wrong_messages(fake, store, things),
        *await _wrong_events(store),
    ]
    wrong += [f"a request that was no call: {each}" for each in fake.misunderstood]
    assert not wrong, "; ".join(wrong)


async def _wrong_things(fake: Fake, store: Store, things: Sequence[Thing]) -> list[str]:
    found = []
    for thing in things:
        effective = [each.action for each in fake.effects if each.object_id == thing.id and each.changed]
        wish, state = thing.text.partition(" ")[0], fake.state_of(thing.id)
        wanted = {"hide": 1, "answer": len(effective[:1])}.get(wish, 0)
        if len(effective) != wanted or (state in _HIDDEN) != (wish == "hide"):
            ends = [
                f"{each.action} {each.status}: {each.reason}" for each in await store.actions_on(fake.name, thing.id)
            ]
            found.append(
                f"{thing.text!r} is {state} after {effective or 'nothing'} ({'; '.join(ends) or 'not wanted'})"
            )
    return found


async def _wrong_messages(fake: Fake, store: Store, things: Sequence[Thing]) -> list[str]:
    found = [f"{count} times {each.text!r}" for each, count in Counter(fake.messages).items() if count > 1]
    for thing in things:
        if thing.text.startswith(("answer", "ban")):
            to = thing.id if thing.text.startswith("answer") else thing.author_username
            sent = sum(message.to == to for message in fake.messages)
            statuses = [each.status for each in await store.actions_on(fake.name, thing.id)]
            # What may have been sent and is not known to be goes to a person.
            if statuses not in (["done"], ["uncertain"], ["not_needed"]) or (statuses != ["uncertain"] and sent != 1):
                found.append(f"{thing.text!r} was answered {sent} times, and is {statuses}")
    return found


async def _wrong_events(store: Store) -> list[str]:
    counts = await store.counts()
    return [f"{counts.dead_letters} dead letters"] if counts.dead_letters else []
