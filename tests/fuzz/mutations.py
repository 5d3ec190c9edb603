"""Mutations: what is almost a request of a platform, made from a real one and a random number alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]

PIECES = (
    *(
        b"",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc3",
        b"\xef\xbb\xbf",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
    ),
    *(b"\\ud800", b"\\udc00", b"\\u0000", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"9" * 30, b"9" * 5000),
    *(b"<", b"</", b"&", b"&#0;", b"&a;", b"]]>", b"<![CDATA[", b"<!--", b"<!DOCTYPE a>", b"<!ENTITY a 'b'>", b"<?x?>"),
    *(b'"id":', b'"data":{', b'"event_type":"comment.created",', b"[" * 70, b'{"a":' * 70, b" " * 300, b"\r\n"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 2**31, 2**53 + 1, 2**63, 10**30, -(10**40), 1e308, "", " ", "x" * 600),
    *("null", "0", "-1", "١٢٣", "1764000000", "99999999999999", "2026-11-24T12:00:00Z", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "\x00", "\ud800", "\u202e", "😀", '{"a":1}', "[", "<a/>"),
    *([], {}, [[]], [{}], {"": ""}, {"id": None}, [None], {"comment": {"id": "1"}}, {"id": {"id": "1"}}),
)
NAMES = (
    "id",
    "data",
    "comment",
    "post",
    "event_type",
    "event",
    "type",
    "value",
    "field",
    "entry",
    "changes",
    "extra",
    "",
)
_TOKENS = re.compile(rb"(<[^>]*>)")


def flip_bits(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Turn up to four bits over."""
    changed = bytearray(body or b"\x00")
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Leave the end out, or the beginning, or something between."""
    start, end = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
    return rng.choice((body[:end], body[start:], body[:start] + body[end:]))


def splice(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Put the end of one body behind the beginning of another."""
    other = rng.choice(others)
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def insert(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Put something that readers stumble over in any place, over what stood there or not."""
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(PIECES) + body[at + rng.choice((0, 0, 1, 4)) :]


def repeat(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Say a part of a body again and again."""
    start = rng.randrange(len(body) + 1)
    part = body[start : start + rng.randint(1, 60)]
    return body[:start] + part * rng.choice((2, 3, 50)) + body[start:]


def change_json(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Change the value of a JSON body in up to three places, also in JSON within a text."""
    try:
        value = json.loads(body)
    except ValueError:
        return change_xml(body, rng, others)
    for _ in range(rng.randint(1, 3)):
        value = _changed(value, rng, 0)
    return json.dumps(value, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")


def _changed(value: Any, rng: Random, depth: int) -> Any:
    goes_on = rng.random() < (0.85 if depth else 0.97)
    if isinstance(value, dict) and value and goes_on:
        return _changed_object(value, rng, depth)
    if isinstance(value, list) and value and goes_on:
        index = rng.randrange(len(value))
        kind = rng.randrange(6)
        if kind == 0:
            return value[:index] + value[index + 1 :]
        if kind == 1:
            return value + [value[index]] * rng.choice((1, 1, 40))
        return [*value[:index], _changed(value[index], rng, depth + 1), *value[index + 1 :]]
    if isinstance(value, str) and value[:1] == "{" and depth < 9:
        inner = change_json(value.encode("utf-8", "surrogatepass"), rng, [b"{}"])
        return inner.decode("utf-8", "replace")
    return _nested(value, rng) if rng.random() < 0.1 else rng.choice(VALUES)


def _changed_object(value: dict[str, Any], rng: Random, depth: int) -> dict[str, Any]:
    name = rng.choice(list(value))
    kind = rng.randrange(8)
    if kind == 0:
        return {other: item for other, item in value.items() if other != name}
    if kind == 1:
        return {**value, rng.choice((*NAMES, *value)): value[name]}
    if kind == 2:
        return {rng.choice(NAMES) if other == name else other: item for other, item in value.items()}
    return {**value, name: _changed(value[name], rng, depth + 1)}


def _nested(value: Any, rng: Random) -> Any:
    for _ in range(rng.choice((3, 60, 70))):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def change_xml(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Change the order of tags and texts, leave some out, say some twice, put others between."""
    tokens = _TOKENS.split(body)
    at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    kind = rng.randrange(6)
    if kind == 0:
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif kind == 1:
        tokens[at] = b""
    elif kind == 2:
        tokens[at] = tokens[at] * rng.choice((2, 90))
    elif kind == 3:
        tokens.insert(at, rng.choice(PIECES))
    elif kind == 4:
        tokens[at] = tokens[at].replace(b">", b' a="' + rng.choice(PIECES) + b'">')
    else:
        tokens[at : at + rng.randint(1, 9)] = tokens[min(at, other) : max(at, other)]
    return b"".join(tokens)


def nothing_like_it(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Forget the body."""
    return rng.randbytes(rng.choice((0, 1, 3, 40, 400)))


def untouched(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Leave everything as it is."""
    return body


MUTATIONS: tuple[Mutation, ...] = (
    *(change_json, change_xml, flip_bits, cut, splice, insert, repeat, nothing_like_it, untouched),
)


def mutate(body: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Return ``body`` after one mutation, or two, or three; in most cases one after which it can still be read."""
    if rng.random() < 0.6:
        return change_json(body, rng, others)[: 1 << 16]
    for _ in range(rng.choice((1, 1, 2, 3))):
        body = rng.choice(MUTATIONS)(body, rng, others)
    return body[: 1 << 16]


_HINTS = (
    *(
        b"",
        b"sha256=",
        b"sha1=",
        b"sha512=",
        b"v1,",
        b"v1a,",
        b"t=1,s=",
        b"t=",
        b"Bearer ",
        b"Bearer a.b.c",
        b"=",
        b",",
    ),
    *(b"1764000000", b"abc", b"nan", "１２３".encode(), b"1_000", b" 12\t", b"9" * 5000, b"-1", b"1e9", b"\xe9", b"  "),
)


def mutate_field(value: bytes, rng: Random) -> bytes:
    """Return almost the value of a header field."""
    kind = rng.randrange(7)
    at = rng.randrange(len(value) + 1)
    if kind == 0:
        return rng.choice(_HINTS)
    if kind == 1:
        return value[:at] + rng.choice(_HINTS) + value[at:]
    if kind == 2:
        return value[:at]
    if kind == 3:
        return value.swapcase()
    if kind == 4:
        return value + rng.choice((b" ", b",", b" v1,AAAA", b"=", b"00")) + value[: rng.choice((0, at))]
    if kind == 5:
        return rng.randbytes(rng.choice((1, 32, 64)))
    return flip_bits(value, rng, [])
