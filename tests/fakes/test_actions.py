"""Every action that a platform advertises, by the real flow and the real sender over HTTP: it does what it says."""

from __future__ import annotations

import pytest

from moderation_ai.core.acts import NO_EFFECT, NOT_NEEDED, Act, Target
from moderation_ai.core.errors import ContentGone, PlatformError, UnsupportedAction
from moderation_ai.fakes import Fake, fake_names, find_fake
from moderation_ai.platforms import all_platforms
from tests.fakes.stage import NAMES, PAGE, PLAYED, Stage, stage_for, target_of

FIRST = {"unhide": "hide", "approve": "hide", "retract": "reply", "unban": "ban", "unmute": "mute", "unlock": "lock"}
"""What was done before, so that the action has something to do."""
AFTER = {
    "approve": {"visible"},
    "unhide": {"visible"},
    "hide": {"hidden", "removed"},
    "remove": {"removed", "gone"},
    "retract": {"gone"},
}
ACTIONS = [(name, action) for name in NAMES for action in find_fake(name).platform.actions]


def world(fake: Fake) -> dict[str, object]:
    """Return all that an action can change."""
    things = {each.id: (each.state, each.is_locked) for each in fake.things.values()}
    return {**things, **{user: frozenset(marks) for user, marks in fake.users.items() if marks}}


def prepared(stage: Stage, action: str) -> Target:
    """Return what ``action`` is done to, and do what comes before it."""
    target = target_of(stage.fake.write("Too salty."))
    if action in FIRST:
        outcome = stage.act(FIRST[action], target)
        if outcome.made_id:
            return Target(id=outcome.made_id, post_id=target.post_id, parent_id=target.id)
    return target


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    return {key for key in before | after if before.get(key) != after.get(key)}


def test_every_platform_that_is_asked_for_anything_has_a_fake() -> None:
    assert list(fake_names()) == sorted(name for name, each in all_platforms().items() if each.api.calls)


@pytest.mark.parametrize("name", PLAYED)
def test_every_call_of_the_table_is_played(name: str) -> None:
    fake = find_fake(name)
    assert all(callable(fake.doing(call)) for call in fake.platform.api.calls)


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_an_action_does_what_it_says_and_nothing_else(name: str, action: str) -> None:
    with stage_for(name, action).served() as stage:
        fake = stage.fake
        fake.write("A bystander's.", author_id="other", author_username="somebody_else")
        target = prepared(stage, action)
        before, done, sent = world(fake), fake.count(), len(fake.messages)
        outcome = stage.act(action, target)
        differing = changed(before, world(fake))
        user = target.author_username if name == "reddit" else target.author_id
        assert outcome.status == "done"
        assert not fake.misunderstood
        if action == "reply":
            assert differing == {outcome.made_id}
            assert len(fake.messages) == sent + 1
            assert fake.things[str(outcome.made_id)].text == "Thank you"
        elif action in ("ban", "unban", "mute", "unmute"):
            mark = "banned" if "ban" in action else "muted"
            assert (mark in fake.users[str(user)]) is (not action.startswith("un"))
            assert differing <= {str(user), target.id}
        elif action in ("lock", "unlock"):
            assert fake.things[target.id].is_locked is (action == "lock")
            assert differing == {target.id}
        else:
            assert fake.state_of(target.id) in AFTER[action]
            assert differing == {target.id}
        # YouTube's ban is two: it rejects the comment too.
        assert fake.count() - done == (2 if (name, action) == ("youtube", "ban") else 1)


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_to_repeat_what_sets_changes_nothing_and_what_adds_is_seen_again(name: str, action: str) -> None:
    with stage_for(name, action).served() as stage:
        target = prepared(stage, action)
        stage.act(action, target)
        before, done = world(stage.fake), stage.fake.count()
        effect = stage.fake.platform.api.call(stage.fake.platform.capabilities[action].call).effect
        if effect == "adds":
            stage.act(action, target, text="Thank you again")
            assert stage.fake.count() == done + 1
            return
        try:
            stage.act(action, target)
        except (ContentGone, PlatformError):
            assert action in ("remove", "retract")
        assert (world(stage.fake), stage.fake.count()) == (before, done)


UNDONE = [
    (name, action)
    for name, action in ACTIONS
    if find_fake(name).platform.capabilities[action].undo and action != "reply"
]


@pytest.mark.parametrize(("name", "action"), UNDONE)
def test_undo_gives_back_what_was(name: str, action: str) -> None:
    with stage_for(name, action).served() as stage:
        target = prepared(stage, action)
        before = world(stage.fake)
        stage.act(action, target)
        back = stage.fake.platform.undo(Act(action=action, targets=(target,)))
        stage.act(back.action, back.target)
        # Where the comment was hidden first, that is what undo gives back.
        assert world(stage.fake) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_is_taken_back_by_its_own_id(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        act = Act(action="reply", targets=(target,), text="Thank you")
        outcome = stage.act("reply", target)
        back = stage.fake.platform.undo(act, outcome)
        stage.act(back.action, back.target)
        assert stage.fake.state_of(str(outcome.made_id)) == "gone"
        assert stage.fake.state_of(target.id) == "visible"


@pytest.mark.parametrize("name", [name for name in NAMES if find_fake(name).platform.capabilities["hide"].shown_by])
def test_who_looks_first_does_not_do_it_again(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.act("hide", target)
        assert stage.act("hide", target, look=True).status == NOT_NEEDED
        assert stage.fake.count(target.id) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_never_was_cannot_be_hidden(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.new_thing("nobody wrote this"))
        with pytest.raises(PlatformError):
            stage.act("hide", target)
        assert not stage.fake.effects


@pytest.mark.parametrize("name", NAMES)
def test_the_account_is_told(name: str) -> None:
    with Stage(name).served() as stage:
        platform = stage.fake.platform
        if "me" not in [call.name for call in platform.api.calls]:
            with pytest.raises(UnsupportedAction):
                stage.drive(platform.identify(stage.fake.session))
        else:
            assert stage.drive(platform.identify(stage.fake.session)) == stage.fake.account


def test_youtube_never_publishes_what_is_rejected() -> None:
    with Stage("youtube").served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.act("remove", target)
        with pytest.raises(UnsupportedAction):
            stage.act("approve", target)
        assert stage.fake.state_of(target.id) == "removed"


def test_youtube_rejects_what_who_is_banned_writes() -> None:
    with Stage("youtube").served() as stage:
        stage.act("ban", target_of(stage.fake.write("Too salty.")))
        assert stage.fake.write("Still too salty.").state == "removed"


def test_youtube_does_a_batch_but_for_those_that_are_gone() -> None:
    with Stage("youtube").served() as stage:
        targets = [target_of(stage.fake.write(f"{n}")) for n in range(5)] + [Target(id="UgNobody")]
        act = Act(action="hide", targets=tuple(targets))
        outcomes = stage.drive(stage.fake.platform.moderate(act, stage.fake.session))
        assert [each.status for each in outcomes] == ["done"] * 5 + ["gone"]
        assert [stage.fake.count(each.id, "hide") for each in targets] == [1] * 5 + [0]


def test_tiktok_says_yes_and_keeps_hidden_what_its_filter_holds() -> None:
    with Stage("tiktok").served() as stage:
        target = target_of(stage.fake.write("buy now", is_filtered=True, state="hidden"))
        assert stage.act("unhide", target).status == NO_EFFECT
        assert stage.fake.state_of(target.id) == "hidden"


def test_x_does_not_take_the_same_reply_twice() -> None:
    with Stage("twitter").served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.act("reply", target)
        with pytest.raises(UnsupportedAction):
            stage.act("reply", target)
        assert len(stage.fake.messages) == 1


def test_x_hides_in_our_own_conversations_alone() -> None:
    with Stage("twitter").served() as stage, pytest.raises(UnsupportedAction):
        stage.act("hide", target_of(stage.fake.write("hi", is_elsewhere=True)))


def test_reddit_tells_inside_of_a_200_that_a_comment_is_locked_or_deleted() -> None:
    with Stage("reddit").served() as stage:
        locked = target_of(stage.fake.write("one"))
        stage.act("lock", locked)
        with pytest.raises(PlatformError, match="THREAD_LOCKED"):
            stage.act("reply", locked)
        with pytest.raises(ContentGone, match="DELETED_COMMENT"):
            stage.act("reply", Target(id="t1_nobody"))


def test_instagram_leaves_what_we_wrote_visible_and_does_not_answer_what_is_hidden() -> None:
    with Stage("instagram").served() as stage:
        ours = target_of(stage.fake.write("Ours.", is_ours=True))
        stage.act("hide", ours)
        assert stage.fake.state_of(ours.id) == "visible"
        theirs = target_of(stage.fake.write("Theirs."))
        stage.act("hide", theirs)
        with pytest.raises(PlatformError):
            stage.act("reply", theirs)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "instagram"])
def test_what_others_wrote_cannot_be_retracted(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Theirs."))
        with pytest.raises(PlatformError):
            stage.act("retract", target)
        assert not stage.fake.effects


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_elsewhere_is_not_ours_to_moderate(name: str) -> None:
    with Stage(name).served() as stage:
        action = "remove" if name == "instagram" else "hide"
        target = target_of(stage.fake.write("Far away.", is_elsewhere=True))
        with pytest.raises((PlatformError, UnsupportedAction)):
            stage.act(action, target)
        assert stage.fake.state_of(target.id) == "visible"


@pytest.mark.parametrize(("name", "length"), [("youtube", 10_001), ("tiktok", 151)])
def test_a_reply_may_be_too_long(name: str, length: int) -> None:
    with Stage(name).served() as stage:
        with pytest.raises(PlatformError):
            stage.act("reply", target_of(stage.fake.write("Too salty.")), text="x" * length)
        assert not stage.fake.messages


@pytest.mark.parametrize("action", ["ban", "mute"])
def test_reddit_shows_who_is_on_its_lists_and_sends_a_message_each_time(action: str) -> None:
    with Stage("reddit").served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        assert stage.act(action, target, look=True).status == "done"
        assert stage.act(action, target, look=True).status == NOT_NEEDED
        assert [each.to for each in stage.fake.messages] == ["rye_fan"]
        stage.act(action, target)
        assert [each.to for each in stage.fake.messages] == ["rye_fan"] * 2


def test_reddit_does_not_ban_who_never_was() -> None:
    with Stage("reddit").served() as stage, pytest.raises(ContentGone, match="USER_DOESNT_EXIST"):
        stage.act("ban", target_of(stage.fake.new_thing("nobody wrote this")))


def test_instagram_with_facebook_has_the_pages_account_and_renews_by_exchange() -> None:
    with Stage("instagram", page_id=PAGE).served() as stage:
        fake = stage.fake
        assert stage.drive(fake.platform.identify(fake.session)) == fake.account
        after = stage.drive(fake.platform.session(fake.session, fake.client))
        assert after == fake.session
        assert [each.call for each in fake.calls] == ["page", "exchange"]


@pytest.mark.parametrize("name", NAMES)
def test_a_look_shows_the_comment_as_it_stands(name: str) -> None:
    with Stage(name).served() as stage:
        thing = stage.fake.write("Zu salzig 🧂")
        (seen,) = stage.drive(stage.fake.platform.fetch((target_of(thing),), stage.fake.session))
        assert seen.comment is not None
        assert (seen.comment.id, seen.comment.text, seen.comment.author_id) == (thing.id, thing.text, thing.author_id)
        (gone,) = stage.drive(stage.fake.platform.fetch((Target(id="1", post_id=thing.post_id),), stage.fake.session))
        assert gone.states == {"gone"}
