"""What acting promises on every platform, whichever it is: tables that are complete, and flows that keep to them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import Act, Outcome, Target
from moderation_ai.core.asked import find_call
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    ModerationError,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    UnsupportedAction,
)
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Platform
from moderation_ai.sender import check_address
from tests.platforms.actors import (
    MakeFlow,
    effect,
    every_action,
    every_actor,
    every_flow,
    moderate,
    requests_of,
)
from tests.platforms.driving import (
    ACTORS,
    CLIENT,
    SESSION,
    TARGET,
    THROUGH_PAGE,
    TOKEN,
    act_of,
    answer,
    by_table,
    drive,
    failing,
)
from tests.platforms.fixtures import NOW

# --- flows ---------------------------------------------------------------------------------------------------------


@every_flow
def test_asks_only_what_stands_in_the_table(platform: Platform, name: str, make: MakeFlow) -> None:
    asked = requests_of(platform, make)
    assert asked or name.endswith("-looking") or name == "identify"
    for request in asked:
        call, values = find_call(platform.api.calls, request.method, request.url, request.body)
        assert call.name == request.call
        assert call.fill(values) == values
        assert request.url.startswith("https://")
        assert check_address(request.url, platform.hosts) == request.host
        assert TOKEN not in repr(request)
        assert "nobody-may-see" not in request.url.partition("?")[0]


@every_action
def test_does_what_it_advertises_with_one_effective_call(platform: Platform, action: str) -> None:
    outcomes, asked = drive(moderate(platform, act_of(action)), by_table(platform))
    assert [each.target_id for each in outcomes] == [TARGET.id]
    effects = [request for request in asked if platform.api.call(request.call).effect != "reads"]
    assert [request.call for request in effects] == [platform.capabilities[action].call]
    assert any(TOKEN in value for _, value in effects[0].headers)


@every_action
def test_says_what_is_wanting_before_it_asks_anybody(platform: Platform, action: str) -> None:
    for need in platform.capabilities[action].needs:
        act, session = act_of(action), THROUGH_PAGE
        if need in Target.__struct_fields__:
            act = act_of(action, msgspec.structs.replace(TARGET, **{need: None}))
        elif need in Act.__struct_fields__:
            act = msgspec.structs.replace(act, **{need: None})
        else:
            session = msgspec.structs.replace(session, **{need: None})
        with pytest.raises(UnsupportedAction, match=need):
            platform.moderate(act, session)


@every_action
def test_looks_before_it_does_again_what_may_have_been_done(platform: Platform, action: str) -> None:
    capability = platform.capabilities[action]
    if capability.shown_by:
        request = next(moderate(platform, act_of(action), look=True))
        assert platform.api.call(request.call).effect == "reads"
    elif effect(platform, action) == "adds":
        with pytest.raises(OutcomeUnknown):
            next(moderate(platform, act_of(action), look=True))
    else:
        request = next(moderate(platform, act_of(action), look=True))
        assert request.call == capability.call


@every_action
def test_without_an_answer_only_what_adds_nothing_is_tried_again(platform: Platform, action: str) -> None:
    flow = moderate(platform, act_of(action))
    next(flow)
    with pytest.raises(PlatformUnavailable) as caught:
        flow.throw(OutcomeUnknown("the connection broke"))
    assert caught.value.retryable == (effect(platform, action) != "adds")


@every_action
def test_what_was_never_sent_may_be_sent_again(platform: Platform, action: str) -> None:
    flow = moderate(platform, act_of(action))
    next(flow)
    with pytest.raises(PlatformUnavailable) as caught:
        flow.throw(PlatformUnavailable("no connection"))
    assert caught.value.retryable


@every_action
def test_what_can_be_undone_is_undone_by_the_call_that_the_table_names(platform: Platform, action: str) -> None:
    act = act_of(action)
    outcome = Outcome(target_id=TARGET.id, made_id="r9")
    capability = platform.capabilities[action]
    if capability.undo is None:
        with pytest.raises(UnsupportedAction):
            platform.undo(act, outcome)
        return
    back = platform.undo(act, outcome)
    assert back.action == capability.undo
    assert platform.api.call(capability.call).undone_by == platform.capabilities[back.action].call
    outcomes, asked = drive(moderate(platform, back), by_table(platform))
    assert outcomes[0].target_id == ("r9" if action == "reply" else TARGET.id)
    first = drive(moderate(platform, act), by_table(platform))[1]
    assert (asked[0].method, asked[0].url, asked[0].body) != (first[0].method, first[0].url, first[0].body)


@every_actor
@pytest.mark.parametrize("session", [SESSION, THROUGH_PAGE], ids=["itself", "through a page"])
def test_tells_whose_token_it_is_or_that_it_cannot(platform: Platform, session: Session) -> None:
    if platform.who(session)[0] not in [call.name for call in platform.api.calls]:
        with pytest.raises(UnsupportedAction, match="configure the account's id"):
            next(platform.identify(session))
        return
    found, asked = drive(platform.identify(session), by_table(platform))
    assert found
    assert [platform.api.call(request.call).effect for request in asked] == ["reads"]


@every_actor
def test_a_reply_whose_id_is_not_known_is_left_to_a_person(platform: Platform) -> None:
    with pytest.raises(UnsupportedAction, match="by hand"):
        platform.undo(act_of("reply"))


@every_actor
def test_tells_the_id_of_a_reply_so_that_it_can_be_taken_back(platform: Platform) -> None:
    outcomes, _ = drive(moderate(platform, act_of("reply")), by_table(platform))
    assert outcomes[0].made_id


@every_actor
def test_does_something_milder_only_where_that_is_allowed(platform: Platform) -> None:
    for wanted, milder in platform.instead.items():
        assert platform.choose(wanted) == milder
        with pytest.raises(UnsupportedAction) as caught:
            platform.choose(wanted, degrade=False)
        assert caught.value.alternatives == platform.actions
    for action in platform.actions:
        assert platform.choose(action) == action
    with pytest.raises(UnsupportedAction):
        platform.choose("vaporise")


@every_actor
def test_knows_how_to_hide_what_a_policy_wants_removed(platform: Platform) -> None:
    assert {platform.choose(action) for action in ("approve", "hide", "remove")} <= set(platform.actions)


@every_actor
def test_a_post_that_is_gone_is_said_to_be_gone(platform: Platform) -> None:
    known = [failing(failure) for failure in platform.api.failures if failure.error is ContentGone]
    for got in (*known, answer(404), answer(410)):
        with pytest.raises(ContentGone):
            drive(moderate(platform, act_of("hide")), lambda _, got=got: got)  # type: ignore[misc]


@every_actor
def test_gets_the_next_tokens_and_keeps_who_it_is(platform: Platform) -> None:
    session, asked = drive(platform.session(SESSION, CLIENT), by_table(platform))
    assert session.access_token != SESSION.access_token
    assert session.refresh_token
    assert session.expires_at is not None
    assert session.account_id == SESSION.account_id
    assert not session.is_due(NOW)
    assert session.is_due(session.expires_at)
    assert len(asked) == 1
    assert "nobody-may-see" not in repr(session) + repr(asked) + repr(CLIENT)


@every_actor
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_a_token_that_a_platform_puts_where_its_error_code_stands_is_not_repeated(
    platform: Platform, status: int
) -> None:
    token = "0123abcd-4567EFGH_89"
    bodies: list[object] = [
        {"error": token},
        {"error": {"code": token, "message": token, "status": token, "errors": [{"reason": token}]}},
        {"errors": [{"code": token, "type": token, "title": token}], "title": token, "type": token, "code": token},
        {"json": {"errors": [[token, token, token]]}, "reason": token, "message": token},
    ]
    said = []
    for body in bodies:
        for flow in (platform.session(SESSION, CLIENT), moderate(platform, act_of("hide"))):
            try:
                drive(flow, lambda _, body=body: answer(status, json.dumps(body)))  # type: ignore[misc]
            except ModerationError as error:
                said.append(str(error))
    assert said
    assert token not in "".join(said)


ODD_TOKENS = [None, "", 7, "a b", "a\r\nX-Evil: 1", "ü", "x" * 5000]
ODD_IDS = [".", "..", "../x", "a?b=c", "a#b", "a/b", "a%2fb", "é", "\ud800", "a&b=c"]


@every_actor
@pytest.mark.parametrize("token", ODD_TOKENS, ids=repr)
def test_takes_nothing_for_a_token_that_cannot_be_one(platform: Platform, token: object) -> None:
    good = msgspec.json.decode(platform.api.call("refresh").answer)
    inner = good.get("data", good)
    inner["access_token"] = token
    with pytest.raises((CredentialsRejected, PlatformUnavailable)):
        drive(platform.session(SESSION, CLIENT), lambda _: answer(200, msgspec.json.encode(good)))


@every_actor
def test_refuses_more_targets_than_go_into_one_call(platform: Platform) -> None:
    for action, capability in platform.capabilities.items():
        many = [msgspec.structs.replace(TARGET, id=f"c{n}") for n in range(capability.batch + 1)]
        with pytest.raises(UnsupportedAction, match="at once"):
            moderate(platform, act_of(action, *many))
        with pytest.raises(UnsupportedAction, match="at once"):
            moderate(platform, Act(action=action, targets=()))


@every_actor
def test_shows_no_more_targets_than_go_into_one_call(platform: Platform) -> None:
    for count in (0, platform.fetches + 1):
        with pytest.raises(UnsupportedAction, match="at once"):
            platform.fetch([TARGET] * count, SESSION)


@every_actor
@pytest.mark.parametrize("odd", ODD_IDS, ids=ascii)
def test_no_id_leads_a_request_elsewhere(platform: Platform, odd: str) -> None:
    for action in platform.actions:
        target = Target(id=odd, post_id=odd, author_id=odd, author_username=odd, space=odd)
        try:
            request = next(moderate(platform, act_of(action, target)))
        except UnsupportedAction:
            continue
        call, _ = find_call(platform.api.calls, request.method, request.url, request.body)
        assert call.name == request.call
        assert request.url.isascii()
        assert {".", ".."}.isdisjoint(request.url.partition("?")[0].split("/"))


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (
            {"comment": {"id": "c", "post_id": "p", "parent_id": "d", "author_id": "a", "author_username": "n"}},
            Target(id="c", post_id="p", parent_id="d", author_id="a", author_username="n"),
        ),
        # What a sender adds to a comment leads to no other one.
        ({"comment": {"id": "c", "target_id": "other", "extra": {"target_id": "other"}}}, Target(id="c")),
        ({"post": {"id": "p", "author_id": "a"}}, Target(id="p", author_id="a")),
        ({"comment_id": "c", "post_id": "p"}, Target(id="c", post_id="p")),
        ({"post_id": "p"}, Target(id="p")),
        ({"report": {"id": "r", "target_id": "c"}}, Target(id="c")),
        ({"action": {"id": "r", "target_id": "c", "target_author_id": "a"}}, Target(id="c", author_id="a")),
    ],
)
def test_an_event_leads_to_what_it_is_about(data: dict[str, Any], target: Target) -> None:
    kind = "post.deleted" if data.keys() == {"post_id"} else "comment.created"
    event = WebhookEvent(event_type=kind, data=data)  # type: ignore[arg-type]  # a dict is taken
    assert Acts().target(event) == target


def test_words_of_the_platform_stand_in_no_message() -> None:
    for code in ("<script>", "a\nb", "x" * 65):
        body = json.dumps({"error": {"errors": [{"reason": code}], "code": 1, "message": "said"}, "reason": code})
        for each in ACTORS:
            with pytest.raises((PlatformError, UnsupportedAction)) as caught:
                each.api.read(each.api.calls[0], answer(418, body))
            assert code not in str(caught.value)
            assert "said" not in str(caught.value)


def test_a_platform_without_a_table_can_do_nothing_and_says_so() -> None:
    class Silent(Acts):
        name = "silent"

    class Boastful(Silent):
        actions = ("hide",)

    for attempt in (
        lambda: Boastful().moderate(act_of("hide"), SESSION),
        lambda: Boastful().undo(act_of("hide")),
        lambda: Silent().choose("hide"),
        lambda: Silent().moderate(act_of("hide"), SESSION),
        lambda: Silent().fetch((TARGET,), SESSION),
        lambda: Silent().undo(act_of("hide")),
    ):
        with pytest.raises(UnsupportedAction):
            attempt()
