"""What is kept of a page: the rows that something new stands in, and all of it where that is not clear."""

from __future__ import annotations

import json

import pytest

from moderation_ai.core.api import Reading
from moderation_ai.core.content import read_json
from moderation_ai.core.events import Fact
from moderation_ai.core.flows import Answer
from moderation_ai.core.polling import MOST_TOLD, rows_of
from moderation_ai.core.subjects import Data
from tests.platforms.fixtures import NOW

BODY = b'{"data": {"rows": [{"id": "a1", "n": 1.0}, {"id": "a12"}, {"inside": [{"id": "b\\u00e9"}]}], "after": "x"}, "k": 1}'


def reading(body: bytes) -> Reading:
    return Reading(read_json(body), Answer(status=200, body=body, received_at=NOW))


def fact(object_id: str, event_type: str = "comment.created") -> Fact:
    return Fact(event_type=event_type, object_id=object_id, data=Data())


def test_the_rows_that_something_new_stands_in_are_kept_with_what_is_around_them() -> None:
    kept = json.loads(rows_of(reading(BODY), "data.rows", [fact("a1"), fact("bé")]))
    assert kept == {"data": {"rows": [{"id": "a1", "n": 1.0}, {"inside": [{"id": "bé"}]}], "after": "x"}, "k": 1}


def test_of_a_deletion_no_row_is_left() -> None:
    kept = json.loads(rows_of(reading(BODY), "data.rows", [fact("gone", "comment.deleted")]))
    assert kept["data"] == {"rows": [], "after": "x"}


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        (BODY, "data.rows", []),
        (BODY, "data.nothing", [fact("a1")]),
        (BODY, "data.rows", [fact(str(number)) for number in range(MOST_TOLD + 1)]),
        (BODY, "data.rows", [fact("hash", "unknown"), fact("a1")]),
        (b'{"rows":[{"id":"a1","n":123456789012345678901234567890}]}', "rows", [fact("a1")]),
    ],
    ids=["nothing new", "no list", "more than any list shows", "not understood", "a number beyond all bounds"],
)
def test_what_cannot_be_cut_is_kept_as_it_came(body: bytes, path: str, told: list[Fact]) -> None:
    kept = rows_of(reading(body), path, told)
    assert kept == body or json.loads(kept) == json.loads(body)
