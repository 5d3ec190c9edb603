"""One element that cannot be read costs none of the others."""

from __future__ import annotations

from typing import Any

import pytest

from moderation_ai.core.batches import read_each, read_or_keep, unknown_element
from moderation_ai.core.content import require_id
from moderation_ai.core.events import Fact
from moderation_ai.core.subjects import Data


def read(element: dict[str, Any]) -> Fact:
    return Fact(event_type="comment.created", object_id=require_id(element.get("id"), of="a comment"), data=Data())


def test_keeps_what_cannot_be_read_in_its_place() -> None:
    facts = read_each([{"id": 1}, None, {"text": "x"}, {"id": 2}], "comments", read)
    assert [fact.event_type for fact in facts] == ["comment.created", "unknown", "unknown", "comment.created"]
    assert [fact.data.reason for fact in facts[1:3]] == ["it should be an object", "a comment has no id"]
    assert {fact.data.kind for fact in facts[1:3]} == {"comments"}


@pytest.mark.parametrize("elements", [None, {}, "x", 5])
def test_keeps_a_list_that_is_none_as_one_thing(elements: object) -> None:
    assert [fact.event_type for fact in read_each(elements, "comments", read)] == ["unknown"]


def test_lets_only_refusals_pass_for_unknown() -> None:
    def broken(element: dict[str, Any]) -> Fact:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        read_or_keep({}, "comments", broken)


def test_names_an_element_by_its_kind_and_content() -> None:
    def name(element: object, kind: str = "k") -> str:
        return unknown_element(element, kind, "why").object_id

    assert name({"a": 1, "b": 2}) == name({"b": 2, "a": 1})
    assert len({name({"a": 1}), name({"a": 2}), name({"a": 1}, "other"), name(None), name([])}) == 5
