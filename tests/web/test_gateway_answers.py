"""The contract's table of gateway answers, row by row, over real sockets."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta

import pytest

from moderation_ai.core.signatures import hmac_digest
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.memory import MemoryStore
from tests.web.stage import NOW, SECRETS, VERIFY_TOKEN, Served, ask, comment, post, request, signed

PLATFORMS = ("generic", "twitter", "instagram")
every_platform = pytest.mark.parametrize("platform", PLATFORMS)


def body_of(platform: str, serial: int) -> bytes:
    samples = find_platform(platform).samples(NOW, serial)
    return next(sample.body for sample in samples if sample.events)


def useless_body_of(platform: str) -> bytes | None:
    samples = find_platform(platform).samples(NOW, 9)
    return next((sample.body for sample in samples if not sample.events), None)


@every_platform
def test_answers_200_to_what_is_authentic_and_says_that_it_is_new(port: int, platform: str) -> None:
    answer = ask(port, post(body_of(platform, 1), platform))
    assert answer.status == 200
    assert answer.json == {"new": 1, "duplicates": 0, "ignored": 0}
    assert answer.fields["content-type"] == "application/json"
    assert answer.fields["x-content-type-options"] == "nosniff"
    assert "server" not in answer.fields


@every_platform
def test_answers_200_to_a_repeat(port: int, platform: str) -> None:
    whole = post(body_of(platform, 2), platform)
    assert ask(port, whole).json["new"] == 1
    again = ask(port, whole)
    assert again.status == 200
    assert again.json["duplicates"] == 1


@every_platform
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 5000 + b"]" * 5000,
        b'{"a": NaN}',
        b'{"a": 1' + b"0" * 400 + b"}",
        b'{"event_type": "x", "event_type": "y", "data": {}}',
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b'"text"',
        b'{"event_type": "comment.created", "data": {"comment": 7}}',
        b'{"event_type": "something.new", "data": {}}',
    ],
)
def test_keeps_what_it_cannot_make_sense_of(
    port: int, platform: str, body: bytes, store: MemoryStore, served_gateway: Served
) -> None:
    assert ask(port, post(body, platform)).status == 200
    kept = served_gateway.do(store.events(EventFilter(platform=platform, event_type="unknown"), limit=1))
    assert kept[0].data.unknown_reason


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if useless_body_of(name)])
def test_counts_and_does_not_store_what_is_of_no_use(
    port: int, platform: str, store: MemoryStore, served_gateway: Served
) -> None:
    before = served_gateway.do(store.counts())
    answer = ask(port, post(useless_body_of(platform) or b"", platform))
    after = served_gateway.do(store.counts())
    assert (answer.status, answer.json["ignored"]) == (200, 1)
    assert after.total == before.total
    assert sum(after.ignored.values()) == sum(before.ignored.values()) + 1


@every_platform
def test_answers_401_to_a_signature_that_is_missing_wrong_or_malformed(port: int, platform: str) -> None:
    body = body_of(platform, 3)
    path = f"/webhook/{platform}"
    headers = signed(body, platform)
    name = next(name for name in headers if "Signature" in name)
    assert ask(port, request(path, body)).status == 401
    assert ask(port, request(path, body, signed(body, platform, "another secret"))).status == 401
    assert ask(port, request(path, body + b" ", headers)).status == 401
    for odd in ("", "sha256=", "sha256=zz", "é", "x" * 5000):
        assert ask(port, request(path, body, {**headers, name: odd})).status == 401


@every_platform
def test_accepts_every_live_secret(port: int, platform: str) -> None:
    body = body_of(platform, 4)
    assert ask(port, request(f"/webhook/{platform}", body, signed(body, platform, SECRETS[1]))).status == 200


@pytest.mark.parametrize("seconds", [-301, 301])
def test_answers_401_to_a_stale_time_and_one_from_the_future(port: int, seconds: int) -> None:
    body = comment("stale")
    headers = signed(body, now=NOW + timedelta(seconds=seconds))
    assert ask(port, request("/webhook/generic", body, headers)).status == 401


@every_platform
def test_answers_400_to_a_security_header_that_stands_twice(port: int, platform: str) -> None:
    body = body_of(platform, 5)
    name, value = next(item for item in signed(body, platform).items() if "Signature" in item[0])
    doubled = request(f"/webhook/{platform}", body, {**signed(body, platform), name.lower(): value})
    assert ask(port, doubled).status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/webhook/nobody",
        "/webhook/tiktok",
        "/webhook/generic/nobody",
        "/webhook/generic/a/b",
        "/webhookgeneric",
        "/webhook/%2e%2e/generic",
        "/webhook//generic",
        "/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_answers_404_where_nothing_is_configured(port: int, path: str, method: str) -> None:
    answer = ask(port, request(path, b"{}", method=method))
    assert answer.status == 404
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize("path", ["/webhook/GENERIC", "/webhook/generic/", "/webhook", "/webhook/?a=b"])
def test_takes_every_spelling_of_an_address(port: int, path: str) -> None:
    body = comment("spelt")
    assert ask(port, request(path, body, signed(body))).status == 200


def test_knows_platforms_by_their_aliases_and_accounts_by_their_names(port: int) -> None:
    tweet, photo = body_of("twitter", 6), body_of("instagram", 6)
    assert ask(port, request("/webhook/x", tweet, signed(tweet, "twitter"))).status == 200
    assert ask(port, request("/webhook/instagram/main", photo, signed(photo, "instagram"))).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_answers_405_to_other_methods_and_says_which_it_takes(port: int, method: str) -> None:
    answer = ask(port, request("/webhook/generic", method=method))
    assert answer.status == 405
    assert answer.fields["allow"] == "GET, POST"


def test_answers_405_to_a_get_that_is_no_handshake(port: int) -> None:
    assert ask(port, request("/webhook/generic", method="GET")).status == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data; boundary=a"},
        {"Content-Type": "Multipart/Mixed"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity, gzip"},
    ],
)
def test_answers_415_before_it_looks_at_the_signature(port: int, headers: dict[str, str]) -> None:
    body = comment("form")
    assert ask(port, request("/webhook/generic", body, headers)).status == 415
    assert ask(port, post(body, headers=headers)).status == 415


def test_takes_a_body_that_says_it_is_not_encoded(port: int) -> None:
    assert ask(port, post(comment("identity"), headers={"Content-Encoding": "identity"})).status == 200


def test_answers_400_to_a_transfer_coding_other_than_chunked(port: int) -> None:
    whole = request("/webhook/generic", b"0\r\n\r\n", {"Transfer-Encoding": "gzip, chunked"}, length=False)
    assert ask(port, whole).status == 400


def test_answers_x_with_the_token_signed_by_the_first_secret(port: int) -> None:
    answer = ask(port, request("/webhook/twitter?crc_token=abc", method="GET"))
    digest = b64encode(hmac_digest(SECRETS[0].encode(), b"abc")).decode()
    assert answer.json == {"response_token": f"sha256={digest}"}
    assert answer.fields["content-type"] == "application/json"
    assert answer.fields["x-content-type-options"] == "nosniff"


def test_answers_meta_with_its_challenge_as_plain_text(port: int) -> None:
    token = VERIFY_TOKEN.replace(" ", "%20")
    path = f"/webhook/instagram?hub.mode=subscribe&hub.challenge=1158&hub.verify_token={token}"
    answer = ask(port, request(path, method="GET"))
    assert (answer.status, answer.body) == (200, b"1158")
    assert answer.fields["content-type"].startswith("text/plain")
    assert answer.fields["x-content-type-options"] == "nosniff"


def test_answers_meta_403_for_another_token_and_400_for_a_challenge_that_is_markup(port: int) -> None:
    base = "/webhook/instagram?hub.mode=subscribe"
    token = VERIFY_TOKEN.replace(" ", "%20")
    assert ask(port, request(f"{base}&hub.challenge=1&hub.verify_token=no", method="GET")).status == 403
    assert ask(port, request(f"{base}&hub.challenge=<b>&hub.verify_token={token}", method="GET")).status == 400


def test_answers_head_like_get_without_a_body(port: int) -> None:
    with_body = ask(port, request("/webhook/twitter?crc_token=abc", method="GET"))
    sent = request("/webhook/twitter?crc_token=abc", method="HEAD", headers={"Connection": "close"})
    from tests.web.stage import Client

    with Client(port) as client:
        client.send(sent)
        received = b""
        while piece := client.socket.recv(4096):
            received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    assert rest == b""
    assert f"content-length: {len(with_body.body)}".encode() in head


def test_answers_with_our_error_and_without_secret_or_body(port: int) -> None:
    answer = ask(port, request("/webhook/generic", b"what the body says", {"X-Signature": "00"}))
    assert answer.status == 401
    assert b"what the body says" not in answer.body
    assert not any(secret.encode() in answer.body for secret in SECRETS)


def test_keeps_the_events_of_the_bare_endpoint_under_the_platform_that_the_envelope_names(port: int) -> None:
    body = json.dumps({**json.loads(comment("bare")), "platform": "reddit"}).encode()
    assert ask(port, request("/webhook", body, signed(body))).json["new"] == 1
