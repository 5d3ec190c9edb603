"""Batches: one body may tell of many things, and one that cannot be read must not cost the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, unknown_fact

Reader = Callable[[dict[str, Any]], Fact]

MAX_FACTS = 2000
"""Things that one body may tell of; Meta sends 1,000 at most."""


def read_each(elements: object, kind: str, read: Reader) -> list[Fact]:
    """Return the facts of a list's elements, in order; what ``read`` refuses is kept as ``unknown`` of that kind.

    Raises ``MalformedPayload`` for more elements than a body may tell of, before any is read.
    """
    if not isinstance(elements, list):
        return [unknown_element(elements, kind, "it should be a list")]
    if len(elements) > MAX_FACTS:
        raise MalformedPayload(f"the body tells of more than {MAX_FACTS} things")
    return [read_or_keep(element, kind, read) for element in elements]


def read_or_keep(element: object, kind: str, read: Reader) -> Fact:
    """Return what ``read`` makes of one element, or an ``unknown`` fact with the reason of its refusal."""
    if not isinstance(element, dict):
        return unknown_element(element, kind, "it should be an object")
    try:
        return read(element)
    except MalformedPayload as error:
        return unknown_element(element, kind, str(error))


def unknown_element(element: object, kind: str, reason: str) -> Fact:
    """Return the ``unknown`` fact of one element of a body; its id is the hash of its kind and content."""
    return unknown_fact(msgspec.json.encode([kind, element], order="sorted"), reason, kind)


def distinct(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts without those that repeat an earlier one of the same body, in order."""
    first: dict[tuple[str, str, str | None], Fact] = {}
    for fact in facts:
        first.setdefault((fact.event_type, fact.object_id, fact.version), fact)
    return list(first.values())
