"""Whatever an API answers, a flow gives a result or raises one of our errors."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import (
    PlatformError,
    UnsupportedAction,
)
from moderation_ai.core.platform import Platform
from tests.platforms.actors import (
    MakeFlow,
    every_actor,
    every_flow,
    requests_of,
)
from tests.platforms.driving import (
    answer,
    by_table,
    drive,
    flows,
)
from tests.platforms.test_contract import variants

# --- whatever comes back -------------------------------------------------------------------------------------------


def survives(make: MakeFlow, *answers: Any) -> None:
    """Feed the answers, the last of them for ever; nothing but our errors may come out."""
    waiting = list(answers)
    try:
        drive(make(), lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0])
    except (PlatformError, UnsupportedAction):
        return


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry_after",
            "x_rate_limit_remaining",
            "x_rate_limit_reset",
            "x_ratelimit_remaining",
            "x_ratelimit_reset",
            "x_ratelimit_used",
            "x_app_usage",
            "x_business_use_case_usage",
        ]
    ),
    st.one_of(
        st.text(max_size=20), st.sampled_from(["0", "1e400", "9" * 12, "0.0", "{}", '{"1":[{}]}', '{"call_count":1e3}'])
    ),
)


@every_actor
@pytest.mark.fuzz
@given(data=st.data(), status=st.integers(0, 999), body=st.binary(max_size=60), headers=HEADERS)
def test_any_bytes_give_a_result_or_one_of_our_errors(
    platform: Platform, data: st.DataObject, status: int, body: bytes, headers: dict[str, str]
) -> None:
    got = answer(status, body, **headers)
    survives(data.draw(st.sampled_from(list(flows(platform))))[1], got)
    for call in platform.api.calls:
        for budget in platform.api.budgets(call, got):
            assert isinstance(budget.is_spent, bool)


@every_flow
def test_any_odd_part_of_an_answer_gives_a_result_or_one_of_our_errors(
    platform: Platform, name: str, make: MakeFlow
) -> None:
    good = by_table(platform)
    asked = requests_of(platform, make)
    for number, request in enumerate(asked):
        for odd in variants(msgspec.json.decode(good(request).body or b"null")):
            before = [good(each) for each in asked[:number]]
            survives(make, *before, answer(good(request).status, json.dumps(odd)))


@every_actor
def test_any_odd_part_of_a_failure_is_one_of_our_errors(platform: Platform) -> None:
    call = platform.api.calls[0]
    for failure in [each for row in platform.api.calls for each in row.failures] + list(platform.api.failures):
        if not failure.example.startswith("{"):
            continue  # A hub says it in words.
        for odd in variants(msgspec.json.decode(failure.example)):
            with pytest.raises((PlatformError, UnsupportedAction)):
                platform.api.read(call, answer(max(failure.status, 400), json.dumps(odd)))
