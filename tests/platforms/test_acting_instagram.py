"""What is particular about acting on Instagram: what it shows, what its codes mean, what it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moderation_ai.core.acts import Target
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.flows import Answer
from tests.platforms.asking import INSTAGRAM, fetched, run, says
from tests.platforms.driving import SESSION, act_of, answer

# --- Instagram -----------------------------------------------------------------------------------------------------


def graph_error(code: int, **more: Any) -> Answer:
    return says({"error": {"message": "m", "type": "OAuthException", "code": code, **more}}, 400)


@pytest.mark.parametrize(("hidden", "states"), [(True, {"hidden"}), (False, {"visible"}), (None, set()), ("no", set())])
def test_instagram_shows_whether_a_comment_is_hidden(hidden: object, states: set[str]) -> None:
    body = {"id": "17", "text": "Nice", "username": "rye_fan", "media": {"id": "18"}, "hidden": hidden}
    seen = fetched(INSTAGRAM, body, "17")["17"]
    assert seen.states == states
    assert seen.comment is not None
    assert (seen.comment.post_id, seen.comment.author_username, seen.comment.text) == ("18", "rye_fan", "Nice")


def test_instagram_is_asked_before_it_hides_what_it_may_have_hidden() -> None:
    act = act_of("hide", Target(id="17"))
    outcomes, asked = run(INSTAGRAM, act, says({"id": "17", "hidden": True}), look=True)
    assert (outcomes[0].status, len(asked)) == ("not_needed", 1)
    outcomes, asked = run(INSTAGRAM, act, says({"id": "17", "hidden": False}), says({"success": True}), look=True)
    assert (outcomes[0].status, len(asked)) == ("done", 2)
    with pytest.raises(ContentGone):
        run(INSTAGRAM, act, graph_error(100, error_subcode=33), look=True)


def test_what_is_gone_from_instagram_is_removed_as_well_as_can_be() -> None:
    act = act_of("remove", Target(id="17"))
    outcomes, _ = run(INSTAGRAM, act, graph_error(100, error_subcode=33), look=True)
    assert outcomes[0].status == "not_needed"


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        (graph_error(190, error_subcode=463), CredentialsRejected),
        (graph_error(10), PlatformError),
        (graph_error(299), PlatformError),
        (graph_error(100, error_subcode=33), ContentGone),
        (graph_error(100, error_subcode=34), PlatformError),
        (graph_error(4, is_transient=True), RateLimited),
        (graph_error(80002), RateLimited),
        (graph_error(99, is_transient=True), PlatformUnavailable),
        (graph_error(99), PlatformError),
        (says({"success": False}), PlatformError),
        (says({"success": "false"}), PlatformError),
        (says({"error": "text"}, 400), PlatformError),
    ],
)
def test_metas_codes_say_what_to_do(answered: Answer, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        run(INSTAGRAM, act_of("hide"), answered)
    assert type(caught.value) is error


def test_meta_takes_the_word_true_for_success() -> None:
    outcomes, _ = run(INSTAGRAM, act_of("hide"), says({"success": "true"}))
    assert outcomes[0].status == "done"


def test_what_meta_failed_at_for_a_moment_may_have_been_written() -> None:
    with pytest.raises(OutcomeUnknown):
        run(INSTAGRAM, act_of("reply"), graph_error(2))


def test_meta_tells_shares_and_the_minutes_until_it_listens_again() -> None:
    use = [{"type": "instagram", "call_count": 100, "total_time": 25, "estimated_time_to_regain_access": 19}]
    headers = {
        "x_app_usage": '{"call_count":28,"total_time":25,"total_cputime":31}',
        "x_business_use_case_usage": json.dumps({"1055": use}),
    }
    got = answer(400, json.dumps({"error": {"code": 80002}}), **headers)
    app, account = INSTAGRAM.api.budgets(INSTAGRAM.api.call("hide"), got)
    assert (app.name, app.used, app.is_spent) == ("app", 0.31, False)
    assert (account.name, account.used, account.is_spent) == ("account", 1, True)
    with pytest.raises(RateLimited) as caught:
        run(INSTAGRAM, act_of("hide"), got)
    assert caught.value.retry_after == 19 * 60


def test_instagram_bans_through_a_page_only() -> None:
    with pytest.raises(UnsupportedAction, match="page_id"):
        INSTAGRAM.moderate(act_of("ban"), SESSION)
