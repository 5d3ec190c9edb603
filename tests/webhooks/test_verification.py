"""The brief's verify and validate functions: True or False, whatever they are given."""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.signatures import is_fresh
from moderation_ai.platforms import find_platform
from moderation_ai.utils import WebhookHandler, validate_webhook_timestamp, verify_webhook_signature

BODY, SECRET = b'{"a": "\xc3\xa9"}', "s\u00e9cret"
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


class Hostile:
    """An object that raises whatever is asked of it."""

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("leave me alone")

    __str__ = __repr__ = __eq__ = __bool__ = __len__ = __iter__ = __bytes__ = __float__ = __int__ = __index__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __sub__ = __rsub__ = __getattr__ = _refuse
    __hash__ = None  # type: ignore[assignment]  # as hostile as can be
    __class__ = property(_refuse)  # type: ignore[assignment]  # isinstance() asks for it


class HostileText(str):
    def encode(self, *_: object) -> bytes:  # type: ignore[override]  # on purpose
        raise RuntimeError("leave me alone")

    startswith = lstrip = isdigit = isascii = encode  # type: ignore[assignment]  # on purpose


class HostileBytes(bytes):
    def __bytes__(self) -> bytes:
        raise RuntimeError("leave me alone")

    def decode(self, *_: object) -> str:  # type: ignore[override]  # on purpose
        raise RuntimeError("leave me alone")


class HostileTime(datetime):
    def utcoffset(self) -> timedelta | None:
        raise RuntimeError("leave me alone")


def released() -> memoryview:
    view = memoryview(BODY)
    view.release()
    return view


ODD: list[Any] = [
    None, True, False, 0, 1, -1, 1.5, math.nan, math.inf, -math.inf, 10**5000, 2**63, -(10**30), Decimal("NaN"), Decimal(1),
    "", "nan", "inf", "1_000", "１２３", " 12\n", "12\n", "9" * 5000, "-" * 5000, "0x10", "١٢", "1e9", "\ud800", "é", "\x00", "sha256=",
    b"", b"\xff", b"12", bytearray(b"12"), memoryview(b"12"), released(), memoryview(b"1234")[::2],
    [], [1], [None], ["a", b"b"], (), {}, {"a": 1}, set(), object(), Hostile(), HostileText("12"), HostileBytes(b"12"),
    HostileTime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1), NOW, timedelta(1), complex(1, 2), range(3), print, type,
    [Hostile()], (HostileText("a"),),
]  # fmt: skip


@pytest.mark.parametrize("given", range(len(ODD)))
def test_any_object_is_no_signature_of_any_payload(given: int) -> None:
    for other in (BODY, DIGEST, SECRET, None):
        assert verify_webhook_signature(ODD[given], other, SECRET) is False
        assert verify_webhook_signature(BODY, ODD[given], other) is False
        assert verify_webhook_signature(other, other, ODD[given]) is False
    assert verify_webhook_signature(ODD[given], ODD[given], ODD[given]) is False


@pytest.mark.parametrize("given", range(len(ODD)))
def test_any_object_as_a_time_or_an_age_gives_an_answer(given: int) -> None:
    assert validate_webhook_timestamp(ODD[given]) in (True, False)
    assert validate_webhook_timestamp(ODD[given], ODD[given]) in (True, False)
    assert validate_webhook_timestamp(datetime.now(UTC), ODD[given]) in (True, False)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.datetimes(), st.decimals(),
    st.complex_numbers(), st.lists(st.text() | st.binary() | st.none()), st.binary().map(bytearray),
    st.binary().map(memoryview), st.integers(10**40, 10**60),
)  # fmt: skip


@pytest.mark.fuzz
@given(anything, anything, anything)
def test_verifying_answers_for_anything(payload: Any, signature: Any, secret: Any) -> None:
    assert verify_webhook_signature(payload, signature, secret) is False


@pytest.mark.fuzz
@given(anything, anything)
def test_validating_answers_for_anything(timestamp: Any, max_age: Any) -> None:
    assert validate_webhook_timestamp(timestamp, max_age) in (True, False)


@pytest.mark.fuzz
@given(st.binary(), st.text(min_size=1), st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_a_signature_with_another_digit_does_not_verify(body: bytes, secret: str, at: int, digit: str) -> None:
    good = hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()
    other = good[:at] + digit + good[at + 1 :]
    assert verify_webhook_signature(body, good, secret) is True
    assert verify_webhook_signature(body, other, secret) is (other == good)


@pytest.mark.parametrize(
    ("payload", "signature", "secret"),
    [
        (BODY, DIGEST, SECRET),
        (BODY, "sha256=" + DIGEST, SECRET),
        (BODY, DIGEST.upper(), SECRET),
        (BODY, DIGEST.encode(), SECRET),
        (BODY.decode(), DIGEST, SECRET),
        (bytearray(BODY), DIGEST, SECRET),
        (memoryview(BODY), DIGEST, SECRET),
        (BODY, DIGEST, SECRET.encode()),
        (BODY, DIGEST, ["newer", SECRET]),
        (BODY, DIGEST, ("newer", SECRET.encode(), "")),
    ],
)
def test_accepts_what_was_signed(payload: Any, signature: Any, secret: Any) -> None:
    assert verify_webhook_signature(payload, signature, secret) is True


@pytest.mark.parametrize(
    ("payload", "signature", "secret"),
    [
        (BODY + b" ", DIGEST, SECRET),
        (BODY, DIGEST[:-1], SECRET),
        (BODY, DIGEST + "00", SECRET),
        (BODY, "sha1=" + DIGEST, SECRET),
        (BODY, "SHA256=" + DIGEST, SECRET),
        (BODY, " " + DIGEST, SECRET),
        (BODY, DIGEST + "\n", SECRET),
        (BODY, DIGEST.translate({ord(str(n)): ord("０") + n for n in range(10)}), SECRET),
        (BODY, hmac.new(b"", BODY, hashlib.sha256).hexdigest(), ""),
        (BODY, hmac.new(b"", BODY, hashlib.sha256).hexdigest(), None),
        (BODY, DIGEST, []),
        (BODY, DIGEST, "another"),
        (BODY, None, SECRET),
        (BODY, "", SECRET),
    ],
)
def test_refuses_what_was_tampered_with(payload: Any, signature: Any, secret: Any) -> None:
    assert verify_webhook_signature(payload, signature, secret) is False


SPELLINGS: list[tuple[str, Callable[[datetime], Any]]] = [
    ("int", lambda when: int(when.timestamp())),
    ("float", lambda when: when.timestamp()),
    ("text", lambda when: str(int(when.timestamp()))),
    ("bytes", lambda when: str(int(when.timestamp())).encode()),
    ("milliseconds", lambda when: int(when.timestamp() * 1000)),
    ("Z", lambda when: when.strftime("%Y-%m-%dT%H:%M:%SZ")),
    ("offset", lambda when: when.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()),
    ("no zone is UTC", lambda when: when.strftime("%Y-%m-%dT%H:%M:%S")),
    ("fraction", lambda when: when.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")),
    ("datetime", lambda when: when),
]


@pytest.mark.parametrize("spell", [spell for _, spell in SPELLINGS], ids=[name for name, _ in SPELLINGS])
@pytest.mark.parametrize(
    ("age", "fresh"), [(0, True), (300, True), (301, False), (-300, True), (-301, False), (10**7, False)]
)
def test_the_window_has_two_sides_in_every_spelling(spell: Callable[[datetime], Any], age: float, fresh: bool) -> None:
    assert is_fresh(spell(NOW - timedelta(seconds=age)), 300, NOW) is fresh


@pytest.mark.parametrize(
    "timestamp",
    [
        None, "", "now", "nan", "inf", "-inf", "１２３", "1_000", " 12\n", f" {SECONDS}", f"{SECONDS}\n", f"+{SECONDS}", "9" * 5000,
        True, [SECONDS], {"t": SECONDS}, float("nan"), float("inf"), 10**400, datetime(2026, 3, 1, 12),
        "2026-03-01", "2026-13-01T12:00:00Z", "2026-03-01T25:00:00Z", "２０２６-03-01T12:00:00Z", f"{SECONDS:x}", b"\xff" * 10,
    ],
)  # fmt: skip
def test_what_is_no_time_is_not_fresh(timestamp: Any) -> None:
    assert is_fresh(timestamp, 10**11, NOW) is False


@pytest.mark.parametrize(
    ("max_age", "fresh"),
    [
        (0, True), (0.0, True), (1e11, True), (-1, False), (float("nan"), False), (float("inf"), False), (None, False),
        ("300", False), (True, False), (10**400, False), ([], False), (Decimal(300), False),
    ],
)  # fmt: skip
def test_an_odd_age_lets_nothing_through(max_age: Any, fresh: bool) -> None:
    assert is_fresh(SECONDS, max_age, NOW) is fresh
    assert is_fresh(SECONDS + 1, 0, NOW) is False


def test_the_functions_of_the_brief_read_the_real_clock() -> None:
    now = datetime.now(UTC)
    assert validate_webhook_timestamp(now.isoformat(), max_age=300) is True
    assert validate_webhook_timestamp(str(int(now.timestamp()))) is True
    assert validate_webhook_timestamp(int(now.timestamp()) - 400) is False
    assert validate_webhook_timestamp(int(now.timestamp()) - 400, max_age=500) is True


@pytest.mark.parametrize("secret", [SECRET, ["newer", SECRET]])
def test_a_handler_verifies_under_its_live_secrets(secret: Any) -> None:
    handler = WebhookHandler(secret=secret)
    assert handler.verify_signature(BODY, DIGEST) is True
    assert handler.verify_signature(BODY, DIGEST[::-1]) is False


def test_a_handler_without_a_secret_verifies_nothing() -> None:
    empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert WebhookHandler().verify_signature(BODY, empty) is False


@pytest.mark.parametrize("name", ["instagram", "twitter"])
def test_a_platforms_own_request_is_refused_with_a_hint_what_to_do(name: str, caplog: pytest.LogCaptureFixture) -> None:
    handler = WebhookHandler(secret=SECRET)
    sample = find_platform(name).samples(NOW, 1)[0]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert handler.verify_signature(sample.body, None) is False
    (record,) = [one for one in caplog.records if one.name.endswith("verification")]
    assert f"looks like {name}'s own" in record.message
    assert "handler.receive(request)" in record.message


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"event_type":"x","data":{}}', b"x" * (1 << 21)]
)
def test_other_bodies_give_no_hint(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert verify_webhook_signature(body, None, SECRET) is False
    assert not [message for message in caplog.messages if "looks like" in message]
