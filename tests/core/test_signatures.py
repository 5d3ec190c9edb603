"""Signature schemes: digests, windows, and the brief's two functions that always answer."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import InvalidSignature, StaleTimestamp
from moderation_ai.core.generic import secret_bytes, standard_key
from moderation_ai.core.signatures import (
    check_window,
    hmac_digest,
    is_fresh,
    is_generic_signature,
    matching_secret,
    read_base64,
    read_hex,
    read_seconds,
    same_text,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


@given(secret=st.binary(max_size=200), content=st.binary(max_size=300))
def test_makes_the_hmac_that_the_standard_library_makes(secret: bytes, content: bytes) -> None:
    for algorithm, name in ((sha256, "sha256"), (sha1, "sha1")):
        assert hmac_digest(secret, content, name) == hmac.digest(secret, content, algorithm)
        assert hmac_digest(secret, content, name) == hmac.digest(secret, content, algorithm), "a secret is used up"


def test_makes_the_hmac_of_rfc_4231() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_digest(b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_finds_which_secret_signed_and_prefers_the_newest() -> None:
    digest = hmac_digest(b"old", b"body")
    assert matching_secret([b"new", b"old"], b"body", [None, b"short", digest]) == 1
    assert matching_secret([b"old", b"old"], b"body", [digest]) == 0
    assert matching_secret([b"new"], b"body", [digest]) is None
    assert matching_secret([], b"body", [digest]) is None
    assert matching_secret([b"old"], b"body", []) is None


def test_lets_nobody_sign_with_nothing_or_with_what_everybody_knows() -> None:
    assert matching_secret([b""], b"body", [hmac_digest(b"", b"body")]) is None
    assert secret_bytes(PUBLIC_KEY) == standard_key(PUBLIC_KEY) == b""
    for secret in ("", PUBLIC_KEY):
        signature = hmac.new(secret.encode(), b"body", sha256).hexdigest()
        assert not is_generic_signature(b"body", signature, secret)


@pytest.mark.parametrize("text", ["0", "zz", "0x00", "00 ", " 00", "００", "é", "00" * 600, "", None, "00\n"])
def test_reads_nothing_but_plain_hexadecimal(text: str | None) -> None:
    assert read_hex(text) is None
    assert read_hex("00fF") == b"\x00\xff"


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "====", "AA=A", "AA AA", "AAAA\n", "-_AA", "é", "A" * 2000, "", None]
)
def test_reads_nothing_but_strict_base64(text: str | None) -> None:
    assert read_base64(text) is None
    assert read_base64("AAE=") == b"\x00\x01"


@pytest.mark.parametrize("text", ["１２３", "1_000", " 1", "1\n", "-1", "+1", "1.0", "", "9" * 12, None])
def test_reads_nothing_but_plain_seconds(text: str | None) -> None:
    assert read_seconds(text) is None
    assert read_seconds("1795521600") == 1795521600


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", False), (None, None, False), ("a", None, False), ("é", "é", True)],
)
def test_compares_texts_of_which_neither_is_missing(given: str | None, expected: str | None, same: bool) -> None:
    assert same_text(given, expected) is same


def test_keeps_a_window_to_both_sides() -> None:
    for seconds in (-10, 0, 300):
        check_window(NOW - timedelta(seconds=seconds), NOW, past=300, future=10)
    for seconds in (-11, 301):
        with pytest.raises(StaleTimestamp):
            check_window(NOW - timedelta(seconds=seconds), NOW, past=300, future=10)
    with pytest.raises(InvalidSignature):
        check_window(None, NOW)


DIGEST = hmac.new(b"secret", b'{"a": "\xc3\xa4"}', sha256).hexdigest()


@pytest.mark.parametrize("payload", [b'{"a": "\xc3\xa4"}', bytearray(b'{"a": "\xc3\xa4"}'), '{"a": "ä"}'])
@pytest.mark.parametrize("signature", [DIGEST, f"sha256={DIGEST}", DIGEST.encode(), DIGEST.upper()])
@pytest.mark.parametrize("secret", ["secret", b"secret", ["other", "secret"]])
def test_knows_the_briefs_signature_in_every_spelling(payload: Any, signature: Any, secret: Any) -> None:
    assert is_generic_signature(payload, signature, secret)
    assert not is_generic_signature(payload, signature, "another")


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()), st.datetimes()
)


@pytest.mark.fuzz
@given(payload=anything, signature=anything, secret=anything)
def test_answers_any_signature_with_no(payload: object, signature: object, secret: object) -> None:
    assert is_generic_signature(payload, signature, secret) is False


@pytest.mark.parametrize(
    "timestamp",
    [1795521600, "1795521600", b"1795521600", 1795521300.5, "2026-11-24T12:05:00Z", "2026-11-24T13:00:00+01:00", NOW],
)
def test_takes_a_time_within_the_age_for_fresh(timestamp: object) -> None:
    assert is_fresh(timestamp, 300, NOW)
    assert not is_fresh(timestamp, 300, NOW + timedelta(hours=1))
    assert not is_fresh(timestamp, 300, NOW - timedelta(hours=1))


@pytest.mark.parametrize("age", [-1, None, True, "300", float("nan"), float("inf"), 10**12])
def test_takes_nothing_for_fresh_where_the_age_is_no_number(age: object) -> None:
    assert not is_fresh(1795521600, age, NOW)


@pytest.mark.fuzz
@given(timestamp=anything, age=anything)
def test_answers_any_time_and_age_with_yes_or_no(timestamp: object, age: object) -> None:
    assert is_fresh(timestamp, age, NOW) in (True, False)
