"""What is not authentic, or comes where it must not, is refused, and nothing of it is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.core.addresses import Networks
from moderation_ai.core.http import Headers, Request
from moderation_ai.pipeline.watching.health import SIGNATURE_CAUSES
from moderation_ai.platforms import find_platform
from tests.pipeline.doors import NOW, SECRET, Door, envelope

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["generic", "instagram", "twitter", "reddit"])
@pytest.mark.parametrize(
    "headers", [{"X-Signature": "sha256=" + "0" * 64}, {"X-Hub-Signature-256": "sha256="}, {"a": "b"}]
)
async def test_a_bad_signature_stores_nothing(name: str, headers: dict[str, str]) -> None:
    door = Door()
    answer = await door.post(name, envelope(), headers=headers)
    assert answer.status == 401
    assert await door.stored() == []
    ((label, reason),) = door.intake.tally.rejected
    assert (label, reason in SIGNATURE_CAUSES) == (name, True)
    assert SECRET not in answer.body.decode()


@pytest.mark.parametrize("header", ["a", "X-Timestamp"])
async def test_a_request_without_a_signature_is_told_which_header_is_missing(header: str) -> None:
    door = Door()
    answer = await door.post("instagram", envelope(), headers={header: "1"})
    assert answer.status == 401
    assert dict(door.intake.tally.rejected) == {("instagram", "MissingSignature"): 1}
    assert b"no signature came with this request; instagram sends one of x-hub-signature-256" in answer.body


async def test_the_generic_scheme_does_not_open_a_platform_that_has_its_own() -> None:
    door = Door()
    generic = find_platform("generic").sign(envelope(), SECRET, NOW)
    assert (await door.post("instagram", envelope(), headers=generic)).status == 401
    assert (await door.post("reddit", envelope(), headers=generic)).status == 200


async def test_a_stale_time_is_refused_and_counted_as_such() -> None:
    door = Door()
    answer = await door.post("generic", envelope(), received_at=NOW + timedelta(seconds=301))
    assert answer.status == 401
    assert door.intake.tally.rejected["generic", "StaleTimestamp"] == 1


async def test_a_security_header_that_stands_twice_is_refused() -> None:
    door = Door()
    signed = find_platform("generic").sign(envelope(), SECRET, NOW)
    raw = [(name.lower().encode(), value.encode()) for name, value in signed.items()]
    twice = [*raw, (b"x-signature", b"sha256=00")]
    request = Request(body=envelope(), headers=Headers(twice), received_at=NOW)
    assert (await door.intake.receive(request, "generic")).status == 400


@pytest.mark.parametrize(
    ("name", "account", "status"),
    [
        ("generic", None, 200),
        ("GENERIC", None, 200),
        ("instagram", "shop", 200),
        ("instagram", "nobody", 404),
        ("tiktok", None, 404),
        ("nowhere", None, 404),
        ("x", None, 200),
    ],
)
async def test_only_what_is_configured_has_an_address(name: str, account: str | None, status: int) -> None:
    door = Door()
    platform = find_platform(name) if name != "nowhere" else find_platform("generic")
    body = platform.samples(NOW, 1)[0].body
    answer = await door.post(name, body, account=account, headers=platform.sign(body, SECRET, NOW))
    assert answer.status == status


async def test_what_a_sender_makes_up_does_not_grow_the_counters() -> None:
    door = Door()
    for number in range(50):
        await door.intake.receive(Request(received_at=NOW), f"made-up-{number}")
    assert dict(door.intake.tally.rejected) == {("other", "UnknownPlatform"): 50}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
async def test_other_methods_are_not_allowed(method: str) -> None:
    answer = await Door().post("generic", envelope(), method=method)
    assert answer.status == 405
    assert dict(answer.headers) == {"Allow": "GET, POST"}


async def test_a_body_over_the_limit_is_refused_before_it_is_verified() -> None:
    door = Door(max_body=100)
    answer = await door.post("generic", b"x" * 101, headers={"a": "b"})
    assert answer.status == 413
    assert (await door.post(None, b"x" * 101)).status == 413


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("192.0.2.7", None, 200),
        ("198.51.100.1", None, 403),
        ("198.51.100.1", "192.0.2.7", 403),
        ("10.0.0.1", "192.0.2.7", 200),
        ("10.0.0.1", "192.0.2.7, 198.51.100.1", 403),
        (None, None, 403),
    ],
)
async def test_only_listed_addresses_may_post(peer: str | None, forwarded: str | None, status: int) -> None:
    door = Door(allowed=Networks(["192.0.2.0/24"]), trusted=Networks(["10.0.0.0/8"]))
    headers = find_platform("generic").sign(envelope(), SECRET, NOW)
    if forwarded:
        headers["X-Forwarded-For"] = forwarded
    assert (await door.post("generic", envelope(), headers=headers, peer=peer)).status == status
