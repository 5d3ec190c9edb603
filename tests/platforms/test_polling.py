"""What polling promises on every platform that can be polled: its requests stand in its table, its cursors are bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.asked import find_call
from moderation_ai.core.errors import MalformedPayload, ModerationError
from moderation_ai.core.events import EVENT_TYPES, finish
from moderation_ai.core.flows import Answer, Outgoing
from moderation_ai.core.http import Headers
from moderation_ai.core.platform import Platform
from moderation_ai.core.polling import Feed, Page
from moderation_ai.core.quotas import shares_of
from moderation_ai.sender import check_address
from tests.platforms.driving import SESSION, TOKEN, answer, by_table, drive
from tests.platforms.fixtures import NOW, PLATFORMS

POLLED = [platform for platform in PLATFORMS if platform.poll]
CAP = 1.0


def feeds_of(platform: Platform) -> tuple[Feed, ...]:
    return platform.feeds(platform.watches, SESSION, CAP)


FEEDS = [(platform, feed) for platform in POLLED for feed in feeds_of(platform)]
every_poller = pytest.mark.parametrize("platform", POLLED, ids=lambda platform: platform.name)
every_feed = pytest.mark.parametrize(("platform", "feed"), FEEDS, ids=[f"{p.name}-{f.name}" for p, f in FEEDS])


def poll(
    platform: Platform, feed: Feed, cursor: str, reply: Callable[[Outgoing], Answer]
) -> tuple[Page, list[Outgoing]]:
    return drive(platform.ask_feed(feed, cursor, SESSION, NOW), reply)


@every_poller
def test_who_can_be_polled_says_of_what(platform: Platform) -> None:
    feeds = feeds_of(platform)
    assert feeds
    assert len({feed.key for feed in feeds}) == len(feeds)


@every_feed
def test_a_feed_names_the_calls_that_it_makes_and_what_they_cost(platform: Platform, feed: Feed) -> None:
    assert feed.interval >= 5
    assert feed.calls
    for name, times in feed.calls.items():
        assert platform.api.call(name).effect == "reads"
        assert times > 0


@every_poller
def test_the_feeds_of_one_account_stay_within_the_documented_limits(platform: Platform) -> None:
    # What is left is for acting, and for another account or two of the same app.
    assert all(share.of_limit <= 0.5 for share in shares_of(platform.api, feeds_of(platform)))


@every_feed
def test_asks_only_what_stands_in_the_table(platform: Platform, feed: Feed) -> None:
    page, asked = poll(platform, feed, "", by_table(platform))
    again, more = poll(platform, feed, page.cursor, by_table(platform))
    assert asked
    for request in [*asked, *more]:
        call, values = find_call(
            platform.api.calls, request.method, request.url, request.body, Headers.of(dict(request.headers))
        )
        assert call.name == request.call
        assert call.name in feed.calls
        assert call.fill(values) == values
        assert check_address(request.url, platform.hosts) == request.host
        assert "nobody-may-see" not in request.url.partition("?")[0]
        assert TOKEN not in repr(request)
    assert page.body
    assert isinstance(again, Page)


@every_feed
def test_the_sample_of_the_table_tells_something_and_tells_it_once(platform: Platform, feed: Feed) -> None:
    cursor, told = "", []
    for _ in range(12):
        page, _ = poll(platform, feed, cursor, by_table(platform))
        cursor, told = page.cursor, [*told, *page.facts]
    keys = [finish(fact, platform=platform.name, received_at=NOW).key for fact in told]
    assert len(set(keys)) == len(keys)
    assert {fact.event_type for fact in told} <= set(platform.polls_for)


@every_poller
def test_says_which_events_come_of_polling(platform: Platform) -> None:
    assert platform.polls_for
    assert set(platform.polls_for) <= set(EVENT_TYPES)


@every_feed
@given(cursor=st.text(max_size=60))
def test_any_cursor_begins_a_poll(platform: Platform, feed: Feed, cursor: str) -> None:
    page, asked = poll(platform, feed, cursor, by_table(platform))
    assert asked
    assert len(page.cursor) < 200_000


@every_feed
@pytest.mark.parametrize("name", ["e1\r\nX-Other: 1", "\u00e9", "\x00", "\x7f", "e" * 100_000, " "])
def test_what_an_answer_calls_itself_is_asked_by_only_if_a_header_can_hold_it(
    platform: Platform, feed: Feed, name: str
) -> None:
    def named(request: Outgoing) -> Answer:
        row = platform.api.call(request.call)
        try:
            body: str | bytes = json.dumps({**json.loads(row.answer), "etag": name})
        except ValueError:
            body = row.answer
        return Answer(
            status=row.status,
            headers=Headers([(b"etag", name.encode("latin-1")), (b"last-modified", name.encode("latin-1"))]),
            body=body.encode() if isinstance(body, str) else body,
            received_at=NOW,
        )

    cursor, values = "", []
    for _ in range(6):
        page, asked = poll(platform, feed, cursor, named)
        cursor = page.cursor
        values += [value for request in asked for _, value in request.headers]
    assert not [value for value in values if not value.isascii() or not value.isprintable() or len(value) > 300]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def mutated(value: Any, odd: Any, choose: Callable[[int], int]) -> Any:
    """Return a JSON value with one part of it, somewhere, replaced."""
    if isinstance(value, dict) and value and choose(4):
        name = sorted(value)[choose(len(value))]
        return {**value, name: mutated(value[name], odd, choose)}
    if isinstance(value, list) and value and choose(4):
        index = choose(len(value))
        return [*value[:index], mutated(value[index], odd, choose), *value[index + 1 :]]
    return odd


@every_feed
@pytest.mark.fuzz
@given(data=st.data())
def test_any_answer_gives_a_page_or_one_of_our_errors(platform: Platform, feed: Feed, data: st.DataObject) -> None:
    def reply(request: Outgoing) -> Answer:
        call = platform.api.call(request.call)
        if call.media != "application/json" or data.draw(st.integers(0, 9)) == 0:
            return answer(call.status, data.draw(st.binary(max_size=80)))
        body = mutated(json.loads(call.answer), data.draw(JSON), lambda n: data.draw(st.integers(0, n - 1)))
        return answer(call.status, json.dumps(body))

    cursor = ""
    for _ in range(3):
        try:
            page, _ = poll(platform, feed, cursor, reply)
        except ModerationError:
            continue
        cursor = page.cursor
        for fact in page.facts:
            assert fact.event_type in EVENT_TYPES
            assert len(finish(fact, platform=platform.name, received_at=NOW).key) == 16


@every_poller
@pytest.mark.fuzz
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_malformed(platform: Platform, body: bytes) -> None:
    try:
        parsed = platform.read_page(body, NOW)
    except MalformedPayload:
        return
    assert all(fact.event_type in EVENT_TYPES for fact in parsed.facts)


@every_feed
def test_the_answer_of_the_table_is_read_without_a_cursor_too(platform: Platform, feed: Feed) -> None:
    page, _ = poll(platform, feed, "", by_table(platform))
    parsed = platform.read_page(page.body, NOW)
    assert parsed.facts or parsed.ignored


@every_feed
def test_without_an_answer_a_poll_is_tried_again(platform: Platform, feed: Feed) -> None:
    with pytest.raises(ModerationError) as caught:
        poll(platform, feed, "", lambda _: answer(503, b"<html>"))
    assert getattr(caught.value, "retryable", False)


@pytest.mark.parametrize("platform", [each for each in PLATFORMS if not each.poll], ids=lambda platform: platform.name)
def test_who_cannot_be_polled_says_so(platform: Platform) -> None:
    assert platform.feeds(("x",), SESSION) == ()
    with pytest.raises(ModerationError, match="nothing that can be polled"):
        platform.ask_feed(Feed(name="x"), "", SESSION, NOW)
    with pytest.raises(MalformedPayload):
        platform.read_page(b"{}", NOW)
