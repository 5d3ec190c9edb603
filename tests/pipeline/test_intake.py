"""A request becomes stored events and an answer; nothing is acknowledged before it is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Added, Delivery, EventFilter
from moderation_ai.stores.memory import MemoryStore
from tests.kinds import new_store
from tests.pipeline.doors import NOW, SECRET, TOKEN, Door, envelope, told

pytestmark = pytest.mark.anyio


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
