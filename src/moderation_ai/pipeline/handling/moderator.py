"""Moderator: what arrives is judged by the policy, what that decides is wanted there, and what echoes is recognised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from moderation_ai.core.access import Access, choose_access
from moderation_ai.core.acts import Act
from moderation_ai.core.decisions import SEVERITIES, Context, Decision
from moderation_ai.core.errors import UnsupportedAction
from moderation_ai.core.events import WebhookEvent, object_id_of
from moderation_ai.core.platform import Platform
from moderation_ai.core.things import is_newest_text, text_hash_of
from moderation_ai.pipeline.acting.echoes import Echoes
from moderation_ai.pipeline.acting.outbox import Outbox
from moderation_ai.pipeline.credentials.identities import Identities
from moderation_ai.pipeline.handling.handlers import MODERATION, Function, Handler
from moderation_ai.pipeline.handling.standards import LONG, StandardsEngine
from moderation_ai.pipeline.polling.fetching import Fetcher
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import Claimed
from moderation_ai.stores.ledger import OPEN, Judgement, Wanted

JUDGED = frozenset(
    ("comment.created", "comment.updated", "comment.held", "post.created", "post.updated", "mention.created")
)
"""Events whose text is judged."""
TOLD = frozenset(("moderation.action", "comment.deleted", "post.deleted"))
"""Events that may tell of what we did ourselves."""


class Moderator:
    """Judge the newest text of comments and posts of others, and record each decision with what follows from it.

    It is one handler more, called ``moderation``: what fails in it is retried, and ends in dead letters. What the
    policy only flags is recorded and changes nothing; so is what the platform cannot do, with the reason. Where nothing
    is wrong with a text nothing is written. With ``degrade`` what a platform lacks is done by what is milder there.
    Without ``standards`` nothing is judged, and what echoes from a platform that we act on is recognised all the same.
    """

    def __init__(
        self,
        standards: StandardsEngine | None,
        outbox: Outbox,
        *,
        degrade: bool = True,
        platforms: Mapping[str, Platform] | None = None,
        fetcher: Fetcher | None = None,
    ) -> None:
        """Keep the parts; what is wanted is done by ``outbox``, and texts that are missing are got by ``fetcher``."""
        self._fetcher = fetcher
        self._standards = standards
        self._outbox = outbox
        self._degrade = degrade
        self._platforms = all_platforms() if platforms is None else platforms
        self._echoes = Echoes(outbox.store, outbox.clock)
        self._identities = Identities(outbox.accesses, outbox.identify, outbox.clock)

    @property
    def judges(self) -> bool:
        """Say whether what arrives is judged."""
        return self._standards is not None

    def handler(self, claimed: Claimed, *, is_first: bool = True) -> Handler | None:
        """Return what an event is moderated by, or None where there is nothing to do.

        It may have run before, if it is not ``is_first``: a text that was changed meanwhile is left alone.
        """
        if not self.judges and not self._outbox.accesses:
            return None
        event, version = claimed.event, (claimed.thing.text_hash if claimed.thing else None) or ""
        if event.event_type in TOLD:
            heard = self._acts_on(event.platform) or (self.judges and event.event_type == "moderation.action")
            return _handler(partial(self.hear, version=version)) if heard else None
        if event.event_type not in JUDGED:
            return None
        if self._may_be_own(event):
            return _handler(self.hear_reply) if self._may_be_reply(event) else None
        if not self.judges or not (text_of(event) or self._may_fetch(event)):
            return None
        is_rerun = not is_first or (claimed.forced and event.source == "replay")
        is_newest = _is_still_so(claimed) if is_rerun else is_newest_text(claimed.thing, event)
        return _handler(self.judge) if is_newest else None

    def handler_again(self, claimed: Claimed) -> Handler:
        """Return what an event that failed before is moderated by."""
        return self.handler(claimed, is_first=False) or _handler(_leave_alone)

    def _acts_on(self, platform: str) -> bool:
        return any(name == platform for name, _ in self._outbox.accesses)

    def _may_fetch(self, event: WebhookEvent) -> bool:
        return self._fetcher is not None and event.data.comment is not None and event.data.comment.text is None

    def _may_be_reply(self, event: WebhookEvent) -> bool:
        comment = event.data.comment
        return comment is not None and comment.parent_id is not None and self._acts_on(event.platform)

    def _may_be_own(self, event: WebhookEvent) -> bool:
        return event.own or getattr(event.data.subject, "author_id", None) in self._identities.known(event.platform)

    async def hear(self, event: WebhookEvent, *, version: str) -> None:
        """Recognise the echo of what we did, or record what somebody else did; raise ``StoreError``."""
        if event.data.action is None:
            await self._echoes.note_deletion(event)
            return
        actor, ours = event.data.action.actor_id, self._identities
        may_be_ours = actor is None or actor in ours.known(event.platform) or not ours.all_known(event.platform)
        await self._echoes.note_action(event, version, may_be_ours=may_be_ours)

    async def hear_reply(self, event: WebhookEvent) -> None:
        """Recognise a reply of ours; raise ``StoreError``."""
        await self._echoes.note_reply(event, is_own=True)

    async def judge(self, event: WebhookEvent) -> None:
        """Judge an event's text, record the decision, and have done what it asks for.

        A text that did not come with the event is fetched first. Raises ``StoreError``, and what ``Fetcher`` raises.
        """
        if not text_of(event) and self._fetcher is not None:
            event = await self._fetcher.complete(event)
        if not text_of(event) or await self._is_own(event):
            return
        decision = await self._decide(text_of(event), event.platform)
        if decision.action == decision.shadow_action == "approve":
            return
        _, action = await self._outbox.store.decide(self._judgement(event, decision), self._outbox.clock.now())
        if action is not None and action.status == OPEN:
            self._outbox.wake()

    async def _is_own(self, event: WebhookEvent) -> bool:
        """Say whether we wrote it: by who wrote it, or where that is not known by what we write."""
        if not self._acts_on(event.platform):
            return False
        author_id = getattr(event.data.subject, "author_id", None)
        is_own = author_id in await self._identities.learn(event.platform)
        if self._may_be_reply(event) and (is_own or not self._identities.all_known(event.platform)):
            is_own = await self._echoes.note_reply(event, is_own=is_own) or is_own
        return is_own

    async def _decide(self, text: str, platform: str) -> Decision:
        assert self._standards is not None
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
        platform.check(Act(action=action, targets=(target,)), self._outbox.credentials.known(access))
        return Wanted(
            platform=event.platform,
            account=access.account,
            action=action,
            target=target,
            version=text_hash_of(event) or "",
            severity=SEVERITIES.index(decision.severity),
        )


def _handler(function: Function) -> Handler:
    return Handler(name=MODERATION, patterns=(), function=function, is_async=True, is_ours=True)


async def _leave_alone(event: WebhookEvent) -> None:
    """Do nothing about an event: what was to be judged is not so any more."""


def _is_still_so(claimed: Claimed) -> bool:
    thing = claimed.thing
    return thing is None or thing.text_hash is None or thing.text_hash == text_hash_of(claimed.event)


def text_of(event: WebhookEvent) -> str:
    """Return what people read of an event's comment or post: a post's title is part of it."""
    post, text = event.data.post, event.text or ""
    if post is not None and post.title and post.title != text:
        return f"{post.title}\n{text}"
    return text
