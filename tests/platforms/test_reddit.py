"""Reddit's two roads, a Devvit app's triggers and the Data API's things, tell one fact once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload
from moderation_ai.core.events import KeyedEvent, finish
from moderation_ai.core.generic import sign_brief
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms.reddit import PLATFORM
from moderation_ai.platforms.reddit.facts import action_kind
from tests.platforms.fixtures import NOW

COMMENT = {
    "id": "t1_c10",
    "parentId": "t3_p9",
    "body": "Bake it longer",
    "author": "t2_r",
    "createdAt": 1795521000000,
    "lastModifiedAt": 0,
    "postId": "t3_p9",
    "numReports": 1,
}
SUBREDDIT = {"id": "t5_2bread", "name": "breadmakers"}


def told(body: Mapping[str, Any], delivery: str | None = None) -> KeyedEvent:
    headers = Headers.of({"webhook-id": delivery, "webhook-signature": "v1,"} if delivery else {})
    parsed = PLATFORM.parse(Request(body=msgspec.json.encode(body), headers=headers, received_at=NOW))
    assert len(parsed.facts) == 1
    return finish(parsed.facts[0], platform="reddit", received_at=NOW, delivery_id=parsed.delivery_id)


def trigger(kind: str, delivery: str | None = None, **changes: Any) -> KeyedEvent:
    return told({"type": kind, "comment": {**COMMENT, **changes}, "reason": "spam", "subreddit": SUBREDDIT}, delivery)


def test_a_comment_submitted_and_created_is_one_event() -> None:
    submitted, created = trigger("CommentSubmit", "msg_1"), trigger("CommentCreate", "msg_2")
    assert submitted.key == created.key
    assert submitted.event.event_id == created.event.event_id


def test_a_comment_told_by_a_listing_and_by_a_trigger_is_one_event() -> None:
    thing = {"name": "t1_c10", "link_id": "t3_p9", "body": "Bake it longer", "created_utc": 1795521000.0}
    assert told({"kind": "t1", "data": thing}).key == trigger("CommentCreate").key
    assert told({"type": "comment.post", "data": thing}).key == trigger("CommentCreate").key


def test_an_edit_told_by_a_listing_and_by_a_trigger_is_one_event() -> None:
    thing = {"name": "t1_c10", "link_id": "t3_p9", "body": "x", "created_utc": 1795521000.0, "edited": 1795521300.0}
    assert told({"kind": "t1", "data": thing}).key == trigger("CommentUpdate", lastModifiedAt=1795521300421).key


def test_an_action_told_by_the_log_and_by_a_trigger_is_one_event() -> None:
    logged = {"id": "ModAction_1", "action": "removecomment", "target_fullname": "t1_c10", "created_utc": 1795521000}
    forwarded = {"type": "ModAction", "id": "ModAction_1", "action": "removecomment", "targetComment": COMMENT}
    assert told({"kind": "modaction", "data": logged}).key == told(forwarded).key


def test_every_edit_is_an_event_of_its_own() -> None:
    times = [trigger("CommentUpdate", lastModifiedAt=at).key for at in (1795521300000, 1795521301000)]
    assert len(set(times)) == 2
    # Where Reddit gives no time, the forwarder's id tells edits apart, and a retry has the same.
    first, again, second = (trigger("CommentUpdate", delivery).key for delivery in ("msg_1", "msg_1", "msg_2"))
    assert first == again != second


def test_every_report_of_one_comment_is_an_event_of_its_own() -> None:
    first, again, second = (trigger("CommentReport", delivery).key for delivery in ("msg_1", "msg_1", "msg_2"))
    assert first == again != second
    assert trigger("CommentReport", numReports=1).key != trigger("CommentReport", numReports=2).key


def test_an_event_belongs_to_the_subreddit_that_it_names() -> None:
    body = {"type": "CommentSubmit", "comment": COMMENT, "subreddit": SUBREDDIT}
    parsed = PLATFORM.parse(Request(body=msgspec.json.encode(body), received_at=NOW))
    assert parsed.facts[0].account_id == "t5_2bread"
    listed = {"kind": "modaction", "data": {"id": "ModAction_1", "action": "lock", "sr_id36": "2bread"}}
    parsed = PLATFORM.parse(Request(body=msgspec.json.encode(listed), received_at=NOW))
    assert parsed.facts[0].account_id == "t5_2bread"


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("removecomment", "remove"),
        ("removelink", "remove"),
        ("spamcomment", "remove"),
        ("spamlink", "remove"),
        ("approvecomment", "approve"),
        ("approvelink", "approve"),
        ("banuser", "ban"),
        ("unbanuser", "unban"),
        ("muteuser", "mute"),
        ("unmuteuser", "unmute"),
        ("lock", "lock"),
        ("unlock", "unlock"),
        ("sticky", "sticky"),
        ("editsettings", "editsettings"),
        (None, None),
    ],
)
def test_reddits_words_for_actions_become_ours(native: str | None, kind: str | None) -> None:
    assert action_kind(native) == kind


def test_a_listing_without_children_is_counted_and_not_kept() -> None:
    parsed = PLATFORM.parse(Request(body=b'{"kind":"Listing","data":{"children":[]}}', received_at=NOW))
    assert (parsed.facts, parsed.ignored) == ([], ["empty listing"])
    with pytest.raises(MalformedPayload):
        PLATFORM.parse(Request(body=b'{"kind":"Listing","data":{"children":null}}', received_at=NOW))


def test_takes_standard_webhooks_and_the_briefs_signature_under_one_secret() -> None:
    body = b'{"type":"AppInstall"}'
    live = Credential(secrets=("a-secret",))
    for headers in (PLATFORM.sign(body, "a-secret", NOW), sign_brief(body, "a-secret", NOW)):
        assert PLATFORM.verify(Request(body=body, headers=Headers.of(headers), received_at=NOW), live) == 0
    with pytest.raises(InvalidSignature):
        PLATFORM.verify(Request(body=body, received_at=NOW), live)
