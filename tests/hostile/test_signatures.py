"""Signatures that no key of ours made: each is refused by the platform's own status, and nothing of it is kept.

Many of these make other libraries raise, which their users' servers answer by 500.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

from moderation_ai.core.platform import Platform
from tests.hostile.stage import (
    Field,
    Target,
    ask_each,
    has_hub,
    is_refused,
    path_of,
    raw,
    replaced,
    sample_of,
    signature_fields,
    signed,
)
from tests.platforms.fixtures import NOW, PLATFORMS, Signing, keys_of, signings

SECONDS = str(int(NOW.timestamp())).encode()
IN_TEN_YEARS = str(int((NOW + timedelta(days=3650)).timestamp())).encode()

SIGNINGS = [signing for signing in signings() if signing.signs_the_body]
"""The schemes of all platforms but Pub/Sub's, whose tokens sign no body."""


def every(found: Iterable[Signing]) -> pytest.MarkDecorator:
    listed = list(found)
    names = [f"{signing.platform.name}-{signing.sample.scheme}".rstrip("-") for signing in listed]
    return pytest.mark.parametrize("signing", listed, ids=names)


every_scheme = every(SIGNINGS)


def garbled(good: bytes) -> Iterator[bytes]:
    """Yield signatures that are none: cut, lengthened, of other alphabets, of other schemes."""
    yield from (b"", b" ", b",", b"=", b"sha256=", b"v1", b"v1,", b"v1a,", b"v2,AAAA", b"t=,s=", b"t=1", b"null", b"0")
    yield from (good[:-1], good[:-2], good[:9], good + b"A", good + b"00", good + b"=", good[::-1])
    yield from (b"\xe9" * 64, "é".encode(), "１２３".encode(), good[:-2] + b"\xc3\xa9", good + b"\xff", b"\xa0" + good)
    yield from (good.replace(b",", b""), good.replace(b"=", b""), good.replace(b"=", b"=="), good.replace(b"v1", b"v9"))
    yield from (b"A" * 5000, b"v1," * 5000, b"s=" * 5000, b"=" * 5000, b"v1,!!!! v1,???? v1,_-_-", b"v1,AAA v1,A=A=")
    yield from (b"t=1,t=2,s=00", b"t=" + SECONDS, b"s=00", b"t=" + SECONDS + b",s=zz", b"true", b"{}", b"Bearer x.y.z")


def downgraded(good: bytes, body: bytes, secret: str) -> Iterator[bytes]:
    """Yield signatures by algorithms that are weaker, or not the platform's, made with the right secret."""
    for algorithm in ("sha1", "md5", "sha512", "sha384"):
        digest = hmac.new(secret.encode(), body, algorithm)
        for text in (digest.hexdigest().encode(), b64encode(digest.digest())):
            yield from (text, algorithm.encode() + b"=" + text, b"sha256=" + text, b"v1," + text)
            yield b"t=" + SECONDS + b",s=" + text
    for other in (b"sha1=", b"SHA256=", b"sha256:", b"none=", b"sha256=0x", b"hmac-sha256="):
        if b"sha256=" in good:
            yield good.replace(b"sha256=", other)


ODD_TIMES = (
    *(b"abc", b"nan", b"NaN", b"inf", b"-1", b"+1", b"1e9", b"0x10", b"1_000", b" 12\t", b"", b"0", b"9" * 5000),
    *("１２３".encode(), b"\xb2\xb3", b"9" * 11, b"9" * 12, b"9" * 19, b"-99999999999", b"0001-01-01T00:00:00+14:00"),
    *(b"9999-12-31T23:59:59-14:00", SECONDS + b".5e", SECONDS[:-1] + b"_" + SECONDS[-1:], IN_TEN_YEARS, b"1764e6"),
)


def altered(signing: Signing) -> Iterator[list[Field]]:
    """Yield the fields of a signed request with one of those that decide altered."""
    platform, sample, key = signing.platform, signing.sample, signing.keys[0]
    body = sample.body
    fields = signed(platform, body, headers=sample.headers)
    for name, good in signature_fields(platform, fields):
        if "signature" in name.lower():
            yield replaced(fields, name)
            # A hub may sign by what is weak elsewhere.
            weaker = () if signing.is_by_hub else downgraded(good, body, key.verifies)
            for bad in {*garbled(good), *weaker} - {good}:
                yield replaced(fields, name, bad)
        if SECONDS in good:
            for odd in ODD_TIMES:
                yield replaced(fields, name, good.replace(SECONDS, odd))


@every_scheme
def test_refuses_whatever_stands_in_place_of_a_signature_and_keeps_nothing(signing: Signing, gateway: Target) -> None:
    path, body = path_of(signing.platform), signing.sample.body
    before = gateway.counts()
    requests = [raw(path, fields, body) for fields in altered(signing)]
    assert len(requests) > 30
    for data, answer in zip(requests, ask_each(gateway.port, requests), strict=True):
        assert is_refused(answer, signing.platform, by_hub=signing.is_by_hub), data[:400]
    assert gateway.counts() == before


@pytest.mark.parametrize("platform", [each for each in PLATFORMS if not has_hub(each)], ids=lambda each: each.name)
def test_refuses_the_old_sha1_header_alone(platform: Platform, gateway: Target) -> None:
    body = sample_of(platform).body
    digest = hmac.new(keys_of(platform)[0].verifies.encode(), body, "sha1").hexdigest()
    fields = [("X-Hub-Signature", b"sha1=" + digest.encode()), ("X-Signature", b"sha1=" + digest.encode())]
    [answer] = ask_each(gateway.port, [raw(path_of(platform), fields, body)])
    assert answer.status == platform.refusal_status


@every_scheme
def test_refuses_the_signature_of_another_body(signing: Signing, gateway: Target) -> None:
    platform, sample = signing.platform, signing.sample
    fields = signed(platform, sample.body, headers=sample.headers)
    bodies = [b"", sample.body[:-1], sample.body + b" ", b" " + sample.body, b"\xef\xbb\xbf" + sample.body]
    bodies += [sample.body.replace(b":", b": ", 1), sample.body.upper(), b"\xff\xfe\xfa"]
    before = gateway.counts()
    for answer in ask_each(gateway.port, [raw(path_of(platform), fields, body) for body in bodies]):
        assert is_refused(answer, platform, by_hub=signing.is_by_hub)
    assert gateway.counts() == before


@every_scheme
def test_answers_400_to_a_field_that_decides_and_stands_twice(signing: Signing, gateway: Target) -> None:
    platform, sample = signing.platform, signing.sample
    fields = signed(platform, sample.body, headers=sample.headers)
    before = gateway.counts()
    requests = []
    for name, value in signature_fields(platform, fields):
        for second in (value, b"", b"\xff", value[::-1]):
            requests.append(raw(path_of(platform), [*fields, (name.upper(), second)], sample.body))
            requests.append(raw(path_of(platform), [(name.lower(), second), *fields], sample.body))
    for answer in ask_each(gateway.port, requests):
        assert answer.status == 400
    assert gateway.counts() == before


def carries_a_time(signing: Signing) -> bool:
    fields = signed(signing.platform, signing.sample.body, headers=signing.sample.headers)
    return any(SECONDS in value for _, value in fields)


@every(filter(carries_a_time, SIGNINGS))
@pytest.mark.parametrize(
    "away", [timedelta(days=-3650), timedelta(hours=-74), timedelta(hours=1), timedelta(days=3650)]
)
def test_refuses_what_was_signed_at_another_time(signing: Signing, away: timedelta, gateway: Target) -> None:
    platform, sample = signing.platform, signing.sample
    fields = signed(platform, sample.body, headers=sample.headers, at=NOW + away)
    before = gateway.counts()
    [answer] = ask_each(gateway.port, [raw(path_of(platform), fields, sample.body)])
    assert is_refused(answer, platform, by_hub=signing.is_by_hub)
    assert gateway.counts() == before


@every_scheme
def test_goes_on_with_the_connection_and_takes_what_is_signed(signing: Signing, gateway: Target) -> None:
    platform = signing.platform
    sample = sample_of(platform, serial=77, scheme=signing.sample.scheme)
    fields = signed(platform, sample.body, headers=sample.headers)
    name, good = next(field for field in signature_fields(platform, fields) if "signature" in field[0].lower())
    data = [raw(path_of(platform), replaced(fields, name, value), sample.body) for value in (good[:-3], b"\xe9", good)]
    *bad, taken = ask_each(gateway.port, data)
    assert all(is_refused(answer, platform, by_hub=signing.is_by_hub) for answer in bad)
    assert (taken.status, b'"new":1' in taken.body) == (200, True)
