"""Entries of Atom and RSS as plain values, whatever the feed leaves out or spells oddly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.feeds import (
    Entry,
    Tombstone,
    last_part,
    read_feed,
    readable,
    rss_time,
    unescaped,
    without_query,
)

ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>f</title>{}</feed>'
RSS = '<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>f</title>{}</channel></rss>'


def read(frame: str, content: str) -> list[Entry | Tombstone]:
    return read_feed(frame.format(content).encode())


def entry(content: str, frame: str = ATOM) -> Entry:
    (one,) = read(frame, content)
    assert isinstance(one, Entry)
    return one


def test_keeps_the_order_in_which_things_stand() -> None:
    found = read(ATOM, '<entry><id>1</id></entry><at:deleted-entry ref="2"/><other/><entry><id>3</id></entry>')
    assert [(type(one), one.id) for one in found] == [(Entry, "1"), (Tombstone, "2"), (Entry, "3")]


def test_an_entry_may_stand_alone() -> None:
    (one,) = read_feed(b'<entry xmlns="http://www.w3.org/2005/Atom"><id> a\n </id></entry>')
    assert one.id == "a"


def test_a_feed_without_entries_has_none() -> None:
    assert read(ATOM, "") == []
    assert read(RSS, "") == []


@pytest.mark.parametrize("body", [b"<opml/>", b"<feed/>", b'<feed xmlns="http://else"/>', b"<RSS/>"])
def test_refuses_xml_that_is_no_feed(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read_feed(body)


@pytest.mark.parametrize(
    ("links", "wanted"),
    [
        ('<link rel="self" href="s"/><link rel="alternate" href="a"/>', "a"),
        ('<link rel="self" href="s"/><link href="b"/>', "b"),
        ('<link rel="self" href="s"/>', None),
        ("<link/>", None),
        ('<link href=""/>', None),
    ],
)
def test_the_link_is_the_alternate_one(links: str, wanted: str | None) -> None:
    assert entry(f"<entry>{links}</entry>").link == wanted


def test_the_version_is_the_time_of_the_change_or_what_is_shown() -> None:
    dated = [
        entry(f"<entry><updated>{at}</updated></entry>") for at in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    ]
    shown = [entry(f"<item><title>{title}</title></item>", RSS) for title in ("a", "b", "a")]
    assert dated[0].version != dated[1].version
    assert shown[0].version == shown[2].version != shown[1].version


def test_a_text_reads_as_people_see_it() -> None:
    content = "<![CDATA[<h3>Rye</h3>\n<p>5&nbsp;&lt;&#176;C&gt;</p><img src='a'/>]]>"
    assert entry(f"<item><content:encoded>{content}</content:encoded></item>", RSS).text == "Rye 5 <°C>"
    assert readable("<p></p>") is None
    assert readable(None) is None
    assert readable("<" * 200_000) == "<" * 100_000


def test_a_reference_of_thousands_of_digits_is_left_alone() -> None:
    text = f"a &#{'9' * 5000}; b"
    assert unescaped(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Fri, 24 Nov 2023 18:27:40 GMT", datetime(2023, 11, 24, 18, 27, 40, tzinfo=UTC)),
        ("Tue, 12 Aug 2026 10:00:00 GMT", datetime(2026, 8, 12, 10, tzinfo=UTC)),
        ("Fri, 07 Aug 2026 16:00:00 +0200", datetime(2026, 8, 7, 14, tzinfo=UTC)),
        ("Fri, 07 Aug 2026 16:00:00 -0000", datetime(2026, 8, 7, 16, tzinfo=UTC)),
        ("yesterday", None),
        ("Fri, 99 Aug 2026 16:00:00 GMT", None),
        ("Sat, 01 Jan 9999 23:59:59 -2300", datetime(9999, 1, 2, 22, 59, 59, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("1" * 100, None),
        (None, None),
    ],
)
def test_times_of_rss(text: str | None, wanted: datetime | None) -> None:
    assert rss_time(text) == wanted


@given(st.text(max_size=70))
def test_any_text_is_a_time_of_rss_or_none(text: str) -> None:
    found = rss_time(text)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("url", "bare", "last"),
    [
        ("https://medium.com/p/12a3?source=rss#x", "https://medium.com/p/12a3", "12a3"),
        ("https://medium.com/p/12a3/", "https://medium.com/p/12a3/", "12a3"),
        ("12a3", "12a3", None),
        ("http://[::1/x", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_links_without_what_only_counts_readers(url: str | None, bare: str | None, last: str | None) -> None:
    assert without_query(url) == bare
    assert last_part(url) == last
