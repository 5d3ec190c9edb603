"""Tokens: one algorithm, keys by their id, and nothing that a token says decides how it is checked."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import InvalidSignature, KeyNeeded, MalformedPayload, StaleTimestamp
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.jwt import (
    check_signature,
    check_times,
    read_base64url,
    read_keys,
    read_private_key,
    read_token,
    sign_token,
    thumbprint,
    write_base64url,
    write_key,
)
from moderation_ai.core.pubsub import PushKey, has_push_token, sign_push, verify_push
from tests.platforms.fixtures import AUDIENCE, NOW, SERVICE_ACCOUNT, pem_of, private_keys, trust

OURS, OTHER, _ = private_keys()
KEYS = {thumbprint(OURS.public_key()): OURS.public_key()}
SECONDS = int(NOW.timestamp())
CLAIMS = {
    "iss": "https://accounts.google.com",
    "aud": AUDIENCE,
    "email": SERVICE_ACCOUNT,
    "email_verified": True,
    "iat": SECONDS,
    "exp": SECONDS + 3600,
}


def token(claims: Any = CLAIMS, header: Any = None, signs: bool = True) -> str:
    """Return a token of these parts, signed by our key whatever they are."""
    fields = header if header is not None else {"alg": "RS256", "kid": thumbprint(OURS.public_key())}
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (fields, claims)]
    signed = ".".join(map(write_base64url, parts))
    signature = OURS.sign(signed.encode(), PKCS1v15(), SHA256()) if signs else b""
    return f"{signed}.{write_base64url(signature)}"


def push(text: str, **changes: Any) -> None:
    """Verify a push with this token."""
    headers = Headers.of({"Authorization": f"Bearer {text}"})
    verify_push(Request(headers=headers, received_at=NOW), trust(OURS.public_key(), **changes))


def test_a_token_that_says_all_that_it_must_is_taken() -> None:
    push(token())
    push(token({**CLAIMS, "aud": ["another", AUDIENCE], "iss": "accounts.google.com"}))


ODD: list[Any] = [None, "", "x", 0, -1, [], {}, False, 10**30, 1e300, "true"]


@pytest.mark.parametrize("name", list(CLAIMS))
@pytest.mark.parametrize("value", ODD)
def test_a_claim_that_is_missing_or_says_something_else_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidSignature):
        push(token({**CLAIMS, name: value}))
    with pytest.raises(InvalidSignature):
        push(token({other: CLAIMS[other] for other in CLAIMS if other != name}))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "k"},
        {"alg": "None", "kid": "k"},
        {"alg": "HS256", "kid": "k"},
        {"alg": "RS512", "kid": "k"},
        {"alg": "ES256", "kid": "k"},
        {"alg": "rs256", "kid": "k"},
        {"alg": ["RS256"], "kid": "k"},
        {"alg": "RS256"},
        {"alg": "RS256", "kid": None},
        {"alg": "RS256", "kid": ""},
        {"alg": "RS256", "kid": {"a": 1}},
        {"alg": "RS256", "kid": "k" * 600},
        {"alg": "RS256", "kid": "k", "crit": ["b64"]},
        {"kid": "k"},
        [],
        b'{"alg":"none","alg":"RS256","kid":"k"}',
        b"\xff",
        b"",
    ],
)
def test_a_head_that_would_choose_how_it_is_checked_is_refused(header: Any) -> None:
    with pytest.raises(InvalidSignature):
        read_token(token(header=header))


def test_our_public_key_is_no_secret_to_sign_with() -> None:
    pem = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kid = thumbprint(OURS.public_key())
    for algorithm in ("HS256", "RS256"):
        head, claims, _ = token(header={"alg": algorithm, "kid": kid}).split(".")
        digest = hmac.new(pem, f"{head}.{claims}".encode(), "sha256").digest()
        with pytest.raises(InvalidSignature):
            push(f"{head}.{claims}.{write_base64url(digest)}")


def test_what_was_tampered_with_is_refused() -> None:
    head, claims, signature = token().split(".")
    later = write_base64url(json.dumps({**CLAIMS, "exp": SECONDS + 10**6}).encode())
    bent = signature[:-3] + ("AAA" if not signature.endswith("AAA") else "BBB")
    for text in (
        f"{head}.{later}.{signature}",
        f"{head}.{claims}.{bent}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.{signature}",
        f"{head}.{claims}.{signature}=",
        f"{head}.{claims}.{signature[:-1]}",
        f" .{claims}.{signature}",
        f"{head}.{claims}.{signature}\n",
        token(signs=False),
        "",
        "..",
        "a.b.c",
        "é.é.é",
        "A" * 10_000,
    ):
        with pytest.raises(InvalidSignature):
            check_signature(read_token(text), KEYS)


def test_a_key_of_somebody_else_is_refused() -> None:
    stranger = sign_token(CLAIMS, OTHER)
    with pytest.raises(InvalidSignature, match="a key that its issuer does not have"):
        push(stranger)
    claimed = token(header={"alg": "RS256", "kid": thumbprint(OTHER.public_key())})
    with pytest.raises(InvalidSignature, match="signature is wrong"):
        check_signature(read_token(claimed), {thumbprint(OTHER.public_key()): OTHER.public_key()})


@pytest.mark.parametrize(
    ("issued", "lives", "is_good"),
    [
        (0, 3600, True),
        (300, 3600, True),
        (301, 3600, False),
        (-3900, 3600, True),
        (-3901, 3600, False),
        (-299, -1, True),
    ],
)
def test_a_token_counts_while_it_lives_give_or_take_five_minutes(issued: int, lives: int, is_good: bool) -> None:
    claims = {"iat": SECONDS + issued, "exp": SECONDS + issued + lives}
    if is_good:
        check_times(claims, NOW)
    else:
        with pytest.raises(StaleTimestamp):
            check_times(claims, NOW)


def test_the_keys_are_asked_for_only_when_all_else_is_right() -> None:
    with pytest.raises(KeyNeeded) as caught:
        push(token(), keys=None)
    assert (caught.value.url, caught.value.key_id) == (trust().keys_url, thumbprint(OURS.public_key()))
    assert caught.value.status == 503
    for changes in ({"audience": "x"}, {"service_account": "x"}):
        with pytest.raises(InvalidSignature):
            push(token(), keys=None, **changes)


def test_a_second_token_is_none_that_could_be_meant() -> None:
    fields = [(b"authorization", f"Bearer {token()}".encode())] * 2
    with pytest.raises(MalformedPayload):
        verify_push(Request(headers=Headers(fields), received_at=NOW), trust(OURS.public_key()))


@pytest.mark.parametrize(("value", "said"), [("Bearer x", True), ("bearer x", True), ("Basic x", False), ("", False)])
def test_tells_tokens_from_other_authorizations(value: str, said: bool) -> None:
    assert has_push_token(Request(headers=Headers.of({"Authorization": value}), received_at=NOW)) is said


# --- keys ----------------------------------------------------------------------------------------------------------


def key_set(*fields: Any) -> bytes:
    return json.dumps({"keys": fields}).encode()


def test_reads_the_keys_that_can_be_used_and_leaves_out_the_others() -> None:
    good = write_key(OURS.public_key())
    one_bit_short = {**good, "kid": "short", "n": write_base64url((2**2047 - 1).to_bytes(256))}
    others = [
        {**good, "kid": "1", "kty": "EC"},
        {**good, "kid": "2", "use": "enc"},
        {**good, "kid": "3", "alg": "RS512"},
        {**good, "kid": "4", "n": "AQAB"},
        {**good, "kid": "5", "e": "AA"},
        {**good, "kid": "6", "e": "Ag"},
        {**good, "kid": "7", "n": good["n"] + "="},
        {**good, "kid": "8", "n": 7},
        {**good, "kid": "9", "e": "A" * 40},
        {**good, "kid": None},
        {"kid": "10", "kty": "RSA"},
        {**good, "n": write_key(OTHER.public_key())["n"]},
        one_bit_short,
        7,
        None,
        [],
    ]
    found = read_keys(key_set(good, *others))
    assert list(found) == [good["kid"]]
    assert found[good["kid"]].public_numbers() == OURS.public_key().public_numbers()
    bare = {name: good[name] for name in ("kty", "kid", "n", "e")}
    assert list(read_keys(key_set(bare))) == [good["kid"]]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys":{}}', b"<html>", b"\xff", b'{"keys":[],"keys":[]}'])
def test_what_is_no_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read_keys(body)


def test_the_thumbprint_is_that_of_the_standard() -> None:
    # The example of RFC 7638, section 3.1.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM"
        "QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw"
    )
    [key] = read_keys(key_set({"kty": "RSA", "n": modulus, "e": "AQAB", "kid": "2011-04-29"})).values()
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_only_rsa_keys_without_a_password_sign() -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in (pem, "", "no key", pem_of(OURS)[:200], "\ud800"):
        with pytest.raises(ValueError):
            read_private_key(text)
    assert read_private_key(pem_of(OURS)).public_key().public_numbers() == OURS.public_key().public_numbers()


def test_what_signs_stands_as_one_text() -> None:
    key = PushKey(private_key=pem_of(OURS), audience=AUDIENCE, service_account=SERVICE_ACCOUNT)
    assert PushKey.of(key.to_text()) == key
    for other in ("a plain secret", "{}", "\ud800", "[" * 5000, '{"private_key":7}'):
        assert PushKey.of(other) is None
    fields = sign_push(key, NOW)
    request = Request(headers=Headers.of(fields), received_at=NOW + timedelta(minutes=59))
    verify_push(request, trust(OURS.public_key()))


@pytest.mark.parametrize("text", ["", "=", "A", "A=", "AA==", "AB", "A B", "A+", "A/", "é", "AAAA\n"])
def test_there_is_one_spelling_of_base64url(text: str) -> None:
    assert read_base64url(text) is None


@given(st.binary(max_size=60))
def test_base64url_there_and_back(content: bytes) -> None:
    assert read_base64url(write_base64url(content)) == (content or None)


@pytest.mark.fuzz
@given(
    st.text(max_size=200)
    | st.lists(st.binary(max_size=60), max_size=4).map(lambda p: ".".join(map(write_base64url, p)))
)
def test_any_text_is_a_token_that_nobody_signed(text: str) -> None:
    with pytest.raises(InvalidSignature):
        push(text)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_set_or_a_refusal(body: bytes) -> None:
    try:
        read_keys(body)
    except MalformedPayload:
        return
