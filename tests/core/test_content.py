"""Bodies that strangers wrote: JSON, times and ids."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.content import MAX_DEPTH, as_id, as_time, first_id, in_whole_characters, read_json, require_id
from moderation_ai.core.errors import MalformedPayload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda sub: st.lists(sub, max_size=4) | st.dictionaries(st.text(max_size=4), sub, max_size=4),
    max_leaves=20,
)


def is_encodable(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@pytest.mark.fuzz
@given(
    value=JSON.filter(is_encodable), indent=st.sampled_from([None, 2]), colon=st.sampled_from([":", " :", " : ", ":\t"])
)
def test_reads_what_json_writes_however_it_is_spaced(value: Any, indent: int | None, colon: str) -> None:
    assert read_json(json.dumps(value, indent=indent, separators=(",", colon)).encode()) == value


@pytest.mark.fuzz
@given(name=st.text(max_size=5), value=JSON.filter(is_encodable), colon=st.sampled_from([":", " :", "\n:", "\r\n\t :"]))
def test_refuses_an_object_that_names_a_member_twice(name: str, value: Any, colon: str) -> None:
    key = json.dumps(name)
    body = f'{{"a":[{{{key}{colon}1,{key}:{json.dumps(value)}}}]}}'
    with pytest.raises(MalformedPayload, match="twice"):
        read_json(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '{"id":1,"id":2}',
        '{"id":1,"i\\u0064":2}',
        '{"id" :1,"id":2,"x":"\\":"}',
        '{"a":"\\":","id":1,"id":2}',
        '{"a":"\\u0022:","id":1,"id" :2}',
        '{"a\\\\":0,"id":1,"id":2}',
        '{"a\\\\ " :0,"id":1,"id":2}',
        '{"a\\\\":"\\":","id":1,"id":2,"id":3}',
    ],
)
def test_finds_the_second_name_behind_every_disguise(body: str) -> None:
    with pytest.raises(MalformedPayload, match="twice"):
        read_json(body.encode())


SURROGATE = re.compile("[\ud800-\udfff]")
HALVES = st.text(st.one_of(st.characters(categories=["Cs"]), st.sampled_from('"\\ua8dcfDCF😀')), max_size=30)


@pytest.mark.fuzz
@given(text=HALVES, name=HALVES, upper=st.booleans())
def test_reads_half_a_character_as_a_replacement_and_the_rest_as_it_is(text: str, name: str, upper: bool) -> None:
    body = json.dumps({name: [text]})
    body = re.sub("u[0-9a-f]{4}", lambda hex_: "u" + hex_[0][1:].upper(), body) if upper else body
    whole = json.loads(body)
    [(read_name, [read_text])] = whole.items()
    assert read_json(body.encode()) == {SURROGATE.sub("\ufffd", read_name): [SURROGATE.sub("\ufffd", read_text)]}


@pytest.mark.fuzz
@given(value=st.recursive(HALVES | st.integers(), lambda sub: st.lists(sub) | st.dictionaries(HALVES, sub)))
def test_makes_of_what_python_read_what_can_be_written(value: Any) -> None:
    clean = in_whole_characters(value)
    assert in_whole_characters(clean) == clean
    json.dumps(clean, ensure_ascii=False).encode()


def test_still_finds_the_second_name_beside_half_a_character() -> None:
    with pytest.raises(MalformedPayload, match="twice"):
        read_json(b'{"a":"\\ud800","b":1,"b":2}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nan",
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b"9" * 5000,
        b'"\xff"',
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b"'a'",
    ],
)
def test_refuses_what_is_no_json_without_showing_it(body: bytes) -> None:
    with pytest.raises(MalformedPayload) as caught:
        read_json(body)
    assert "\\xff" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_reads_as_deep_as_it_promises_and_no_deeper() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        inner = "[]" if opening == "[" else "{}"
        levels = MAX_DEPTH - 1
        read_json((opening * levels + inner + closing * levels).encode())
        for depth in (levels + 1, 2_000, 500_000):
            with pytest.raises(MalformedPayload, match="deep"):
                read_json((opening * depth + inner + closing * depth).encode())


def test_keeps_integers_of_any_size_whole() -> None:
    assert read_json(b"[1307025659294674945, 18446744073709551616]") == [1307025659294674945, 18446744073709551616]


@pytest.mark.fuzz
@given(body=st.binary(max_size=200))
def test_reads_or_refuses_any_bytes(body: bytes) -> None:
    with suppress(MalformedPayload):
        json.dumps(read_json(body))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("abc", "abc"),
        (1307025659294674945, "1307025659294674945"),
        (0, "0"),
        (-5, "-5"),
        ("", None),
        ("x" * 512, "x" * 512),
        ("x" * 513, None),
        (1.0, None),
        (True, None),
        (None, None),
        (10**40, None),
        ([], None),
        ({}, None),
    ],
)
def test_takes_for_an_id_text_and_whole_numbers_only(value: object, expected: str | None) -> None:
    assert as_id(value) == expected


def test_takes_the_first_id_that_is_one() -> None:
    assert first_id(None, "", 7, "8") == "7"
    assert first_id() is None
    assert require_id(None, "8", of="a comment") == "8"
    with pytest.raises(MalformedPayload, match="a comment has no id"):
        require_id(None, 1.5, of="a comment")


MOMENT = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        1539202764,
        1539202764.0,
        "1539202764",
        1539202764000,
        "1539202764000",
        "2018-10-10T20:19:24Z",
        "2018-10-10t20:19:24z",
        "2018-10-10 20:19:24",
        "2018-10-10T20:19:24",
        "2018-10-10T22:19:24+02:00",
        "2018-10-10T22:19:24+0200",
        "2018-10-10T15:19:24.000-05:00",
        "2018-10-10T20:19:24.000000999Z",
        "2018-10-10T20:19:24,0Z",
        "Wed Oct 10 20:19:24 +0000 2018",
        "Wed Oct 10 22:19:24 +0200 2018",
    ],
)
def test_reads_a_time_in_every_spelling(value: object) -> None:
    found = as_time(value)
    assert found == MOMENT
    assert found is not None
    assert found.tzinfo is UTC


def test_cuts_a_second_to_microseconds() -> None:
    assert as_time("2018-10-10T20:19:24.123456789Z") == MOMENT.replace(microsecond=123456)
    assert as_time("1539202764123") == MOMENT.replace(microsecond=123000)


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            "",
            "now",
            "2018-10-10",
            "20181010T201924Z",
            "2018-W41-3",
            "１５３９２０２７６４",
            "1_539_202_764",
        ),
        *(" 1539202764", "1539202764\n", "1e9", "nan", float("nan"), float("inf"), 10**400, 10**18, -(10**18), [], {}),
        *("2018-13-10T20:19:24Z", "2018-02-30T20:19:24Z", "2018-10-10T25:00:00Z", "Wed Foo 10 20:19:24 +0000 2018"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 19, "-" + "9" * 19, "2018-10-10T20:19:24Z\n"),
    ],
)
def test_takes_nothing_else_for_a_time(value: object) -> None:
    assert as_time(value) is None


@pytest.mark.fuzz
@given(value=st.text(max_size=40) | st.integers() | st.floats() | st.datetimes().map(str))
def test_answers_any_value_with_a_time_or_none(value: object) -> None:
    found = as_time(value)
    assert found is None or found.tzinfo is UTC
