"""Echoes: what a platform tells of our own actions is matched to them; what it tells of a moderator's is a verdict."""

from __future__ import annotations

from moderation_ai.core.acts import DONE, NO_EFFECT, NOT_NEEDED
from moderation_ai.core.events import WebhookEvent, object_id_of
from moderation_ai.core.subjects import Action as Acted
from moderation_ai.pipeline.clock import Clock
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import OPEN, UNCERTAIN, Action, Judgement, Receipt

ECHO = "echo"
"""The status of a receipt that says that the platform told us of the action; its reason is the event's id."""
VERDICTS = {"approve": "approve", "unhide": "approve", "hide": "hide", "remove": "remove"}
"""What a moderator's action on a comment or post says about its text."""
_SAME = {"hide": {"hide", "remove"}, "remove": {"hide", "remove"}, "unhide": {"unhide", "approve"}}
_SAME["approve"] = _SAME["unhide"]
_REACHED = (DONE, NOT_NEEDED, NO_EFFECT, UNCERTAIN)


class Echoes:
    """Tell the echo of what we did, or are just doing, from what somebody else did."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep the parts."""
        self._store = store
        self._clock = clock

    async def note_action(self, event: WebhookEvent, version: str, *, may_be_ours: bool) -> None:
        """Mark the action of ours that ``event`` is the echo of; what is none is recorded as a moderator's verdict.

        ``version`` is of the text that is known. Where it is known who acted, and that is not us, ``may_be_ours`` is
        false.
        """
        action = event.data.action
        if action is None or action.kind is None:
            return
        if may_be_ours and await self._note(event, action.target_id, _SAME.get(action.kind, {action.kind})):
            return
        if action.kind in VERDICTS and action.target_type != "user":
            await self._store.decide(self._verdict(event, action, version), self._clock.now())

    async def note_deletion(self, event: WebhookEvent) -> None:
        """Mark the removal of ours that a deletion is the echo of."""
        await self._note(event, object_id_of(event), {"remove", "retract"})

    async def note_reply(self, event: WebhookEvent, *, is_own: bool) -> bool:
        """Say whether a comment is a reply that we wrote or are just writing, and mark that.

        ``is_own`` says that we wrote it, by this reply or by hand.
        """
        parent_id = event.data.comment.parent_id if event.data.comment else None
        if parent_id is None:
            return False
        found = [
            each
            for each in await self._store.actions_on(event.platform, parent_id)
            if each.action == "reply" and _may_have_made(each, event, is_own=is_own)
        ]
        return await self._mark(event, found)

    async def _note(self, event: WebhookEvent, object_id: str | None, actions: set[str]) -> bool:
        if object_id is None:
            return False
        found = [
            each
            for each in await self._store.actions_on(event.platform, object_id)
            if each.action in actions and _may_have_been_sent(each)
        ]
        return await self._mark(event, found)

    async def _mark(self, event: WebhookEvent, found: list[Action]) -> bool:
        """Mark the latest of these actions that has no echo yet, once for each event; say whether there is one."""
        heard: list[Action] = []
        for action in reversed(found):
            echoes = [each.reason for each in await self._store.receipts(action.id) if each.status == ECHO]
            if event.event_id in echoes:
                return True
            if not echoes:
                heard.append(action)
        if not heard:
            return False
        receipt = Receipt(at=self._clock.now(), status=ECHO, reason=event.event_id)
        await self._store.note_receipt(heard[0].id, receipt)
        return True

    def _verdict(self, event: WebhookEvent, action: Acted, version: str) -> Judgement:
        return Judgement(
            platform=event.platform,
            account=event.account or "",
            object_id=action.target_id or object_id_of(event),
            version=version,
            seq=event.seq,
            made_by=f"{event.platform}:{action.actor_id or action.actor_username or 'somebody'}",
            by_person=True,
            verdict=VERDICTS[action.kind or ""],
        )


def _may_have_been_sent(action: Action) -> bool:
    return action.status in _REACHED or (action.status == OPEN and (action.is_sending or action.begun))


def _may_have_made(action: Action, event: WebhookEvent, *, is_own: bool) -> bool:
    if action.made_id is not None:
        return action.made_id == object_id_of(event)
    if action.text is not None:
        return _may_have_been_sent(action) and action.text == event.text
    return is_own and action.status == UNCERTAIN
