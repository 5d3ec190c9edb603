"""XML of strangers: what is read of it, and that nothing in it expands, fetches, or raises anything but ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.content import MAX_DEPTH
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.feeds import read_feed
from moderation_ai.core.xml import MAX_ELEMENTS, is_xml, read_xml

LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'


def test_reads_names_with_their_namespaces_attributes_and_text() -> None:
    root = read_xml(
        b'\xef\xbb\xbf<?xml version="1.0"?><f xmlns="u:f" xmlns:g="u:g"><g:b c="1"> x &amp; <i/>y </g:b></f>'
    )
    assert root.name == "u:f f"
    (child,) = root.children
    assert (child.name, child.attributes, child.text) == ("u:g b", {"c": "1"}, "x & y")
    assert root.text_of("u:g b") == "x & y"
    assert root.text_of("u:g b", "u:f i") is None
    assert root.text_of("nothing", "below it") is None


def test_a_declared_encoding_chooses_no_codec() -> None:
    for encoding in ("utf-16", "rot13", "zlib", "idna", "no-such-codec"):
        declaration = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
        assert read_xml(declaration + "<a>ü</a>".encode()).text == "ü"


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        b'<!DOCTYPE a PUBLIC "x" "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/"> %x;]><a/>',
        b'<?xml version="1.0" standalone="yes"?><!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
        b"<a>&undeclared;</a>",
        b"<a>&#xD800;</a>",
        b"<a>&#0;</a>",
        b"<a>\x00</a>",
        b"<a>\xff</a>",
        "<a/>".encode("utf-16"),
        b"",
        b"   ",
        b"<",
        b"<a>",
        b"<a/><b/>",
        b"<a/>x",
        b'<a b="1" b="2"/>',
        b'<a x:b="1"/>',
        b"<x:a/>",
        b"<!-- nothing -->",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * 100_000,
        b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_refuses_what_is_not_well_formed_or_wants_more_than_elements(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read_xml(body)


def test_takes_as_much_as_it_says() -> None:
    assert len(read_xml(b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>").children) == MAX_ELEMENTS - 1
    assert read_xml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).name == "a"


def test_the_error_quotes_nothing_of_the_body() -> None:
    with pytest.raises(MalformedPayload) as caught:
        read_xml(b"<a>a secret of somebody's</b>")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"<a/>", True), (b"\xef\xbb\xbf \n<a/>", True), (b"{}", False), (b"", False), (b"x<a/>", False)],
)
def test_tells_xml_from_json(body: bytes, said: bool) -> None:
    assert is_xml(body) is said


@pytest.mark.fuzz
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"<a>{text}</a>".encode("utf-8", "replace")))
def test_any_bytes_are_an_element_or_a_refusal_of_ours(body: bytes) -> None:
    for read in (read_xml, read_feed):
        try:
            read(body)
        except MalformedPayload:
            continue
