"""What every platform's signatures promise, whichever it is: nothing unauthentic gets in, and nothing makes them fail."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected, StaleTimestamp
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import PUSH_TOKEN, Credential, Platform, Sample
from tests.platforms.fixtures import (
    NOW,
    Signing,
    credential,
    keys_of,
    request,
    trust,
)
from tests.platforms.suite import (
    every_platform,
    every_sample,
    every_scheme,
    every_scheme_over_bodies,
    fuzzed,
    signed_headers,
    with_header,
)

# --- signatures ----------------------------------------------------------------------------------------------------


@every_sample
def test_accepts_what_the_platform_signed(platform: Platform, sample: Sample) -> None:
    key = keys_of(platform, sample.scheme)[0]
    posted = request(platform, sample.body, key, headers=sample.headers)
    assert platform.verify(posted, credential(key)) == (PUSH_TOKEN if key.public else 0)


@every_scheme_over_bodies
def test_says_which_of_several_secrets_signed(signing: Signing) -> None:
    new, old, _ = signing.keys
    posted = signing.request(old)
    assert signing.platform.verify(posted, credential(new, old)) == 1
    assert signing.platform.verify(posted, credential(old, new)) == 0


@every_scheme
def test_refuses_a_secret_that_was_removed(signing: Signing) -> None:
    new, old, removed = signing.keys
    posted = signing.request(removed)
    for live in (credential(new, old), Credential()):
        with pytest.raises(InvalidSignature):
            signing.platform.verify(posted, live)


@every_scheme_over_bodies
def test_refuses_what_was_tampered_with(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    middle = len(posted.body) // 2
    flipped = posted.body[:middle] + bytes([posted.body[middle] ^ 1]) + posted.body[middle + 1 :]
    for body in (posted.body + b" ", posted.body[:-1], flipped, b""):
        changed = Request(body=body, headers=posted.headers, received_at=NOW)
        with pytest.raises(InvalidSignature):
            signing.platform.verify(changed, credential(signing.keys[0]))


@every_scheme
def test_refuses_a_signature_that_is_missing_or_malformed(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    live = credential(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        if "signature" not in name and name != "authorization":
            continue
        good = (posted.headers.get(name) or "").encode("latin-1")
        bad = [b"", b"sha256=", b"v1", b"v1,", b",", b"=", b"t=,s=", b"\xe9\xff", "１２３".encode(), b"A" * 100_000]
        bad += [good[:-1], good + b"A", b" ", good[:-2] + b"\xc3\xa9", good.replace(b"=", b":", 1)[::-1]]
        for altered in [with_header(posted, name), *[with_header(posted, name, value) for value in bad]]:
            with pytest.raises(InvalidSignature):
                signing.platform.verify(altered, live)


@every_scheme
def test_refuses_another_algorithm_than_its_own(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        value = posted.headers.get(name) or ""
        own = next((method for method in ("sha256=", "sha1=") if method in value), None)
        if own is None:
            continue
        prefix, _, digest = value.partition(own)
        for other in ("sha1=", "sha512=", "SHA256=", "md5=", "none=", "sha256:", "SHA1="):
            if other == own:
                continue
            altered = with_header(posted, name, f"{prefix}{other}{digest}".encode())
            with pytest.raises(InvalidSignature):
                signing.platform.verify(altered, credential(signing.keys[0]))


@every_scheme
def test_refuses_a_security_header_that_stands_twice(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        good = (posted.headers.get(name) or "").encode("latin-1")
        for first, second in ((good, good), (good, b"x"), (b"x", good)):
            if name == "authorization" and first != good:
                continue  # What is first no token is taken for none, and so opens nothing either.
            with pytest.raises(MalformedPayload) as caught:
                signing.platform.verify(with_header(posted, name, first, second), credential(signing.keys[0]))
            assert caught.value.status == 400


def carries_a_time(signing: Signing) -> bool:
    platform, sample, key = signing.platform, signing.sample, signing.keys[0].signs
    later = NOW + timedelta(hours=1)
    first, second = (platform.sign(sample.body, key, when, sample.headers) for when in (NOW, later))
    return first != second


@every_scheme
def test_refuses_what_was_signed_too_long_ago_or_in_the_future(signing: Signing) -> None:
    if not carries_a_time(signing):
        return
    key = signing.keys[0]

    def verify_at(received_at: datetime) -> int:
        return signing.platform.verify(signing.request(key, received_at=received_at), credential(key))

    for seconds in (-299, 0, 299):
        assert verify_at(NOW + timedelta(seconds=seconds)) <= 0
    for away in (timedelta(hours=-1), timedelta(hours=80), timedelta(days=4000)):
        with pytest.raises(StaleTimestamp):
            verify_at(NOW + away)


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(data=st.data())
def test_answers_any_header_and_body_with_a_verdict(platform: Platform, data: st.DataObject) -> None:
    names = st.sampled_from(platform.security_headers)
    hints = ["sha256=", "sha1=", "v1,", "v1a,", "t=1,s=", "1764000000", "2026-11-24T12:00:00Z", "9" * 12, "-1"]
    values = st.one_of(st.binary(max_size=80), st.sampled_from([hint.encode() for hint in hints]))
    raw = data.draw(st.lists(st.tuples(names.map(str.encode), values), max_size=6))
    posted = Request(body=data.draw(st.binary(max_size=200)), headers=Headers(raw), received_at=NOW)
    secrets = tuple(data.draw(st.lists(st.text(max_size=60), max_size=3)))
    for live in (
        Credential(secrets=secrets),
        Credential(secrets=secrets, generic=True, timestamp_signed=True),
        Credential(secrets=secrets, pubsub=trust()),
    ):
        with pytest.raises((InvalidSignature, MalformedPayload)):
            platform.verify(posted, live)


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(query=st.text(max_size=200), token=st.text(max_size=20), posts=st.booleans(), body=st.binary(max_size=50))
def test_answers_any_query_with_a_response_or_a_refusal(
    platform: Platform, query: str, token: str, posts: bool, body: bytes
) -> None:
    asked = Request(method="POST" if posts else "GET", query=query, body=body, received_at=NOW)
    live = Credential(secrets=("secret",), verify_token=token)
    try:
        answer = platform.challenge(asked, live)
    except RequestRejected:
        return
    assert answer is None or isinstance(answer, Response)
