"""Acting on a platform: the flows that do what is wanted, by the platform's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from msgspec.structs import replace

from moderation_ai.core.acts import DONE, GONE, NO_EFFECT, NOT_NEEDED, Act, Capability, Outcome, Seen, Target, target_of
from moderation_ai.core.api import Api, Reading, at
from moderation_ai.core.calls import Call
from moderation_ai.core.content import first_id
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    OutcomeUnknown,
    PlatformUnavailable,
    UnsupportedAction,
)
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import read_session


class Acts:
    """The acting side of a platform: its API's table, what can be done by it, and the flows.

    A platform gives ``api``, ``capabilities``, ``values`` and ``refreshing``, and ``see`` where comments can be read.
    """

    name: ClassVar[str]
    api: ClassVar[Api] = Api()
    capabilities: ClassVar[Mapping[str, Capability]] = {}
    actions: ClassVar[tuple[str, ...]] = ()
    """What a moderator can do there through its API: the names of ``capabilities``."""
    instead: ClassVar[Mapping[str, str]] = {}
    """What may be done in place of an action that the platform lacks, where the policy allows that."""
    acts_on: ClassVar[tuple[str, ...]] = ("comment",)
    """What of others' can be moderated there: comments below what is ours, and on some platforms posts."""
    fetches: ClassVar[int] = 0
    """How many targets one ``fetch`` takes; 0 where the platform has no call for it."""

    def require(self, action: str) -> None:
        """Return if a moderator can do ``action`` there, else raise ``UnsupportedAction`` with what works."""
        if action not in self.actions:
            can = ", ".join(self.actions) or "nothing"
            message = f"{self.name} cannot {action}; it can: {can}"
            raise UnsupportedAction(message, alternatives=self.actions)

    def choose(self, action: str, *, degrade: bool = True) -> str:
        """Return ``action``, or what is done in its place there if ``degrade``; raise ``UnsupportedAction``."""
        chosen = self.instead.get(action, action) if degrade else action
        self.require(chosen)
        return chosen

    def target(self, event: WebhookEvent) -> Target:
        """Return what ``event`` is about as something to act on."""
        return target_of(event)

    def undo(self, act: Act, outcome: Outcome | None = None) -> Act:
        """Return the act that takes ``act`` back; a reply is taken back by its own id, which ``outcome`` has.

        Raises ``UnsupportedAction`` where the platform cannot.
        """
        self.require(act.action)
        undo = self.capabilities[act.action].undo if act.action in self.capabilities else None
        if undo is None:
            raise UnsupportedAction(f"{self.name} cannot take {act.action} back", alternatives=self.actions)
        if act.action != "reply":
            return Act(action=undo, targets=act.targets)
        if outcome is None or outcome.made_id is None:
            raise UnsupportedAction("the reply's own id is not known, so it must be taken back by hand")
        return Act(action=undo, targets=(replace(act.target, id=outcome.made_id, parent_id=act.target.id),))

    def moderate(self, act: Act, session: Session, *, look: bool = False) -> Flow[tuple[Outcome, ...]]:
        """Return the flow that does ``act``; it returns an outcome for each target, in order.

        ``look`` is for what was tried before: what a look shows to be done is not done again, and an act that adds
        something raises ``OutcomeUnknown`` where no look can tell. Raises ``UnsupportedAction`` at once for what cannot
        be done, or not without more than is known; the flow raises what ``Api.ask`` does.
        """
        self.check(act, session)
        return self._moderate(act, session, look)

    def check(self, act: Act, session: Session) -> None:
        """Return if ``act`` can be asked for with what is known, else raise ``UnsupportedAction``; asks nobody."""
        self.require(act.action)
        capability = self.capabilities.get(act.action)
        if capability is None:
            raise UnsupportedAction(f"{self.name} does not say by which call it can {act.action}")
        if not 1 <= len(act.targets) <= capability.batch:
            raise UnsupportedAction(f"{act.action} on {self.name} takes 1 to {capability.batch} targets at once")
        for target in act.targets:
            missing = [name for name in capability.needs if not _known(name, target, act, session)]
            if missing:
                raise UnsupportedAction(f"{act.action} on {self.name} cannot be done without {' and '.join(missing)}")

    def fetch(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Return the flow that looks at 1 to ``fetches`` targets; it returns what is seen of each, in order.

        Raises ``UnsupportedAction`` at once for more, and where the platform has no call for it.
        """
        if not 1 <= len(targets) <= self.fetches:
            raise UnsupportedAction(f"{self.name} shows 1 to {self.fetches} comments at once, not {len(targets)}")
        return self.see(targets, session)

    def session(self, session: Session, client: Client) -> Flow[Session]:
        """Yield the request for the next tokens and return them; a refresh token may be good for one use only.

        Raises ``CredentialsRejected`` where the account has to be authorised again.
        """
        if "refresh" not in [call.name for call in self.api.calls]:
            raise CredentialsRejected(f"{self.name} has no call for the next token: configure a new one")
        reading = yield from self.api.ask("refresh", self.refreshing(session, client), session, client)
        return read_session(reading, session)

    def identify(self, session: Session) -> Flow[str]:
        """Ask who the token belongs to, and return the account's id as the platform's events name it.

        Raises ``CredentialsRejected`` for a token that is not accepted, and ``UnsupportedAction`` where there is no
        call for it.
        """
        name, values = self.who(session)
        if name not in [call.name for call in self.api.calls]:
            raise UnsupportedAction(f"{self.name} does not tell whose token it is: configure the account's id")
        reading = yield from self.api.ask(name, values, session)
        found = self.made_id(reading, self.api.call(name))
        if found is None:
            raise PlatformUnavailable(f"{self.name} answered without an id that we can read")
        return found

    def renews_after(self, session: Session) -> timedelta | None:
        """Return after how long a token is renewed of which nobody told when it ends.

        None where that is done when it is not accepted any more, by a refresh token.
        """
        return None

    # --- what a platform says ---

    def who(self, session: Session) -> tuple[str, Mapping[str, object]]:
        """Return the call that ``identify`` makes, with its values."""
        return "me", {}

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return the values of all parameters that its calls take, by the platform's names; None where not known."""
        raise NotImplementedError

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return the values that the call ``refresh`` takes."""
        raise NotImplementedError

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at the targets, as ``fetch`` promises."""
        raise NotImplementedError

    def look(self, act: Act, session: Session) -> Flow[tuple[Seen, ...]]:
        """Return the flow that shows whether ``act`` is done: a fetch, unless it is about something else."""
        return self.fetch(act.targets, session)

    def made_id(self, reading: Reading, call: Call) -> str | None:
        """Return the id of what a call made, from the answer."""
        return first_id(at(reading.body, call.makes)) if call.makes else None

    def _moderate(self, act: Act, session: Session, look: bool) -> Flow[tuple[Outcome, ...]]:
        found: dict[str, Outcome] = {}
        if look:
            found = yield from self._look_first(act, session)
        rest = tuple(target for target in act.targets if target.id not in found)
        if rest:
            made = yield from self._carry_out(replace(act, targets=rest), session)
            found.update((each.target_id, each) for each in made)
        return tuple(found[target.id] for target in act.targets)

    def _look_first(self, act: Act, session: Session) -> Flow[dict[str, Outcome]]:
        capability = self.capabilities[act.action]
        if not capability.shown_by:
            if self.api.call(capability.call).effect == "adds":
                raise OutcomeUnknown(
                    f"{act.action} may have been done before, and {self.name} does not tell: look there"
                )
            return {}
        found = {}
        for seen in (yield from self.look(act, session)):
            if seen.states.intersection(capability.shown_by):
                found[seen.target_id] = Outcome(target_id=seen.target_id, status=NOT_NEEDED)
            elif GONE in seen.states:
                found[seen.target_id] = Outcome(target_id=seen.target_id, status=GONE)
        if len(act.targets) == 1 and GONE in [each.status for each in found.values()]:
            raise ContentGone(f"{act.target.id} does not exist on {self.name} any more")
        return found

    def _carry_out(self, act: Act, session: Session) -> Flow[tuple[Outcome, ...]]:
        capability = self.capabilities[act.action]
        try:
            values = {**self.values(act, session), **capability.values}
            reading = yield from self.api.ask(capability.call, values, session)
        except ContentGone:
            if len(act.targets) == 1:
                raise
            return (yield from self._by_halves(act, session))
        made_id = self.made_id(reading, self.api.call(capability.call))
        status = DONE
        if capability.reads_back:
            seen = yield from self.look(act, session)
            status = DONE if seen[0].states.intersection(capability.shown_by) else NO_EFFECT
        return tuple(Outcome(target_id=each.id, status=status, made_id=made_id) for each in act.targets)

    def _by_halves(self, act: Act, session: Session) -> Flow[tuple[Outcome, ...]]:
        """Find which of several targets is gone: the others must not suffer for it."""
        middle = len(act.targets) // 2
        found: list[Outcome] = []
        for half in (act.targets[:middle], act.targets[middle:]):
            try:
                found += yield from self._carry_out(replace(act, targets=half), session)
            except ContentGone:
                found.append(Outcome(target_id=half[0].id, status=GONE))
        return tuple(found)


def _known(name: str, *where: Target | Act | Session) -> object:
    """Return the value of the first field of that name that has one."""
    return next((value for each in where if (value := getattr(each, name, None))), None)
