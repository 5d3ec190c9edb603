"""Moderator: what arrives is judged by the policy, and what the policy decides is wanted on the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.acts import Act
from moderation_ai.core.decisions import SEVERITIES, Context, Decision
from moderation_ai.core.errors import UnsupportedAction
from moderation_ai.core.events import WebhookEvent, object_id_of
from moderation_ai.core.platform import Platform
from moderation_ai.core.things import is_newest_text, text_hash_of
from moderation_ai.pipeline.handlers import MODERATION, Handler
from moderation_ai.pipeline.moderation import LONG, StandardsEngine
from moderation_ai.pipeline.outbox import Outbox
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import Claimed
from moderation_ai.stores.ledger import OPEN, Judgement, Wanted

JUDGED = frozenset(
    ("comment.created", "comment.updated", "comment.held", "post.created", "post.updated", "mention.created")
)
"""Events whose text is judged."""


class Moderator:
    """Judge the newest text of comments and posts of others, and record each decision with what follows from it.

    It is one handler more, called ``moderation``: what fails in it is retried, and ends in dead letters. What the
    policy only flags is recorded and changes nothing; so is what the platform cannot do, with the reason. Where nothing
    is wrong with a text nothing is written. With ``degrade`` what a platform lacks is done by what is milder there.
    """

    def __init__(
        self,
        standards: StandardsEngine,
        outbox: Outbox,
        *,
        degrade: bool = True,
        platforms: Mapping[str, Platform] | None = None,
    ) -> None:
        """Keep the parts; what is wanted is done by ``outbox``."""
        self._standards = standards
        self._outbox = outbox
        self._degrade = degrade
        self._platforms = all_platforms() if platforms is None else platforms

    def handler(self, claimed: Claimed) -> Handler | None:
        """Return what judges an event that is run for the first time, or None where there is nothing to judge."""
        event = claimed.event
        if event.event_type not in JUDGED or event.own or not text_of(event):
            return None
        is_newest = is_newest_text(claimed.thing, event)
        if claimed.forced and event.source == "replay":
            is_newest = _is_still_so(claimed)
        return self._handler() if is_newest else None

    def handler_again(self, claimed: Claimed) -> Handler:
        """Return what judges an event once more; where its text was changed meanwhile it does nothing."""
        return self._handler(is_newest=_is_still_so(claimed))

    def _handler(self, *, is_newest: bool = True) -> Handler:
        judge = partial(self.judge, is_newest=is_newest)
        return Handler(name=MODERATION, patterns=tuple(JUDGED), function=judge, is_async=True, is_ours=True)

    async def judge(self, event: WebhookEvent, *, is_newest: bool = True) -> None:
        """Judge an event's text, record the decision, and have done what it asks for; raise ``StoreError``."""
        if not is_newest:
            return
        decision = await self._decide(text_of(event), event.platform)
        if decision.action == decision.shadow_action == "approve":
            return
        _, action = await self._outbox.store.decide(self._judgement(event, decision), self._outbox.clock.now())
        if action is not None and action.status == OPEN:
            self._outbox.wake()

    async def _decide(self, text: str, platform: str) -> Decision:
        context = Context(platform=platform)
        if len(text) > LONG:
            return await asyncio.to_thread(self._standards.decide, text, context=context)
        return self._standards.decide(text, context=context)

    def _judgement(self, event: WebhookEvent, decision: Decision) -> Judgement:
        wanted, reason = None, None
        access = choose_access(self._outbox.accesses, event.platform, event.account)
        if decision.action in ("hide", "remove"):
            try:
                wanted = self._wanted(event, decision, access)
            except UnsupportedAction as error:
                reason = str(error)
        return Judgement(
            platform=event.platform,
            account=access.account if access else event.account or "",
            object_id=object_id_of(event),
            version=text_hash_of(event) or "",
            seq=event.seq,
            made_by=f"{decision.policy_id}@{decision.policy_version}",
            verdict=decision.action,
            severity=SEVERITIES.index(decision.severity),
            decision=decision.to_json(),
            reason=reason,
            wanted=wanted,
        )

    def _wanted(self, event: WebhookEvent, decision: Decision, access: Access | None) -> Wanted:
        """Return what is to be done on the platform; raise ``UnsupportedAction`` where that cannot be."""
        platform = self._platforms.get(event.platform)
        kind = event.event_type.partition(".")[0]
        if platform is None or kind not in platform.acts_on:
            raise UnsupportedAction(f"a {kind} cannot be moderated on {event.platform}")
        action = platform.choose(decision.action, degrade=self._degrade)
        if access is None:
            raise UnsupportedAction(f"no access token is configured for {event.platform}")
        target = replace(platform.target(event), id=object_id_of(event))
        platform.check(Act(action=action, targets=(target,)), access.session)
        return Wanted(
            platform=event.platform,
            account=access.account,
            action=action,
            target=target,
            version=text_hash_of(event) or "",
            severity=SEVERITIES.index(decision.severity),
        )


def _is_still_so(claimed: Claimed) -> bool:
    thing = claimed.thing
    return thing is None or thing.text_hash is None or thing.text_hash == text_hash_of(claimed.event)


def text_of(event: WebhookEvent) -> str:
    """Return what people read of an event's comment or post: a post's title is part of it."""
    post, text = event.data.post, event.text or ""
    if post is not None and post.title and post.title != text:
        return f"{post.title}\n{text}"
    return text


def choose_access(accesses: Mapping[tuple[str, str], Access], platform: str, account: str | None) -> Access | None:
    """Return what an account is acted with: its own token, else the platform's, else the only one there is."""
    ours = [each for (name, _), each in accesses.items() if name == platform]
    own = accesses.get((platform, account or "")) or accesses.get((platform, ""))
    return own or (ours[0] if len(ours) == 1 and account is None else None)
