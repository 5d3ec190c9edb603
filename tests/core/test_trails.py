"""Trails: walking newest first without missing anything, and believing in a deletion at the second look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.events import Fact
from moderation_ai.core.shelves import ShelfTrail
from moderation_ai.core.subjects import Data
from moderation_ai.core.trails import MAX_PAGES, MAX_SEEN, Aspect, Item, Trail, read_trail, text_state

BEGIN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
OVERLAP = timedelta(seconds=120)


def fact(event_type: str, object_id: str, version: str | None = None) -> Fact:
    return Fact(event_type=event_type, object_id=object_id, data=Data(), version=version)


def item(number: int, text: str = "a", *, stands_out: bool = False, version: str | None = None) -> Item:
    edited = fact("comment.updated", str(number), version)
    return Item(
        id=str(number),
        when=BEGIN + timedelta(seconds=number),
        fact=fact("comment.created", str(number)),
        aspects=(Aspect(state=text, fact=edited, stands_out=stands_out),),
    )


class Shelf:
    """A platform's list, newest first, that is walked page by page."""

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.numbers: list[int] = []

    def poll(self, trail: Trail) -> tuple[list[str], bool, Trail]:
        """Return what a whole poll tells, whether it has a gap, and what is left for the next one."""
        told, gap, more = [], False, True
        while more:
            begin = int(trail.after or 0)
            page = [item(each) for each in sorted(self.numbers, reverse=True)[begin : begin + self.size]]
            after = str(begin + self.size) if begin + self.size < len(self.numbers) else None
            more, has_gap = trail.walk(page, after, overlap=OVERLAP)
            gap = gap or has_gap
            told += [each.object_id for each in trail.take(page)]
            trail = read_trail(trail.to_text(), Trail)
        return told, gap, trail


def test_the_first_poll_takes_one_page() -> None:
    shelf = Shelf()
    shelf.numbers = list(range(35))
    told, gap, trail = shelf.poll(Trail())
    assert told == [str(each) for each in range(25, 35)]
    assert not gap
    assert shelf.poll(trail)[0] == []


def test_an_account_without_any_comment_misses_none_of_the_first() -> None:
    shelf = Shelf()
    _, _, trail = shelf.poll(Trail())
    shelf.numbers = list(range(35))
    assert len(shelf.poll(trail)[0]) == 35


@given(st.lists(st.lists(st.integers(0, 4000), max_size=30), max_size=8), st.integers(1, 12))
def test_whatever_comes_between_two_polls_is_told_once(waves: list[list[int]], size: int) -> None:
    shelf, trail, known, clock = Shelf(size), Trail(), set[int](), 0
    _, _, trail = shelf.poll(trail)
    for wave in waves:
        # Some are shown late: up to two minutes after they were written.
        new = {clock + each % 119 for each in wave} - known
        known |= new
        shelf.numbers = sorted(known)
        clock += 120
        told, gap, trail = shelf.poll(trail)
        if gap:
            return
        assert sorted(told) == sorted(map(str, new))


def test_a_gap_is_told_where_the_pages_end_above_what_was_seen() -> None:
    shelf = Shelf()
    shelf.numbers = [1]
    _, _, trail = shelf.poll(Trail())
    shelf.numbers = [*range(1000, 1000 + 10 * MAX_PAGES + 5), 1]
    told, gap, trail = shelf.poll(trail)
    assert (len(told), gap) == (10 * MAX_PAGES, True)
    assert shelf.poll(trail)[:2] == ([], False)


def test_an_empty_page_that_was_promised_is_not_believed_once() -> None:
    trail = Trail()
    trail.walk([item(1)], None, overlap=OVERLAP)
    trail.take([item(1)])
    assert trail.walk([item(900)], "next", overlap=OVERLAP) == (True, False)
    trail.take([item(900)])
    assert trail.walk([], None, overlap=OVERLAP) == (False, False)
    assert trail.high == item(1).when.timestamp(), "the walk did not come to its end"  # type: ignore[union-attr]
    assert trail.walk([item(900)], "next", overlap=OVERLAP) == (True, False)
    assert trail.walk([], None, overlap=OVERLAP) == (False, False)
    assert trail.high == item(900).when.timestamp()  # type: ignore[union-attr]


def test_a_change_is_told_and_the_same_state_is_not() -> None:
    trail = Trail()
    assert [each.event_type for each in trail.take([item(1)])] == ["comment.created"]
    assert trail.take([item(1)]) == []
    versions = [trail.take([item(1, text)])[0].version for text in ("b", "a", "b")]
    assert len(set(versions)) == 3, "each of A, B, A, B is a change of its own"
    assert trail.take([item(1, "c", version="noon")])[0].version == "noon"


def test_what_stood_out_before_it_was_seen_is_told_beside_its_creation() -> None:
    told = Trail().take([item(1, stands_out=True, version="noon")])
    assert [each.event_type for each in told] == ["comment.created", "comment.updated"]


def test_of_a_page_longer_than_is_remembered_the_newest_are() -> None:
    trail = Trail()
    trail.take([item(number) for number in range(10 * MAX_SEEN)])
    assert list(trail.seen) == [str(number) for number in range(9 * MAX_SEEN, 10 * MAX_SEEN)]


def test_no_list_of_media_is_too_long_to_be_remembered() -> None:
    trail = ShelfTrail()
    trail.plan({str(number): 1 for number in range(100_000)})
    assert len(trail.to_text()) < 20_000
    assert trail.todo[0] == "0"


def test_a_trail_is_bounded_and_forgets_what_was_not_seen_for_longest() -> None:
    trail = Trail()
    trail.take([item(number) for number in range(MAX_SEEN)])
    trail.take([item(0), item(MAX_SEEN)])
    assert len(trail.seen) == MAX_SEEN
    assert {"0", str(MAX_SEEN)} < set(trail.seen)
    assert "1" not in trail.seen
    trail.settle(["2"], [])
    trail.take([item(MAX_SEEN + 1), item(MAX_SEEN + 2)])
    assert trail.missing == [], "what is forgotten is not missed for ever"
    assert len(trail.to_text()) < 100_000


def test_a_deletion_takes_two_looks() -> None:
    trail = Trail()
    trail.take([item(1), item(2)])
    assert trail.settle(["1", "2"], ["2"]) == []
    assert trail.settle(["1", "2"], ["1", "2"]) == []
    assert trail.settle(["1", "2"], ["2"]) == []
    assert trail.settle(["1", "2"], ["2"]) == ["1"]
    assert list(trail.seen) == ["2"]
    assert trail.settle(["2"], ["2"]) == []


def test_looks_come_to_everything_in_turn_and_first_to_what_was_missing() -> None:
    trail = Trail()
    trail.take([item(number) for number in range(25)])
    looks = [trail.next_look(10, 20) for _ in range(2)]
    assert sorted(map(int, [*looks[0], *looks[1]])) == list(range(5, 25))
    trail.settle(["7"], [])
    assert trail.next_look(10, 20)[0] == "7"


def test_a_look_is_made_at_once_or_not_before_the_next_is_due() -> None:
    trail = Trail()
    assert not trail.plan_look(BEGIN, 60)
    trail.take([item(1)])
    assert trail.plan_look(BEGIN, 60)
    assert read_trail(trail.to_text(), Trail).is_look(BEGIN + timedelta(seconds=2))
    assert not read_trail(trail.to_text(), Trail).is_look(BEGIN + timedelta(seconds=10))
    assert not trail.plan_look(BEGIN + timedelta(seconds=59), 60)
    assert trail.plan_look(BEGIN + timedelta(seconds=60), 60)


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"seen":7}', "\ud800", '{"unknown":1}'])
def test_what_is_no_trail_begins_anew(cursor: str) -> None:
    assert read_trail(cursor, Trail) == Trail()


@given(st.text(), st.text())
def test_texts_that_differ_have_states_that_differ(one: str, other: str) -> None:
    assert (text_state(one) == text_state(other)) == (one == other)
    assert " " not in text_state(one)
