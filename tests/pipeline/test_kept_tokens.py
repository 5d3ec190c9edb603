"""The rules by which configured and saved tokens meet, and when it is time for the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.credentials.records import KeptRecord, Record, adopt, go_on, refresh_time, seal, unseal
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.platforms import find_platform
from moderation_ai.stores.register import SavedSession

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEALER = Sealer(["A" * 43 + "="])
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def access(token: str) -> Access:
    return Access(platform=find_platform("twitter"), session=Session(access_token=token, refresh_token=f"r {token}"))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_what_is_configured_counts_the_first_time_it_is_seen_and_never_again(configured: list[int]) -> None:
    record: Record | None = None
    expected = ""
    seen: set[int] = set()
    for number in configured:
        record = adopt(record, access(f"t{number}"), NOW)
        if number not in seen:
            expected = f"t{number}"
        seen.add(number)
        assert record.session.access_token == expected
        record = go_on(record, Session(access_token=f"renewed {number}"), NOW)
        expected = f"renewed {number}"


@given(TOKENS, TOKENS)
def test_no_record_holds_what_was_configured_in_a_readable_form(token: str, other: str) -> None:
    one, two = adopt(None, access(token), NOW), adopt(None, access(token), NOW)
    assert one.seen != two.seen, "the same token twice looks different"
    assert adopt(one, access(token), NOW) is one
    assert (adopt(one, access(other), NOW) is one) == (token == other)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=3650)))
def test_the_next_token_is_due_before_this_one_ends_and_not_at_once(life: timedelta) -> None:
    due = refresh_time(Session(access_token="t", expires_at=NOW + life), NOW)
    assert due is not None
    assert NOW < due < NOW + life
    assert NOW + life - due >= min(timedelta(minutes=5), life / 2) - timedelta(microseconds=1)


def test_a_token_that_does_not_end_is_never_due() -> None:
    assert refresh_time(Session(access_token="t"), NOW) is None


@given(TOKENS, st.one_of(st.none(), TOKENS), st.one_of(st.none(), TOKENS))
def test_what_was_sealed_comes_back_whole(token: str, refresh_token: str | None, account_id: str | None) -> None:
    session = Session(
        access_token=token, refresh_token=refresh_token, account_id=account_id, expires_at=NOW, user_agent="us/1"
    )
    record = Record(platform="twitter", account="shop", session=session, refresh_at=NOW, salt=b"\xff", seen=(b"\0",))
    saved = seal(KeptRecord(record=record, version=3), SEALER, NOW)
    assert unseal(saved, SEALER) == KeptRecord(record=record, version=3)
    assert token.encode() not in saved.sealed or len(token) < 8
    assert (saved.expires_at, saved.version) == (NOW, 3)


@given(st.binary(max_size=300))
def test_whatever_stands_in_the_store_is_opened_or_refused_with_our_own_error(body: bytes) -> None:
    for sealed in (body, SEALER.seal(body)):
        with pytest.raises(ConfigurationError):
            unseal(SavedSession(platform="twitter", sealed=sealed, saved_at=NOW), SEALER)
