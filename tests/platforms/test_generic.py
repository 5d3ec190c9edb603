"""The generic schemes: the brief's X-Signature, Standard Webhooks and Svix, against published vectors."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, StaleTimestamp
from moderation_ai.core.generic import delivery_id, sign_brief, sign_standard
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms import find_platform
from moderation_ai.platforms.generic import PLATFORM
from tests.platforms.fixtures import NOW

# standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py and libraries/rust/src/lib.rs;
# svix/svix-webhooks, server/svix-server/src/worker.rs (v1a).
SVIX_ID, SVIX_TIME, SVIX_BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SVIX_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SVIX_V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SVIX_V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="


def standard(
    signature: str, *, family: str = "webhook", body: bytes = SVIX_BODY, time: str = str(SVIX_TIME), late: float = 0
) -> Request:
    fields = {f"{family}-id": SVIX_ID, f"{family}-timestamp": time, f"{family}-signature": signature}
    at = datetime.fromtimestamp(SVIX_TIME, UTC) + timedelta(seconds=late)
    return Request(body=body, headers=Headers.of(fields), received_at=at)


@pytest.mark.parametrize("family", ["webhook", "svix"])
@pytest.mark.parametrize(
    ("signature", "secret"),
    [
        (SVIX_V1, SVIX_SECRET),
        (f"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,anything {SVIX_V1}", SVIX_SECRET),
        (f"nocomma  , v1 v1,=== {SVIX_V1}", SVIX_SECRET),
        (SVIX_V1A, PUBLIC_KEY),
        (f"{SVIX_V1} {SVIX_V1A}", PUBLIC_KEY),
    ],
)
def test_verifies_published_signatures(family: str, signature: str, secret: str) -> None:
    assert PLATFORM.verify(standard(signature, family=family), Credential(secrets=("other", secret))) == 1


def test_verifies_the_vector_of_the_rust_library() -> None:
    fields = {
        "webhook-id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "webhook-timestamp": "1649367553",
        "webhook-signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    }
    body = b'{"email":"test@example.com","username":"test_user"}'
    at = datetime.fromtimestamp(1649367553, UTC)
    request = Request(body=body, headers=Headers.of(fields), received_at=at)
    assert PLATFORM.verify(request, Credential(secrets=("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",))) == 0


@pytest.mark.parametrize(
    "signature",
    [
        # The published example of one that must fail: base64 whose last character carries other bits.
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=",
        SVIX_V1.replace("v1,", "v2,"),
        SVIX_V1.replace("v1,", "v1a,"),
        SVIX_V1.replace(",", " "),
        SVIX_V1[3:],
        SVIX_V1A,
        "v1,",
        "v1,é",
    ],
)
def test_refuses_signatures_that_only_look_like_it(signature: str) -> None:
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(standard(signature), Credential(secrets=(SVIX_SECRET,)))


@pytest.mark.parametrize(
    "time", ["nan", "abc", "１６１４２６５３３０", "1_614_265_330", " 1614265330", "-1", "", "9" * 12]
)
def test_refuses_a_time_that_is_not_plain_digits(time: str) -> None:
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(standard(SVIX_V1, time=time), Credential(secrets=(SVIX_SECRET,)))


@pytest.mark.parametrize("late", [301, -301, 10**9])
def test_refuses_a_signed_time_outside_the_window(late: float) -> None:
    with pytest.raises(StaleTimestamp):
        PLATFORM.verify(standard(SVIX_V1, late=late), Credential(secrets=(SVIX_SECRET,)))


def test_refuses_a_message_id_with_the_separator_in_it() -> None:
    # "a.1" and "1" would sign the same bytes as "a" and "1.1".
    fields = sign_standard(b"{}", "secret", NOW, "msg.1")
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(
            Request(body=b"{}", headers=Headers.of(fields), received_at=NOW), Credential(secrets=("secret",))
        )


def test_signs_as_published() -> None:
    at = datetime.fromtimestamp(SVIX_TIME, UTC)
    assert sign_standard(SVIX_BODY, SVIX_SECRET, at, SVIX_ID)["webhook-signature"] == SVIX_V1
    assert sign_standard(SVIX_BODY, PRIVATE_KEY, at, SVIX_ID, family="svix")["svix-signature"] == SVIX_V1A


def test_takes_plain_and_prefixed_secrets_side_by_side() -> None:
    live = Credential(secrets=("a plain text", SVIX_SECRET, PUBLIC_KEY))
    for index, secret in enumerate(("a plain text", SVIX_SECRET, PRIVATE_KEY)):
        fields = sign_standard(b"{}", secret, NOW, "msg_1")
        request = Request(body=b"{}", headers=Headers.of(fields), received_at=NOW)
        assert PLATFORM.verify(request, live) == index
        assert delivery_id(request) == "msg_1"


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_takes_the_briefs_signature_with_or_without_its_prefix(prefix: str) -> None:
    digest = sign_brief(b"{}", "secret", NOW)["X-Signature"].removeprefix("sha256=")
    for text in (digest, digest.upper()):
        request = Request(body=b"{}", headers=Headers.of({"X-Signature": prefix + text}), received_at=NOW)
        assert PLATFORM.verify(request, Credential(secrets=("secret",))) == 0


@pytest.mark.parametrize("time", ["2026-11-24T12:00:00Z", "1795521600", "1795521600000"])
def test_checks_the_briefs_time_where_it_is_sent(time: str) -> None:
    def verify(late: float) -> int:
        fields = {**sign_brief(b"{}", "secret", NOW), "X-Timestamp": time}
        request = Request(body=b"{}", headers=Headers.of(fields), received_at=NOW + timedelta(seconds=late))
        return PLATFORM.verify(request, Credential(secrets=("secret",)))

    assert verify(300) == verify(-300) == 0
    for late in (301, -301):
        with pytest.raises(StaleTimestamp):
            verify(late)


def test_signs_the_briefs_time_where_that_is_configured() -> None:
    live = Credential(secrets=("secret",), timestamp_signed=True)
    fields = sign_brief(b"{}", "secret", NOW, timestamp_signed=True)

    def verify(**changed: str | None) -> int:
        kept = {name: value for name, value in {**fields, **changed}.items() if value is not None}
        return PLATFORM.verify(Request(body=b"{}", headers=Headers.of(kept), received_at=NOW), live)

    assert verify() == 0
    for changed in ({"X-Timestamp": "1795521601"}, {"X-Timestamp": None}, sign_brief(b"{}", "secret", NOW)):
        with pytest.raises(InvalidSignature):
            verify(**changed)


def test_opens_another_platforms_address_only_where_that_is_configured() -> None:
    twitter = find_platform("twitter")
    request = Request(body=b"{}", headers=Headers.of(sign_brief(b"{}", "secret", NOW)), received_at=NOW)
    assert twitter.verify(request, Credential(secrets=("secret",), generic=True)) == 0
    with pytest.raises(InvalidSignature):
        twitter.verify(request, Credential(secrets=("secret",)))


@pytest.mark.parametrize("name", ["reddit", "youtube", "medium"])
def test_opens_the_addresses_of_platforms_that_sign_nothing(name: str) -> None:
    for fields in (sign_brief(b"{}", "secret", NOW), sign_standard(b"{}", "secret", NOW, "msg_1")):
        request = Request(body=b"{}", headers=Headers.of(fields), received_at=NOW)
        assert find_platform(name).verify(request, Credential(secrets=("secret",))) == 0


def test_keeps_the_platform_and_the_delivery_that_an_envelope_names() -> None:
    body = b'{"event_type":"comment.created","platform":"forum","data":{"comment":{"id":"1"}}}'
    fields = {"webhook-id": "msg_9", "webhook-signature": "v1,"}
    parsed = PLATFORM.parse(Request(body=body, headers=Headers.of(fields), received_at=NOW))
    assert (parsed.facts[0].platform, parsed.delivery_id) == ("forum", "msg_9")


@pytest.mark.parametrize(
    "fields",
    [
        {"webhook-id": "msg_9", "X-Signature": "00"},
        {"webhook-id": "msg_9", "svix-id": "msg_1", "svix-signature": "v1,"},
        {"webhook-id": "m" * 600, "webhook-signature": "v1,"},
    ],
)
def test_takes_no_id_of_a_delivery_that_its_signature_does_not_cover(fields: dict[str, str]) -> None:
    assert delivery_id(Request(headers=Headers.of(fields), received_at=NOW)) in (None, "msg_1")


def test_looks_at_few_signatures_by_public_key_for_each_hashes_the_body_again() -> None:
    good = sign_standard(b"{}", PRIVATE_KEY, NOW, "msg_1")
    signature = good["webhook-signature"]
    others = [f"v1a,{b64encode(bytes([n]) * 64).decode()}" for n in range(9)]
    live = Credential(secrets=(PUBLIC_KEY,))

    def verify(*signatures: str) -> int:
        fields = {**good, "webhook-signature": " ".join(signatures)}
        return PLATFORM.verify(Request(body=b"{}", headers=Headers.of(fields), received_at=NOW), live)

    assert verify(*others[:3], signature) == 0
    assert verify(*["v1a,AAAA", others[0]] * 5, signature) == 0
    with pytest.raises(InvalidSignature):
        verify(*others, signature)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"7", b'"text"', b"null", b'{"type":"comment.created"}', b'{"data":{}}']
)
def test_refuses_bodies_that_tell_of_nothing(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        PLATFORM.parse(Request(body=body, received_at=NOW))


def test_signs_standard_webhooks_where_a_message_id_asks_for_it() -> None:
    assert PLATFORM.sign(b"{}", "secret", NOW, {"Webhook-Id": "msg_5"})["webhook-id"] == "msg_5"
    assert "X-Signature" in PLATFORM.sign(b"{}", "secret", NOW)
    assert PLATFORM.sign(b"{}", SVIX_SECRET, NOW)["webhook-id"].startswith("msg_")
