"""What all platforms share, and how they are found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, UnknownPlatform, UnsupportedAction
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.generic import sign_brief
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.subjects import Data
from moderation_ai.platforms import find_platform

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PUBLIC_KEY = "302a300506032b6570032100"


class Forum(Platform):
    """A platform of a test's own."""

    name = "forum"
    signature = "none"
    kinds: ClassVar[dict[str, str]] = {"said": "comment.created"}
    actions = ("hide", "unhide")

    def verify_own(self, request: Request, credential: Credential) -> int:
        raise InvalidSignature("never")

    def read(self, value: Any, request: Request) -> Parsed:
        facts = [Fact(event_type="comment.created", object_id=str(one), data=Data()) for one in value]
        return Parsed(facts=facts)


def posted(body: bytes, secret: str = "secret") -> Request:
    return Request(body=body, headers=Headers.of(sign_brief(body, secret, NOW)), received_at=NOW)


def test_reads_the_envelope_before_its_own_shapes() -> None:
    envelope = b'{"event_type":"said","data":{"comment":{"id":"1"}}}'
    assert Forum().parse(posted(envelope)).facts[0].object_id == "1"
    assert [fact.object_id for fact in Forum().parse(posted(b"[7,8]")).facts] == ["7", "8"]


def test_refuses_a_body_that_tells_of_nothing() -> None:
    with pytest.raises(MalformedPayload, match="tells of nothing"):
        Forum().parse(posted(b"[]"))


def test_opens_a_generic_scheme_where_that_is_configured() -> None:
    assert Forum().verify(posted(b"[]"), Credential(secrets=("secret",), generic=True)) == 0
    with pytest.raises(InvalidSignature, match="never"):
        Forum().verify(posted(b"[]"), Credential(secrets=("secret",)))


def test_lets_nobody_sign_with_a_public_key() -> None:
    class Signed(Forum):
        public_keys = True

    live = Credential(secrets=(PUBLIC_KEY,), generic=True)
    with pytest.raises(InvalidSignature, match="never"):
        Signed().verify(posted(b"[]", PUBLIC_KEY), live)


def test_says_what_works_where_something_does_not() -> None:
    Forum().require("hide")
    with pytest.raises(UnsupportedAction, match="forum cannot remove; it can: hide, unhide") as caught:
        Forum().require("remove")
    assert caught.value.alternatives == ("hide", "unhide")


@pytest.mark.parametrize("name", ["nowhere", "", "../twitter", "twitter "])
def test_knows_no_platform_of_another_name(name: str) -> None:
    with pytest.raises(UnknownPlatform) as caught:
        find_platform(name)
    assert caught.value.status == 404
