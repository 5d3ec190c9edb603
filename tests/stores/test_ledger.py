"""The ledger: what is wanted on a platform, handed out once, and what became of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moderation_ai.core.acts import Target
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import APP, Action, Judgement, LedgerFilter, Receipt, Settled, Spending, Wanted
from tests.stores.making import LEASE, NOW, after

pytestmark = pytest.mark.anyio

TARGET = Target(id="c1", post_id="p1", author_username="rye_fan")


def wanted(action: str = "hide", comment: str = "c1", **more: Any) -> Wanted:
    return Wanted(platform=more.pop("platform", "twitter"), action=action, target=Target(id=comment), **more)


async def claim(store: Store, worker: str = "w1", limit: int = 100, now: Any = NOW, **more: Any) -> list[Action]:
    return await store.claim_actions(worker, limit, now, LEASE, **more)


async def test_an_action_is_handed_out_with_all_that_its_call_needs(store: Store) -> None:
    made = await store.want(Wanted(platform="twitter", account="brand", action="hide", target=TARGET, severity=3), NOW)
    (got,) = await claim(store)
    assert (got.id, got.target, got.account, got.severity, got.wanted_at) == (made.id, TARGET, "brand", 3, NOW)
    assert (got.tries, got.begun, got.is_sending) == (1, False, True)


async def test_the_same_action_on_the_same_text_is_one_whoever_wants_it(store: Store) -> None:
    made = await asyncio.gather(*(store.want(wanted(version="v1"), NOW) for _ in range(8)))
    assert len({one.id for one in made}) == 1
    assert (await store.want(wanted(version="v2"), NOW)).id != made[0].id
    assert len(await store.actions_on("twitter", "c1")) == 2


async def test_a_settled_action_is_not_handed_out_again(store: Store) -> None:
    await store.want(wanted(), NOW)
    (got,) = await claim(store)
    await store.settle_actions([Settled(id=got.id, status="done")], NOW, worker="w1")
    assert await claim(store, now=after(1000)) == []
    assert (await store.want(wanted(), NOW)).status == "done"


async def test_what_identifies_people_goes_when_the_action_is_settled(store: Store) -> None:
    await store.want(Wanted(platform="x", action="reply", target=TARGET, text="thank you"), NOW)
    (got,) = await claim(store)
    assert got.text == "thank you"
    await store.settle_actions([Settled(id=got.id, status="done", made_id="r1")], NOW, worker="w1")
    (kept,) = await store.actions_on("x", "c1")
    assert (kept.target, kept.text, kept.made_id) == (Target(id="c1"), None, "r1")


async def test_nobody_else_gets_what_a_worker_holds(store: Store) -> None:
    await store.want(wanted(), NOW)
    assert len(await claim(store, "w1")) == 1
    assert await claim(store, "w2") == []


async def test_what_a_worker_that_is_gone_held_is_due_as_begun(store: Store) -> None:
    await store.want(wanted(), NOW)
    await claim(store, "w1")
    assert await claim(store, "w2", now=after(LEASE)) == []
    (got,) = await claim(store, "w2", now=after(LEASE + 1))
    assert (got.begun, got.tries) == (True, 2)


async def test_what_is_released_is_due_as_begun(store: Store) -> None:
    await store.want(wanted(), NOW)
    await claim(store, "w1")
    await store.release_actions("w1")
    (got,) = await claim(store, "w2")
    assert got.begun


async def test_the_outcome_of_a_worker_that_lost_its_lease_changes_nothing_but_history(store: Store) -> None:
    await store.want(wanted(), NOW)
    (got,) = await claim(store, "w1")
    await claim(store, "w2", now=after(LEASE + 1))
    await store.settle_actions([Settled(id=got.id, status="done")], after(40), worker="w1")
    now = await store.action(got.id)
    assert now is not None
    assert (now.status, now.is_sending) == ("open", True)
    assert [line.status for line in await store.receipts(got.id)] == ["done"]


async def test_a_retry_is_due_at_its_time_and_every_try_has_its_receipt(store: Store) -> None:
    await store.want(wanted(), NOW)
    (got,) = await claim(store)
    failed = Settled(id=got.id, status="retry", reason="503", due_at=after(10), begun=True)
    await store.settle_actions([failed], NOW, worker="w1")
    assert await claim(store, now=after(9)) == []
    (again,) = await claim(store, now=after(10))
    assert (again.begun, again.tries, again.reason) == (True, 2, "503")
    await store.settle_actions([Settled(id=got.id, status="not_needed")], after(11), worker="w1")
    assert await store.receipts(got.id) == [
        Receipt(at=NOW, status="retry", reason="503"),
        Receipt(at=after(11), status="not_needed"),
    ]


async def test_what_was_not_tried_leaves_no_receipt_and_counts_for_nothing(store: Store) -> None:
    await store.want(wanted(), NOW)
    (got,) = await claim(store)
    await store.settle_actions([Settled(id=got.id, status="retry", due_at=NOW, counts=False)], NOW, worker="w1")
    (again,) = await claim(store)
    assert (again.tries, again.begun) == (1, False)
    assert await store.receipts(got.id) == []


async def test_what_was_refused_leaves_a_receipt_and_counts_for_nothing(store: Store) -> None:
    await store.want(wanted(), NOW)
    (got,) = await claim(store)
    refused = Settled(id=got.id, status="retry", due_at=NOW, reason="429", refused=True)
    await store.settle_actions([refused], NOW, worker="w1")
    (again,) = await claim(store)
    assert again.tries == 1
    assert await store.receipts(got.id) == [Receipt(at=NOW, status="retry", reason="429")]


async def test_the_severest_comes_first_then_the_oldest(store: Store) -> None:
    for comment, severity in (("low", 1), ("first", 4), ("none", 0), ("second", 4)):
        await store.want(wanted(comment=comment, severity=severity), NOW)
    assert [one.target.id for one in await claim(store, limit=3)] == ["first", "second", "low"]


async def test_no_account_takes_the_place_of_another(store: Store) -> None:
    for number in range(6):
        await store.want(wanted(comment=f"a{number}", account="loud"), NOW)
    await store.want(wanted(comment="b", account="quiet"), NOW)
    got = await claim(store, limit=4, share=3)
    assert {one.account for one in got} == {"loud", "quiet"}
    assert len(got) == 3


async def test_a_later_action_overtakes_what_was_not_begun(store: Store) -> None:
    first = await store.want(wanted("hide"), NOW)
    await store.want(wanted("approve"), NOW)
    assert [one.action for one in await claim(store)] == ["approve"]
    overtaken = await store.action(first.id)
    assert overtaken is not None
    assert overtaken.status == "overtaken"


async def test_actions_on_one_object_are_handed_out_one_at_a_time_in_order(store: Store) -> None:
    await store.want(wanted("hide"), NOW)
    (first,) = await claim(store)
    await store.want(wanted("unhide"), NOW)
    assert await claim(store, "w2") == []
    await store.settle_actions([Settled(id=first.id, status="done")], NOW, worker="w1")
    assert [one.action for one in await claim(store, "w2")] == ["unhide"]


async def test_a_settlement_tells_whether_it_made_way_for_what_is_wanted_next(store: Store) -> None:
    await store.want(wanted("hide"), NOW)
    (first,) = await claim(store)
    await store.want(wanted("unhide"), NOW)
    again = Settled(id=first.id, status="retry", due_at=NOW)
    assert not await store.settle_actions([again], NOW, worker="w1")
    (first,) = await claim(store)
    assert await store.settle_actions([Settled(id=first.id, status="done")], NOW, worker="w1")
    (second,) = await claim(store)
    assert not await store.settle_actions([Settled(id=second.id, status="done")], NOW, worker="w1")


async def test_who_changed_their_mind_is_heard_and_a_repeat_is_not(store: Store) -> None:
    for action in ("hide", "unhide"):
        await store.want(wanted(action), NOW)
        for got in await claim(store):
            await store.settle_actions([Settled(id=got.id, status="done")], NOW, worker="w1")
    assert (await store.want(wanted("hide"), NOW)).status == "done"
    assert (await store.want(wanted("hide", again=True), NOW)).status == "open"
    assert (await store.want(wanted("hide", again=True), NOW)).status == "open"
    assert len(await store.actions_on("twitter", "c1")) == 3


async def test_what_failed_for_good_is_tried_again_only_if_that_is_asked_for(store: Store) -> None:
    first = await store.want(wanted(), NOW)
    await claim(store)
    await store.settle_actions([Settled(id=first.id, status="dead", reason="403")], NOW, worker="w1")
    assert (await store.want(wanted(), NOW)).id == first.id
    assert (await store.want(wanted(again=True), NOW)).id != first.id


async def test_a_paused_account_is_left_alone_until_its_time(store: Store) -> None:
    await store.want(wanted(account="brand"), NOW)
    await store.pause_account("twitter", "brand", after(60), "429")
    assert await claim(store, now=after(59)) == []
    (outbox,) = await store.outboxes()
    assert (outbox.open, outbox.oldest_at, outbox.paused_until, outbox.reason) == (1, NOW, after(60), "429")
    assert len(await claim(store, now=after(60))) == 1


async def test_a_shorter_pause_does_not_end_a_longer_one(store: Store) -> None:
    await store.pause_account("twitter", "brand", after(60), "429")
    await store.pause_account("twitter", "brand", after(5), "503")
    assert [(one.paused_until, one.reason) for one in await store.outboxes()] == [(after(60), "429")]
    await store.pause_account("twitter", "brand", None)
    assert [one.paused_until for one in await store.outboxes()] == [None]


async def test_an_allowance_is_shared_and_never_exceeded_in_any_period(store: Store) -> None:
    cost = Spending(name="hide", units=10, limit=50, seconds=100)
    asked = await asyncio.gather(*(store.spend("twitter", "", [cost], NOW) for _ in range(8)))
    assert asked.count(None) == 5
    again = next(when for when in asked if when is not None)
    assert after(100) <= again <= after(110)
    assert await store.spend("twitter", "", [cost], after(99)) is not None
    assert await store.spend("twitter", "other", [cost], NOW) is None
    assert await store.spend("twitter", "", [cost], again) is None


async def test_of_several_allowances_all_are_taken_or_none(store: Store) -> None:
    wide = Spending(name="all", units=1, limit=2, seconds=100)
    narrow = Spending(name="hide", units=1, limit=1, seconds=100)
    assert await store.spend("x", "", [wide, narrow], NOW) is None
    assert await store.spend("x", "", [wide, narrow], NOW) is not None
    assert await store.spend("x", "", [wide], NOW) is None
    assert await store.spend("x", "", [wide], NOW) is not None


async def test_what_goes_by_app_is_shared_by_its_accounts_and_kept_where_an_account_has_none_left(store: Store) -> None:
    shared = Spending(name="app", units=1, limit=2, seconds=100, by_app=True)
    own = Spending(name="hide", units=1, limit=1, seconds=100)
    assert await store.spend("x", "one", [own, shared], NOW) is None
    assert await store.spend("x", "one", [own, shared], NOW) is not None
    assert await store.spend("x", "two", [own, shared], NOW) is None
    assert await store.spend("x", "three", [own, shared], NOW) is not None
    units = {(each.account, each.name): each.units for each in await store.spent(NOW)}
    assert [units.pop((APP, "app"), None), sum(units.values())] == [2, 2]


async def test_two_workers_that_claim_at_once_share_nothing(store: Store) -> None:
    for number in range(30):
        await store.want(wanted(comment=f"c{number}"), NOW)
    got = await asyncio.gather(*(claim(store, f"w{number}", 10) for number in range(4)))
    ids = [one.id for some in got for one in some]
    assert len(ids) == len(set(ids)) >= 10


def judged(verdict: str = "hide", *, version: str = "v1", does: str | None = "hide", **more: Any) -> Judgement:
    fields: dict[str, Any] = {"made_by": "house@1", "severity": 3, "decision": b"{}", **more}
    return Judgement(
        platform="twitter",
        object_id="c1",
        version=version,
        verdict=verdict,
        wanted=wanted(does, version=version, severity=3) if does else None,
        **fields,
    )


async def test_a_decision_and_what_follows_from_it_are_written_together(store: Store) -> None:
    decided, action = await store.decide(judged(seq=7), NOW)
    assert action is not None
    assert (decided.action, decided.verdict, decided.version, decided.seq, decided.decision) == (
        action.id,
        "hide",
        "v1",
        7,
        b"{}",
    )
    assert (action.action, action.severity, action.version, action.status) == ("hide", 3, "v1", "open")
    assert await store.decisions(LedgerFilter(platform="twitter", object_id="c1"), limit=10) == [decided]


async def test_the_same_decision_on_the_same_text_is_one(store: Store) -> None:
    made = await asyncio.gather(*(store.decide(judged(), NOW) for _ in range(8)))
    assert len({decided.id for decided, _ in made}) == 1
    assert len({action.id for _, action in made if action}) == 1
    other, _ = await store.decide(judged(version="v2"), NOW)
    assert other.id != made[0][0].id


async def test_what_a_decision_wants_that_a_user_wanted_already_is_one_action(store: Store) -> None:
    theirs = await store.want(wanted(version="v1"), NOW)
    decided, action = await store.decide(judged(), NOW)
    assert action is not None
    assert (decided.action, action.id) == (theirs.id, theirs.id)


async def test_what_only_asks_a_person_is_kept_and_leads_to_no_action(store: Store) -> None:
    decided, action = await store.decide(judged("flag", does=None), NOW)
    assert (decided.action, action) == (None, None)
    assert [each.verdict for each in await store.decisions(LedgerFilter(state="flag"), limit=10)] == ["flag"]
    assert await store.decisions(LedgerFilter(state="hide"), limit=10) == []


async def test_what_a_person_decided_about_a_text_stands_against_a_policy(store: Store) -> None:
    person = {"made_by": "u1", "by_person": True, "does": None}
    await store.decide(judged("approve", **person), NOW)
    decided, action = await store.decide(judged(), after(1))
    assert (action, decided.reason) == (None, "a person decided about this text")
    edited, again = await store.decide(judged(version="v2"), after(2))
    assert (again is not None, edited.reason) == (True, None)
    _, theirs = await store.decide(judged(made_by="u2", by_person=True), after(3))
    assert theirs is not None


async def test_a_person_may_decide_the_same_again(store: Store) -> None:
    first, _ = await store.decide(judged(made_by="u1", by_person=True, does=None), NOW)
    second, _ = await store.decide(judged(made_by="u1", by_person=True, does=None), after(1))
    assert first.id != second.id


async def test_actions_are_listed_newest_first_and_page_by_page(store: Store) -> None:
    made = [await store.want(wanted(comment=f"c{number}"), NOW) for number in range(5)]
    await store.want(wanted(platform="reddit"), NOW)
    page = await store.actions(LedgerFilter(platform="twitter", state="open"), limit=3)
    assert [each.id for each in page] == [each.id for each in reversed(made[2:])]
    rest = await store.actions(LedgerFilter(platform="twitter", before_id=page[-1].id), limit=3)
    assert [each.id for each in rest] == [each.id for each in reversed(made[:2])]


async def test_an_outbox_counts_what_a_person_has_to_look_at_until_they_did(store: Store) -> None:
    for number, status in enumerate(("uncertain", "dead", "dead", "done")):
        await store.want(wanted(comment=f"c{number}"), NOW)
        (got,) = await claim(store)
        await store.settle_actions([Settled(id=got.id, status=status)], NOW, worker="w1")
    await store.want(wanted(comment="c9"), after(5))
    (outbox,) = await store.outboxes()
    assert (outbox.open, outbox.oldest_at, outbox.uncertain, outbox.dead) == (1, after(5), 1, 2)
    dead = await store.actions(LedgerFilter(state="dead"), limit=10)
    done = await store.actions(LedgerFilter(state="done"), limit=10)
    assert await store.dismiss_actions([dead[0].id, done[0].id, 10_000], after(9)) == [dead[0].id]
    (outbox,) = await store.outboxes()
    assert outbox.dead == 1
    assert (await store.receipts(dead[0].id))[-1] == Receipt(at=after(9), status="dismissed")


async def test_what_was_spent_is_told_as_long_as_its_period_lasts(store: Store) -> None:
    day, minute = (Spending(name=f"account/{each}", units=3, limit=100, seconds=each) for each in (86_400, 60))
    assert await store.spend("x", "brand", [day, minute], NOW) is None
    assert await store.spend("x", "brand", [day], after(7200)) is None
    assert {(one.account, one.name): one.units for one in await store.spent(NOW)} == {
        ("brand", "account/60"): 3,
        ("brand", "account/86400"): 6,
    }
    assert [(one.name, one.units) for one in await store.spent(after(7200))] == [("account/86400", 6)]
    assert await store.spent(after(3 * 86_400)) == []
