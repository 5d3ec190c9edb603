"""A request becomes stored events and an answer; nothing is acknowledged before it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from moderation_ai.core.addresses import Networks
from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import Credential
from moderation_ai.pipeline.health import SIGNATURE_CAUSES
from moderation_ai.pipeline.intake import Intake
from moderation_ai.pipeline.sources import Source
from moderation_ai.pipeline.tally import Tally
from moderation_ai.platforms import aliases, find_platform
from moderation_ai.stores.base import Added, Delivery, EventFilter, Store
from moderation_ai.stores.memory import MemoryStore
from tests.kinds import new_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCours"
SECRET, TOKEN = "a secret of tests", "a token of tests"


class Door:
    """An intake over a memory store, with the senders' side of each platform."""

    def __init__(
        self, store: Store | None = None, credentials: Mapping[str, Any] = MappingProxyType({}), **options: Any
    ) -> None:
        self.store = store or new_store()
        self.woken = 0
        credential = Credential(
            secrets=(SECRET,), verify_token=TOKEN, accounts={"178": "shop"}, topics=(TOPIC,), **credentials
        )
        names = ("generic", "instagram", "twitter", "reddit", "youtube", "medium")
        sources = {name: Source(platform=find_platform(name), credential=credential) for name in names}
        self.intake = Intake(self.store, sources, aliases=aliases(), on_added=self._wake, **options)

    def _wake(self) -> None:
        self.woken += 1

    async def post(self, name: str | None, body: bytes, *, account: str | None = None, **changes: Any) -> Response:
        """Post a body as the platform would."""
        headers = changes.pop("headers", None) or find_platform(name or "generic").sign(body, SECRET, NOW)
        request = Request(
            body=body, headers=Headers.of(headers), **{"received_at": NOW, "peer": "192.0.2.7", **changes}
        )
        return await self.intake.receive(request, name, account)

    async def get(self, name: str, query: str) -> Response:
        """Ask as a platform's handshake does."""
        return await self.intake.receive(Request(method="GET", query=query, received_at=NOW), name)

    async def stored(self) -> list[tuple[str, str]]:
        """Return type and platform of what is stored, in order."""
        events = await self.store.events(EventFilter(), newest_first=False)
        return [(event.event_type, event.platform) for event in events]


def envelope(event_id: str = "evt_1", kind: str = "comment.created", **changes: Any) -> bytes:
    comment = {"id": f"c-{event_id}", "text": "rye?"}
    return json.dumps({"event_id": event_id, "event_type": kind, "data": {"comment": comment}, **changes}).encode()


def told(answer: Response) -> Any:
    return json.loads(answer.body)


async def test_an_authentic_event_is_stored_and_answered() -> None:
    door = Door()
    answer = await door.post("generic", envelope())
    assert (answer.status, told(answer)) == (200, {"new": 1, "duplicates": 0, "ignored": 0})
    assert await door.stored() == [("comment.created", "generic")]
    assert door.woken == 1
    assert door.intake.tally.accepted["generic"] == 1
    assert door.intake.tally.last_received["generic"] == NOW


async def test_a_repeat_is_answered_like_the_first_and_changes_nothing() -> None:
    door = Door()
    await door.post("generic", envelope())
    answer = await door.post("generic", envelope(), received_at=NOW + timedelta(seconds=60))
    assert (answer.status, told(answer)) == (200, {"new": 0, "duplicates": 1, "ignored": 0})
    assert len(await door.stored()) == 1
    assert door.woken == 1
    assert door.intake.tally.duplicates["generic"] == 1


async def test_one_delivery_may_bring_several_events_old_and_new() -> None:
    door = Door()
    await door.post("generic", envelope("evt_1"))
    both = json.dumps([json.loads(envelope("evt_1")), json.loads(envelope("evt_2"))]).encode()
    answer = await door.post("generic", both)
    assert told(answer) == {"new": 1, "duplicates": 1, "ignored": 0}


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 100_000, b"NaN", b'{"a":1,"a":2}', b"null", b"{}", b"[]", b'"text"', b"1" * 5000]
)
@pytest.mark.parametrize("name", ["generic", "instagram", "twitter", "reddit", "youtube", "medium"])
async def test_what_is_authentic_and_not_understood_is_kept_with_its_bytes(name: str, body: bytes) -> None:
    door = Door()
    answer = await door.post(name, body)
    assert (answer.status, told(answer)["new"]) == (200, 1)
    (event,) = await door.store.events(EventFilter())
    assert (event.event_type, event.platform) == ("unknown", name)
    assert event.data.reason
    assert await door.store.raw_body(event.seq) == body


async def test_a_kind_that_we_have_no_use_for_is_counted_and_not_stored() -> None:
    door = Door()
    body = b'{"object":"instagram","entry":[{"id":"178","changes":[{"field":"story_insights","value":{}}]}]}'
    answer = await door.post("instagram", body)
    assert told(answer) == {"new": 0, "duplicates": 0, "ignored": 1}
    assert await door.stored() == []
    assert door.intake.tally.ignored["instagram", "story_insights"] == 1
    assert (await door.store.counts()).ignored == {"instagram:story_insights": 1}
    assert door.woken == 0


async def test_the_account_that_the_payload_names_is_told_by_its_configured_name() -> None:
    door = Door()
    for account_id in ("178", "999"):
        value = {"id": f"c{account_id}", "text": "hm", "from": {"id": "5"}}
        entry = {"id": account_id, "changes": [{"field": "comments", "value": value}]}
        await door.post("instagram", json.dumps({"object": "instagram", "entry": [entry]}).encode())
    events = await door.store.events(EventFilter(), newest_first=False)
    assert [event.account for event in events] == ["shop", None]


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


async def test_handshakes_are_answered() -> None:
    door = Door()
    meta = await door.get(
        "instagram", f"hub.mode=subscribe&hub.verify_token={TOKEN.replace(' ', '+')}&hub.challenge=77"
    )
    assert (meta.status, meta.body) == (200, b"77")
    assert (await door.get("instagram", "hub.mode=subscribe&hub.verify_token=x&hub.challenge=77")).status == 403
    assert set(told(await door.get("twitter", "crc_token=abc"))) == {"response_token"}
    assert (await door.get("generic", "")).status == 405
    assert await door.stored() == []


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("twitter", "twitter"), ("x", "twitter"), ("reddit", "reddit"), ("made up", "generic"), (None, "generic")],
)
async def test_the_bare_address_reads_the_platform_from_the_envelope(platform: str | None, expected: str) -> None:
    door = Door()
    changes = {} if platform is None else {"platform": platform}
    body = envelope(**changes)
    name = find_platform(expected).name
    answer = await door.post(None, body, headers=find_platform(name).sign(body, SECRET, NOW))
    assert answer.status == 200
    assert await door.stored() == [("comment.created", expected)]


async def test_the_generic_address_lets_the_envelope_name_any_platform() -> None:
    door = Door()
    for event_id, platform in (("1", "youtube"), ("2", "X"), ("3", "mastodon"), ("4", "no name!")):
        await door.post("generic", envelope(event_id, platform=platform))
    assert [name for _, name in await door.stored()] == ["youtube", "twitter", "mastodon", "generic"]


async def test_a_platforms_own_address_counts_more_than_the_envelopes_word() -> None:
    door = Door()
    await door.post("reddit", envelope(platform="twitter"))
    assert await door.stored() == [("comment.created", "reddit")]


async def test_senders_with_different_credentials_cannot_suppress_each_other() -> None:
    store = new_store()
    generic = find_platform("generic")
    for name in ("one", "two"):
        credential = Credential(name=name, secrets=(SECRET,))
        intake = Intake(store, {"generic": Source(platform=generic, credential=credential)})
        headers = Headers.of(generic.sign(envelope(), SECRET, NOW))
        answer = await intake.receive(Request(body=envelope(), headers=headers, received_at=NOW), "generic")
        assert told(answer)["new"] == 1


async def test_the_secret_that_matched_is_counted() -> None:
    door = Door()
    source = door.intake.sources["generic"]
    old = Source(platform=source.platform, credential=Credential(secrets=("the new one", SECRET)))
    door.intake.sources["generic"] = old
    await door.post("generic", envelope())
    assert dict(door.intake.tally.matched) == {("generic", 1): 1}


class FailingStore(MemoryStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    async def add(self, delivery: Delivery, *, worker: str | None = None) -> Added:
        if self.error is not None:
            raise self.error
        return await super().add(delivery, worker=worker)

    async def count_ignored(self, kinds: Sequence[str], platform: str) -> None:
        if self.error is not None:
            raise self.error
        await super().count_ignored(kinds, platform)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(StoreBusy("full", retry_after=7), "7"), (StoreBusy("full", retry_after=0.2), "1"), (StoreError("broken"), "5")],
)
async def test_a_store_that_cannot_take_it_is_a_503_and_recovers(error: Exception, seconds: str) -> None:
    store = FailingStore(error)
    door = Door(store)
    answer = await door.post("generic", envelope())
    assert answer.status == 503
    assert dict(answer.headers) == {"Retry-After": seconds}
    assert door.intake.tally.busy == 1
    assert door.woken == 0
    store.error = None
    assert (await door.post("generic", envelope())).status == 200
    assert await door.stored() == [("comment.created", "generic")]


async def test_a_bad_signature_of_a_hub_is_acknowledged_without_a_word_and_nothing_is_stored() -> None:
    door = Door()
    headers = find_platform("youtube").sign(b"<feed/>", "another secret", NOW)
    answer = await door.post("youtube", b"<feed/>", headers=headers)
    assert (answer.status, answer.body) == (200, b"")
    assert await door.stored() == []
    assert door.intake.tally.rejected["youtube", "InvalidSignature"] == 1


async def test_a_bad_signature_of_json_is_refused_at_the_same_address() -> None:
    door = Door()
    answer = await door.post("youtube", b"{}", headers={"X-Signature": "sha256=00"})
    assert answer.status == 401


async def test_a_hub_is_answered_by_topic_and_what_it_said_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    door = Door()
    asked = "hub.topic=https%3A%2F%2Fwww.youtube.com%2Ffeeds%2Fvideos.xml%3Fchannel_id%3DUCours&hub.challenge=42"
    good = await door.get("youtube", f"hub.mode=subscribe&{asked}&hub.lease_seconds=432000")
    other = await door.get("youtube", f"hub.mode=subscribe&{asked}x".replace("UCours", "UCother"))
    unwanted = await door.get("youtube", f"hub.mode=unsubscribe&{asked}")
    denied = await door.get("youtube", f"hub.mode=denied&{asked}&hub.reason=gone%0Aaway")
    assert [(answer.status, answer.body) for answer in (good, denied)] == [(200, b"42"), (200, b"")]
    assert [other.status, unwanted.status] == [404, 404]
    assert door.intake.tally.subscribed == {("youtube", "confirmed"): 1, ("youtube", "denied"): 1}
    assert "channel_id=UCours' for 432000 s" in caplog.text
    assert "denied the subscription" in caplog.text
    assert "gone\\naway" in caplog.text


class Watched(bytes):
    """A body that notes whether its JSON was looked at."""

    is_read = False

    def translate(self, *arguments: Any) -> bytes:
        self.is_read = True
        return super().translate(*arguments)


async def test_the_bare_address_reads_nothing_that_no_secret_of_ours_has_signed() -> None:
    door = Door()
    body = Watched(envelope("evt_bare", platform="reddit"))
    good = find_platform("generic").sign(body, SECRET, NOW)
    late = find_platform("generic").sign(body, SECRET, NOW - timedelta(hours=1))
    for headers in ({"X-Signature": "sha256=00"}, {"a": "b"}, {**good, "X-Signature": "sha256=" + "0" * 64}, late):
        assert (await door.post(None, body, headers=headers)).status == 401
    assert not body.is_read
    assert door.intake.tally.rejected["generic", "StaleTimestamp"] == 1
    assert (await door.post(None, body, headers=good)).status == 200
    assert body.is_read


async def test_the_bare_address_refuses_where_there_is_no_generic_one() -> None:
    source = Source(platform=find_platform("instagram"), credential=Credential(secrets=(SECRET,)))
    intake = Intake(new_store(), {"instagram": source})
    body = b'{"object":"instagram","entry":[]}'
    for headers, status in (({"X-Hub-Signature-256": "sha256=00"}, 401), ({}, 401)):
        request = Request(body=body, headers=Headers.of(headers), received_at=NOW)
        assert (await intake.receive(request, None)).status == status


async def test_a_feed_that_nobody_signed_is_acknowledged_without_a_word_too() -> None:
    door = Door()
    answer = await door.post("youtube", b"<feed/>", headers={"content-type": "application/atom+xml"})
    assert (answer.status, answer.body) == (200, b"")
    assert await door.stored() == []
    assert door.intake.tally.rejected["youtube", "MissingSignature"] == 1


async def test_what_came_is_noted_by_account_and_topic() -> None:
    platform = find_platform("youtube")
    tally = Tally(NOW)
    store = new_store()
    await store.open()
    source = Source(platform=platform, credential=Credential(secrets=("s",)))
    intake = Intake(store, {"youtube": source}, tally=tally)
    sample = platform.samples(NOW, 1)[0]
    fields = platform.request_headers(sample, "s", NOW) | {"Link": "<https://feeds.example/a>; rel=self"}
    request = Request(path="/webhook/youtube", headers=Headers.of(fields), body=sample.body, received_at=NOW)
    assert (await intake.receive(request, "youtube")).status == 200
    assert tally.heard == {("youtube", "", "https://feeds.example/a"): NOW}
    await store.close()
