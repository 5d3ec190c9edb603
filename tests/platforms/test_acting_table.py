"""What every platform's table of calls promises, whichever it is: it is complete, and failures mean what they say."""

from __future__ import annotations

import pytest

from moderation_ai.core.acts import Act, Target
from moderation_ai.core.calls import Call
from moderation_ai.core.errors import (
    ContentGone,
    ModerationError,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Platform
from tests.platforms.actors import (
    effect,
    every_action,
    every_actor,
    every_call,
)
from tests.platforms.driving import (
    answer,
    failing,
    sample,
)

# --- the table -----------------------------------------------------------------------------------------------------


@every_actor
def test_advertises_what_it_is_capable_of_and_nothing_else(platform: Platform) -> None:
    assert platform.actions == tuple(platform.capabilities)
    assert set(platform.instead.values()) <= set(platform.actions)
    assert set(platform.instead).isdisjoint(platform.actions)


@every_action
def test_a_capability_names_what_there_is(platform: Platform, action: str) -> None:
    capability = platform.capabilities[action]
    assert capability.call in [call.name for call in platform.api.calls]
    fields = {name for kind in (Target, Act, Session) for name in kind.__struct_fields__}
    assert set(capability.needs) <= fields
    assert platform.fetches or not capability.shown_by, "what a look shows must be possible to look at"
    assert capability.shown_by or not capability.reads_back
    assert capability.batch == 1 or effect(platform, action) == "sets", "a batch is repeated by halves"


@every_action
def test_what_is_seen_each_time_is_never_taken_for_a_state(platform: Platform, action: str) -> None:
    if action in ("approve", "hide", "unhide", "remove", "retract", "lock", "unlock"):
        assert effect(platform, action) == "sets"
    if action == "reply":
        assert effect(platform, action) == "adds"


@every_call
def test_a_call_is_described_to_the_end(platform: Platform, call: Call) -> None:
    assert call.url.startswith("https://")
    assert call.source.startswith("https://")
    assert bool(call.visible) == (call.effect != "reads"), "who sees the effect?"
    names = [each.name for each in platform.api.calls]
    assert len(set(names)) == len(names)
    assert call.undone_by is None or call.undone_by in names
    assert call.limits or platform.api.limits or call.name == "refresh", "what is its limit?"
    assert platform.api.read(call, sample(call)).answer.status == call.status


@every_call
def test_every_documented_failure_becomes_the_error_it_means(platform: Platform, call: Call) -> None:
    statuses = {each.status: each.error for each in call.failures if each.code is None}
    for failure in (*call.failures, *platform.api.failures):
        # What a call says of a status stands before what the platform says of it.
        expected = failure.error if failure.code else statuses.get(failure.status, failure.error)
        if expected is PlatformUnavailable and call.effect == "adds":
            expected = OutcomeUnknown
        with pytest.raises(ModerationError) as caught:
            platform.api.read(call, failing(failure))
        assert type(caught.value) is expected, failure


@every_call
def test_a_clean_refusal_is_never_worth_a_retry(platform: Platform, call: Call) -> None:
    for status in (400, 401, 403, 404, 405, 409, 410, 418, 422, 451):
        for body in (b"", b"<html>", b"{}", b'{"error":null}'):
            with pytest.raises((PlatformError, UnsupportedAction)) as caught:
                platform.api.read(call, answer(status, body))
            assert not getattr(caught.value, "retryable", False)


@every_call
def test_what_failed_may_be_repeated_unless_that_would_add_something(platform: Platform, call: Call) -> None:
    for status in (408, 500, 502, 503, 504, 301, 302, 599, 0):
        with pytest.raises(PlatformUnavailable) as caught:
            platform.api.read(call, answer(status, b"<html>"))
        assert caught.value.retryable == (call.effect != "adds")
        assert isinstance(caught.value, OutcomeUnknown) == (call.effect == "adds")


@every_call
def test_a_platform_that_names_a_time_is_left_alone_until_then(platform: Platform, call: Call) -> None:
    for text, seconds in (("7", 7.0), ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0), ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0)):
        with pytest.raises(RateLimited) as caught:
            platform.api.read(call, answer(429, b"", retry_after=text))
        assert caught.value.retry_after == seconds
    for odd in ("soon", "-1", "1e9", "", "９"):
        with pytest.raises(RateLimited) as caught:
            platform.api.read(call, answer(429, b"", retry_after=odd))
        assert caught.value.retry_after is None or caught.value.retry_after >= 60


@every_call
def test_an_answer_without_its_proof_is_no_success(platform: Platform, call: Call) -> None:
    for body in (b"", b"<html>Sign in</html>", b"[]", b"null", *[b'{"other":1}'] * bool(call.proof)):
        with pytest.raises(PlatformError) as caught:
            platform.api.read(call, answer(200, body))
        assert type(caught.value) is not ContentGone
