"""Requests and their headers, free of any framework."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.http import Headers, Request

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_finds_a_header_in_any_case() -> None:
    headers = Headers.of({"X-Signature": "abc"})
    assert headers.get("x-SIGNATURE") == headers.one("X-Signature") == "abc"
    assert headers.get("other") is headers.one("other") is None
    assert Headers.of(None).get("x") is None


def test_takes_the_first_of_several_values_and_minds_where_one_is_asked_for() -> None:
    headers = Headers([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    assert (headers.get("a"), headers.one("b")) == ("1", "2")
    with pytest.raises(MalformedPayload, match="the header a stands twice"):
        headers.one("a")


@given(value=st.binary(max_size=40))
def test_keeps_every_byte_of_a_value(value: bytes) -> None:
    found = Headers([(b"a", value)]).get("a")
    assert found is not None
    assert found.encode("latin-1") == value


@given(name=st.text(max_size=9), value=st.text(max_size=9))
def test_takes_any_text_for_a_header(name: str, value: str) -> None:
    headers = Headers.of({name: value})
    assert len(headers.raw) == 1
    headers.get(name.encode("latin-1", "replace").decode("ascii", "replace"))


def test_reads_the_first_of_a_repeated_parameter() -> None:
    request = Request(query="hub.mode=a&hub.mode=b&empty=&plus=a+b&x=%C3%A9&bad=%FF", received_at=NOW)
    assert request.parameters() == {"hub.mode": "a", "empty": "", "plus": "a b", "x": "é", "bad": "\ufffd"}


def test_refuses_to_build_a_large_table_of_parameters() -> None:
    with pytest.raises(MalformedPayload, match="too many"):
        Request(query="&".join(["a=1"] * 101), received_at=NOW).parameters()
