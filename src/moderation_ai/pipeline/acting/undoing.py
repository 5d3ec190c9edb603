"""Undo: an action is taken back by the one that its platform has for that, and a person's word is recorded with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.acts import Act, Outcome, Target
from moderation_ai.core.errors import ModerationError, UnsupportedAction
from moderation_ai.core.events import WebhookEvent, lane_of
from moderation_ai.pipeline.acting.echoes import VERDICTS
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import OPEN, OVERTAKEN, SETS, Action, Judgement, Wanted

NEVER_DONE = ("dead", "gone", "overtaken")
"""What became of actions that changed nothing."""
_NEWEST = 20


async def undo(
    store: Store, accesses: Mapping[tuple[str, str], Access], action_id: int, now: datetime, *, by: str
) -> Action:
    """Have an action taken back, for the person ``by``; return the action that does so, or the one that never was sent.

    What is not sent yet is not sent any more. What a policy decided is not done again to the same text. Raises
    ``UnsupportedAction`` where the platform cannot take it back, and ``ModerationError`` for what was never done.
    """
    action = await store.action(action_id)
    if action is None:
        raise ModerationError(f"there is no action {action_id}: see `moderation-ai actions list`")
    if action.status in NEVER_DONE:
        raise ModerationError(
            f"{action.action} of {action.target.id} is {action.status}: there is nothing to take back"
        )
    if action.status == OPEN and action.action in ("hide", "remove"):
        await store.decide(_judgement(action, by, None), now)
        left = await store.action(action.id) or action
        if left.status == OVERTAKEN:
            return left
    wanted = await _taking_back(store, accesses, action)
    if action.action not in SETS:
        return await store.want(wanted, now)
    _, made = await store.decide(_judgement(action, by, wanted), now)
    return made or action


async def _taking_back(store: Store, accesses: Mapping[tuple[str, str], Access], action: Action) -> Wanted:
    """Return what takes an action back; raise ``UnsupportedAction`` where nothing does."""
    if (action.platform, action.account) not in accesses:
        name = f"{action.platform}/{action.account}" if action.account else action.platform
        raise UnsupportedAction(f"no access token is configured for {name}")
    platform = find_platform(action.platform)
    event = await newest_event(store, action.platform, action.target.id)
    target = replace(platform.target(event), id=action.target.id) if event else Target(id=action.target.id)
    done = Act(action=action.action, targets=(replace(target, last_action=action.action),))
    act = platform.undo(done, Outcome(target_id=action.target.id, made_id=action.made_id))
    return Wanted(
        platform=action.platform,
        account=action.account,
        action=act.action,
        target=act.target,
        version=action.version,
        severity=4,
        again=True,
    )


def _judgement(action: Action, by: str, wanted: Wanted | None) -> Judgement:
    return Judgement(
        platform=action.platform,
        account=action.account,
        object_id=action.target.id,
        version=action.version,
        made_by=by,
        by_person=True,
        verdict=VERDICTS.get(wanted.action if wanted else "approve", "approve"),
        wanted=wanted,
    )


async def newest_event(store: Store, platform: str, object_id: str) -> WebhookEvent | None:
    """Return the newest stored event that shows a comment, or else the newest that is about the object."""
    found = await store.latest_of(lane_of(platform, object_id), limit=_NEWEST)
    return next((each for each in found if each.data.comment is not None), found[0] if found else None)
