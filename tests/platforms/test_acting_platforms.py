"""What is particular about acting on each platform: what it shows, what it counts, what it will not take back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.acts import Target
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    UnsupportedAction,
)
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Answer, Outgoing
from tests.platforms.asking import REDDIT, TIKTOK, YOUTUBE, X, fetched, run, says
from tests.platforms.driving import SESSION, act_of, answer, drive
from tests.platforms.fixtures import NOW

# --- X -------------------------------------------------------------------------------------------------------------

POST = {
    "id": "12",
    "text": "hello",
    "author_id": "42",
    "conversation_id": "9",
    "created_at": "2026-11-24T12:00:00.000Z",
    "referenced_tweets": [{"type": "replied_to", "id": "11"}],
}
NOT_FOUND = "https://api.twitter.com/2/problems/resource-not-found"


def test_x_shows_posts_with_their_authors_names() -> None:
    body = {"data": [POST], "includes": {"users": [{"id": "42", "username": "rye_fan"}]}}
    comment = fetched(X, body, "12")["12"].comment
    assert comment is not None
    assert (comment.post_id, comment.parent_id, comment.author_username) == ("9", "11", "rye_fan")
    assert (comment.text, comment.created_at) == ("hello", datetime(2026, 11, 24, 12, tzinfo=UTC))


def test_x_tells_what_is_gone_from_what_is_not_for_us_to_see() -> None:
    errors = [
        {"value": "13", "type": NOT_FOUND, "title": "Not Found Error"},
        {"value": "14", "type": "https://api.twitter.com/2/problems/not-authorized-for-resource"},
    ]
    found = fetched(X, {"data": [POST], "errors": errors}, "12", "13", "14")
    assert [found[one].states for one in ("12", "13", "14")] == [frozenset(), {"gone"}, frozenset()]
    assert fetched(X, {"errors": errors[:1]}, "13")["13"].states == {"gone"}
    with pytest.raises(PlatformError, match="protected"):
        fetched(X, {"errors": errors}, "13", "14")


def test_x_counts_each_call_and_names_the_second_when_it_begins_anew() -> None:
    reset = int(NOW.timestamp()) + 321
    got = answer(429, b"", x_rate_limit_limit="50", x_rate_limit_remaining="0", x_rate_limit_reset=str(reset))
    (budget,) = X.api.budgets(X.api.call("hide"), got)
    assert (budget.name, budget.limit, budget.remaining, budget.is_spent) == ("hide", 50, 0, True)
    with pytest.raises(RateLimited) as caught:
        run(X, act_of("hide"), got)
    assert caught.value.retry_after == 321


def test_x_hides_in_ones_own_conversations_only_and_says_so() -> None:
    with pytest.raises(UnsupportedAction, match="conversations that the account began"):
        run(X, act_of("hide"), says({"type": "about:blank", "title": "Forbidden", "status": 403}, 403))


# --- Reddit --------------------------------------------------------------------------------------------------------


def thing(name: str, **data: Any) -> dict[str, Any]:
    basic = {"name": name, "link_id": "t3_p9", "parent_id": "t3_p9", "author": "rye_fan", "body": "Bake it longer"}
    return {"kind": name[:2], "data": {**basic, "created_utc": 1795521000.0, "edited": False, **data}}


def listing(*things: Any) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"after": None, "children": list(things)}}


@pytest.mark.parametrize(
    ("data", "states"),
    [
        ({}, {"visible", "unlocked"}),
        ({"approved": True, "locked": True}, {"visible", "approved", "locked"}),
        ({"removed": True, "approved": True}, {"removed", "unlocked"}),
        ({"banned_by": "mod"}, {"removed", "unlocked"}),
        ({"author": "[deleted]", "body": "[removed]"}, {"removed", "unlocked"}),
        ({"author": "[deleted]", "body": "[deleted]"}, {"gone"}),
    ],
)
def test_reddit_shows_a_moderator_the_state_of_a_thing(data: dict[str, Any], states: set[str]) -> None:
    assert fetched(REDDIT, listing(thing("t1_c10", **data)), "t1_c10")["t1_c10"].states == states


def test_reddit_leaves_out_what_is_not_there() -> None:
    found = fetched(REDDIT, listing(thing("t1_b"), thing("t3_p", selftext="long")), "t1_a", "t1_b", "t3_p")
    assert found["t1_a"].states == {"gone"}
    comment = found["t1_b"].comment
    assert comment is not None
    assert comment.text == "Bake it longer"
    assert "visible" in found["t3_p"].states


def test_reddit_is_asked_before_it_removes_what_it_may_have_removed() -> None:
    act = act_of("hide", Target(id="t1_c10"))
    outcomes, asked = run(REDDIT, act, says(listing(thing("t1_c10", removed=True))), look=True)
    assert (outcomes[0].status, [request.call for request in asked]) == ("not_needed", ["info"])
    outcomes, asked = run(REDDIT, act, says(listing(thing("t1_c10"))), says({}), look=True)
    assert (outcomes[0].status, [request.call for request in asked]) == ("done", ["info", "remove"])
    with pytest.raises(ContentGone):
        run(REDDIT, act, says(listing()), look=True)


def test_reddit_bans_nobody_twice() -> None:
    act = act_of("ban", Target(id="t1_c10", author_username="Rye_Fan", space="bread"))
    banned = listing({"name": "rye_fan", "id": "t2_r"})
    outcomes, asked = run(REDDIT, act, says(banned), look=True)
    assert outcomes[0].status == "not_needed"
    assert asked[0].url == "https://oauth.reddit.com/r/bread/about/banned?user=Rye_Fan&raw_json=1"
    outcomes, asked = run(REDDIT, act, says(listing()), says({"json": {"errors": []}}), look=True)
    assert (outcomes[0].status, asked[1].call) == ("done", "ban")


def test_reddit_says_no_inside_of_a_200() -> None:
    with pytest.raises(RateLimited) as caught:
        run(
            REDDIT, act_of("reply"), says({"json": {"errors": [["RATELIMIT", "try again in 9 minutes.", "ratelimit"]]}})
        )
    assert caught.value.retry_after == 600
    assert "9 minutes" not in str(caught.value)


def test_reddit_counts_the_apps_requests() -> None:
    got = answer(200, b"{}", x_ratelimit_used="367", x_ratelimit_remaining="233.0", x_ratelimit_reset="291")
    (budget,) = REDDIT.api.budgets(REDDIT.api.call("remove"), got)
    assert (budget.name, budget.remaining, budget.limit, budget.is_spent) == ("app", 233, 600, False)
    assert budget.resets_at is not None
    assert (budget.resets_at - NOW).total_seconds() == 291


@pytest.mark.parametrize(
    ("permalink", "space"),
    [
        ("https://www.reddit.com/r/breadmakers/comments/p9/_/c10/", "breadmakers"),
        ("https://www.reddit.com/comments/p9/_/c10/", None),
        ("https://evil.example/r/breadmakers/", None),
        (None, None),
    ],
)
def test_reddits_subreddit_is_found_in_the_address(permalink: str | None, space: str | None) -> None:
    comment = {"id": "t1_c10", "author_id": "t2_r", "author_username": "rye_fan", "permalink": permalink}
    event = WebhookEvent(event_type="comment.created", platform="reddit", data={"comment": comment})  # type: ignore[arg-type]  # a dict is taken
    target = REDDIT.target(event)
    assert (target.id, target.author_username, target.space) == ("t1_c10", "rye_fan", space)


def test_no_address_but_a_text_is_looked_at() -> None:
    data = {"report": {"target_id": "t1_c10", "permalink": ["https://www.reddit.com/r/bread/"]}}
    event = WebhookEvent(event_type="report.created", platform="reddit", data=data)  # type: ignore[arg-type]  # a dict is taken
    assert REDDIT.target(event) == Target(id="t1_c10")


# --- YouTube -------------------------------------------------------------------------------------------------------


def many(count: int) -> tuple[Target, ...]:
    return tuple(Target(id=f"U{n}") for n in range(count))


def test_youtube_holds_fifty_comments_with_one_call() -> None:
    outcomes, asked = run(YOUTUBE, act_of("hide", *many(50)), answer(204))
    assert len(outcomes) == 50
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert asked[0].url.count("%2C") == 49
    assert YOUTUBE.api.call(asked[0].call).cost == 50


def test_youtube_finds_the_one_that_is_gone_among_many() -> None:
    gone = says({"error": {"code": 404, "errors": [{"reason": "commentNotFound"}]}}, 404)

    def reply(request: Outgoing) -> Answer:
        return gone if "U5%2C" in request.url or "U5&" in request.url else answer(204)

    outcomes, asked = drive(YOUTUBE.moderate(act_of("hide", *many(8)), SESSION), reply)
    assert [outcome.status for outcome in outcomes] == ["done"] * 5 + ["gone"] + ["done"] * 2
    assert [outcome.target_id for outcome in outcomes] == [target.id for target in many(8)]
    assert len(asked) == 7


@pytest.mark.parametrize("action", ["approve", "unhide", "hide"])
@pytest.mark.parametrize("before", ["remove", "ban"])
def test_youtube_brings_back_nothing_that_was_rejected(action: str, before: str) -> None:
    with pytest.raises(UnsupportedAction, match="final"):
        YOUTUBE.moderate(act_of(action, Target(id="U1"), Target(id="U2", last_action=before)), SESSION)
    with pytest.raises(UnsupportedAction):
        YOUTUBE.undo(act_of(before))


def test_youtube_shows_no_status_but_what_is_gone() -> None:
    item = {"id": "U1", "snippet": {"textOriginal": "hi", "videoId": "v1", "publishedAt": "2026-11-24T12:00:00Z"}}
    held = {"id": "U2", "snippet": {"textDisplay": "hm", "moderationStatus": "heldForReview"}}
    found = fetched(YOUTUBE, {"items": [item, held]}, "U1", "U2", "U3")
    assert [found[one].states for one in ("U1", "U2", "U3")] == [frozenset(), {"hidden"}, {"gone"}]
    comment = found["U1"].comment
    assert comment is not None
    assert (comment.text, comment.post_id) == ("hi", "v1")


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ("2026-11-24T12:00:00+00:00", 20 * 3600),
        ("2026-07-01T06:59:59+00:00", 1),
        ("2026-07-01T07:00:00+00:00", 24 * 3600),
        ("2026-03-08T08:00:00+00:00", 23 * 3600),  # the day on which the clocks go forward
        ("2026-11-01T07:00:00+00:00", 25 * 3600),  # and back
        ("2026-12-31T23:00:00+00:00", 9 * 3600),
    ],
)
def test_youtubes_units_come_back_at_midnight_in_california(now: str, seconds: int) -> None:
    spent = says({"error": {"code": 403, "errors": [{"reason": "quotaExceeded"}]}}, 403)
    with pytest.raises(RateLimited) as caught:
        run(YOUTUBE, act_of("hide"), replace(spent, received_at=datetime.fromisoformat(now)))
    assert caught.value.retry_after == seconds


def test_reddit_names_us_as_its_events_do() -> None:
    assert drive(REDDIT.identify(SESSION), lambda _: says({"id": "app", "name": "bread_bot"}))[0] == "t2_app"


# --- TikTok --------------------------------------------------------------------------------------------------------

VIDEO = Target(id="74", post_id="73")


def comments(*statuses: str | None) -> Answer:
    shown = [{"comment_id": "74", "video_id": "73", "text": "hi", "status": each} for each in statuses]
    return says({"code": 0, "message": "OK", "data": {"comments": shown, "has_more": False}})


YES = says({"code": 0, "message": "OK", "data": {}})


@pytest.mark.parametrize(
    ("answered", "states"),
    [
        (comments("PUBLIC"), {"visible"}),
        (comments("HIDDEN"), {"hidden"}),
        (comments("FRIENDS"), {"hidden"}),
        (comments(None), set()),
        (comments(), {"gone"}),
    ],
)
def test_tiktok_shows_whether_a_comment_is_hidden(answered: Answer, states: set[str]) -> None:
    (seen,), _ = drive(TIKTOK.fetch([VIDEO], SESSION), lambda _: answered)
    assert seen.states == states


def test_tiktoks_yes_to_showing_a_comment_is_not_believed() -> None:
    outcomes, asked = run(TIKTOK, act_of("unhide", VIDEO), YES, comments("HIDDEN"))
    assert (outcomes[0].status, [request.call for request in asked]) == ("no_effect", ["hide", "comments"])
    outcomes, _ = run(TIKTOK, act_of("approve", VIDEO), YES, comments("PUBLIC"))
    assert outcomes[0].status == "done"
    outcomes, _ = run(TIKTOK, act_of("hide", VIDEO), YES)
    assert outcomes[0].status == "done"


def test_tiktok_says_no_inside_of_a_200() -> None:
    for code, error in ((40131, CredentialsRejected), (40002, PlatformError), (50000, PlatformUnavailable)):
        with pytest.raises(error) as caught:
            run(TIKTOK, act_of("hide", VIDEO), says({"code": code, "message": "m"}))
        assert type(caught.value) is error
    with pytest.raises(RateLimited) as limited:
        run(TIKTOK, act_of("hide", VIDEO), says({"code": 40100, "message": "m"}))
    assert limited.value.retry_after == 300


def test_a_comment_that_was_pushed_is_acted_on_with_its_video() -> None:
    data = {"comment": {"id": "74", "post_id": "73", "author_id": "+Zq1=="}}
    event = WebhookEvent(event_type="comment.created", platform="tiktok", data=data)  # type: ignore[arg-type]  # a dict is taken
    assert TIKTOK.target(event) == Target(id="74", post_id="73", author_id="+Zq1==")


def test_the_example_of_the_docs_asks_what_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "acting.md").read_text("utf-8")
    block = next(each for each in page.split("```python\n")[1:] if "# GET " in each).split("```")[0]
    said = block.rpartition("# GET ")[2].strip()
    names: dict[str, Any] = {}
    exec(compile(block, "docs/acting.md", "exec"), names)
    assert names["request"].url == said
