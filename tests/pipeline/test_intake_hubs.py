"""WebSub hubs, and the bare address: acknowledged without a word, and read only if somebody of ours signed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.tally import Tally
from moderation_ai.platforms import find_platform
from tests.kinds import new_store
from tests.pipeline.doors import NOW, SECRET, Door, envelope

pytestmark = pytest.mark.anyio


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
