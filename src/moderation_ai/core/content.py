"""Reading bodies that strangers wrote: JSON within bounds, times of every spelling, ids that stay text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from moderation_ai.core.errors import MalformedPayload

MAX_DEPTH = 64
"""Levels of nesting that a body may have: real ones stay below 20."""
MAX_ID = 512
"""Characters that an id may have; the longest of the platforms we know have about 120."""

_WHITE = b" \t\n\r"
_decode = msgspec.json.Decoder().decode


def read_json(body: bytes) -> Any:
    """Return the value that ``body`` holds.

    Raises ``MalformedPayload`` for whatever two readers could understand in two ways: bytes that are not UTF-8, NaN,
    numbers out of range, an object that names a member twice, nesting deeper than ``MAX_DEPTH``. Half a character
    (an escaped surrogate that stands alone) is read as U+FFFD: anyone can write one into a comment, and a comment must
    not escape its judgement by that.
    """
    try:
        value = _decode(body)
    except RecursionError as error:
        raise MalformedPayload("the JSON is nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeError, ValueError) as error:
        whole = _with_whole_characters(body)
        if whole != body:
            return read_json(whole)
        raise MalformedPayload(f"the body is not JSON that we read: {_reason(error)}") from error
    if _count_names(body) != _count_members(value):
        _refuse_duplicate_members(body)
    return value


_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
# Two surrogates that are one character, one that stands alone, or any other escape; each is passed over whole.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def _with_whole_characters(body: bytes) -> bytes:
    """Return ``body`` with U+FFFD in place of each escaped surrogate that stands alone."""
    if not _HALF.search(body):
        return body
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)


_SURROGATE = re.compile("[\ud800-\udfff]")


def in_whole_characters(value: Any) -> Any:
    """Return plain ``value`` with U+FFFD in place of each surrogate in its texts, which no store could write."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {in_whole_characters(name): in_whole_characters(item) for name, item in value.items()}
    return [in_whole_characters(item) for item in value] if isinstance(value, list) else value


def _count_names(body: bytes) -> int:
    r"""Count how often ``body`` names a member.

    A name that stood twice was counted once in the value, so equal counts prove that none did; where they differ the
    slow reader decides. A name shows as `":` in the text without white space. So does `\":` inside a text, and only
    there, unless a name ends in a backslash, which would be written as two.
    """
    bare = body.translate(None, _WHITE)
    if b"\\" not in bare or b'\\\\"' in bare:
        return bare.count(b'":')
    return bare.count(b'":') - bare.count(b'\\":')


def _count_members(value: Any, depth: int = MAX_DEPTH) -> int:
    """Count the members of all objects in ``value``, which may be nested ``depth`` deep."""
    members = 0
    items: Iterable[Any] = value if type(value) is list else ()
    if type(value) is dict:
        members, items = len(value), value.values()
    for item in items:
        if type(item) is dict or type(item) is list:
            if depth == 1:
                raise MalformedPayload(f"the JSON is nested deeper than {MAX_DEPTH} levels")
            members += _count_members(item, depth - 1)
    return members


def _refuse_duplicate_members(body: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise MalformedPayload("the JSON names a member of an object twice")

    try:
        json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise MalformedPayload(f"the body is not JSON that we read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # A UnicodeDecodeError's text holds a byte of the body; its class says enough.
    return "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)[:120]


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
has_control = _CONTROL.search
"""Find a control character, which no id has."""


def as_id(value: object) -> str | None:
    """Return an id as text, or None where there is none.

    Integers are written out in full; a float or a truth value is no id: a reader that went through a float has
    already lost digits (X's numeric ids are rounded so in many logs).
    """
    if isinstance(value, str):
        if not 0 < len(value) <= MAX_ID:
            return None
        return value if value.isalnum() or not has_control(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**40 else None
    return None


def first_id(*values: object) -> str | None:
    """Return the first of ``values`` that is an id, as text, or None."""
    for value in values:
        found = as_id(value)
        if found is not None:
            return found
    return None


def require_id(*values: object, of: str) -> str:
    """Return the first of ``values`` that is an id; raise ``MalformedPayload``, naming ``of``, if none is."""
    found = first_id(*values)
    if found is None:
        raise MalformedPayload(f"{of} has no id")
    return found


def as_text(value: object) -> str | None:
    """Return ``value`` if it is text, else None."""
    return value if isinstance(value, str) else None


def as_dict(value: object) -> dict[str, Any]:
    """Return ``value`` if it is an object, else an empty one: a wrong type reads like a missing member."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return ``value`` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


_WHOLE = re.compile(r"-?[0-9]{1,19}\Z")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s*([Zz]|[+-]\d\d:?\d\d)?\Z", re.ASCII)
_X_TIME = re.compile(r"[A-Za-z]{3} ([A-Za-z]{3}) (\d\d) (\d\d):(\d\d):(\d\d) ([+-]\d{4}) (\d{4})\Z", re.ASCII)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, start=1)}


def as_time(value: object) -> datetime | None:
    """Return an aware UTC time, or None for what is no time.

    Takes Unix seconds and milliseconds (number or digits; above 10**11 they are milliseconds, which as seconds would
    be the year 5138), RFC 3339 with up to nine digits of a second (cut to microseconds), and X's own
    ``Wed Oct 10 20:19:24 +0000 2018``. A time without a zone is UTC.
    """
    try:
        if isinstance(value, str):
            return _time_of_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _time_of_number(value)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _time_of_number(value: float) -> datetime | None:
    seconds = value / 1000 if abs(value) > 10**11 else value
    return datetime.fromtimestamp(seconds, UTC) if abs(seconds) < 10**11 else None


def _time_of_text(value: str) -> datetime | None:
    if len(value) in (20, 24) and value[10] == "T" and value[-1] == "Z" and value.isascii():
        return datetime.fromisoformat(value)  # the usual spelling, with milliseconds or without, read at once
    if _WHOLE.match(value):
        return _time_of_number(int(value))
    if found := _RFC3339.match(value):
        day, clock, fraction, zone = found.groups()
        zone = "+00:00" if zone in (None, "Z", "z") else zone
        micro = ((fraction or "") + "000000")[:6]
        moment = datetime.fromisoformat(f"{day}T{clock}.{micro}{zone}")
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if found := _X_TIME.match(value):
        month, day, hour, minute, second, zone, year = found.groups()
        number = _MONTHS.get(month.title())
        text = f"{year}-{number:02}-{day}T{hour}:{minute}:{second}{zone}" if number else ""
        return datetime.fromisoformat(text).astimezone(UTC)
    return None
