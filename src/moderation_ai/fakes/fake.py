"""What all fakes share: reading a call by the platform's table, its token, its limits, faults, effects and webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

from msgspec.structs import replace

from moderation_ai.core.acts import GONE
from moderation_ai.core.asked import find_call, match_path
from moderation_ai.core.calls import Call, Failure, authorization
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.flows import Client, Session
from moderation_ai.core.http import Headers
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.fakes.app import Served, serve_fake
from moderation_ai.fakes.asking import Asker
from moderation_ai.fakes.faults import AFTER_EFFECT, RETRY_AFTER, Faults
from moderation_ai.fakes.limits import Meter, Window
from moderation_ai.fakes.postman import Delivery, Postman, Pushing
from moderation_ai.fakes.replies import Refusal, Reply, row_of, say
from moderation_ai.fakes.things import Asked, Effect, Message, Thing
from moderation_ai.pipeline.clock import Clock, SystemClock

Code = tuple[int, str | None]
"""A documented failure, by its status and code in the platform's table."""
_AS_APP = ("basic", "app", "app-pair")
_COUNTED = ("bearer", "access-token", "app", "app-pair")


class Fake:
    """One platform's API with one account of ours, kept in memory; a platform's fake adds what each call does.

    ``times`` multiplies the documented limits (1: as documented). ``secret`` signs the webhooks, and ``faults`` says
    what goes wrong. ``page_id`` is the Page of an Instagram account that logged in with Facebook. Ids and tokens are
    numbered from ``serial`` on: two fakes that one store sees, one after the other, need different ones. What was
    asked, done and sent stands in ``calls``, ``effects`` and ``messages``; ``misunderstood`` says why requests were no
    calls of the table.
    """

    name: ClassVar[str]
    platform: ClassVar[Platform]
    account: ClassVar[str]
    """The platform's id of our account, as its samples have it."""
    lifetime: ClassVar[int]
    """Seconds that an access token lives."""
    rotates: ClassVar[bool] = False
    """Whether a refresh token is good for one use only."""
    rejected: ClassVar[Code]
    """How a token that is not accepted is answered, and so on for the others."""
    denied: ClassVar[Code]
    gone: ClassVar[Code]
    limited: ClassVar[Code]
    fails: ClassVar[Code]

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        times: float = 1,
        secret: str = "the fake's secret",  # noqa: S107 # It opens nothing but tests.
        faults: Faults | None = None,
        page_id: str | None = None,
        serial: int = 0,
    ) -> None:
        """Begin with an account that is authorised and has no comments."""
        self.now = (clock or SystemClock()).now
        self.secret = secret
        self.page_id = page_id
        self.faults = faults or Faults()
        self.client = Client(id="app", secret="the app's secret", token="the app's token")  # noqa: S106 # Nor do these.
        self.things: dict[str, Thing] = {}
        self.users: dict[str, set[str]] = {}
        """What users are, by their id or name: ``banned``, ``muted``."""
        self.calls: list[Asked] = []
        self.effects: list[Effect] = []
        self.messages: list[Message] = []
        self.misunderstood: list[str] = []
        self.asker = Asker()
        self.postman = Postman(self.faults, self.asker)
        self.meter = Meter(self.platform.api, times, self.now)
        self._changed = threading.Condition()
        self._serial = serial
        self._refresh_token = ""
        self._renew_tokens()

    # --- for tests and demos ---

    @property
    def session(self) -> Session:
        """Return what the account acts with now."""
        return Session(
            access_token=self._access_token,
            refresh_token=self._refresh_token,
            expires_at=self._expires_at,
            account_id=self.account,
            page_id=self.page_id,
        )

    def write(self, text: str, **fields: Any) -> Thing:
        """Have somebody write a comment below a post of ours, and send its webhook; ``fields`` are ``Thing``'s."""
        with self._changed:
            thing = self.new_thing(text, **fields)
            self.things[thing.id] = thing
            self.tell_written(thing)
            return thing

    def edit(self, comment_id: str, text: str) -> Thing:
        """Have its author change a comment, and send the webhook of that where the platform sends one."""
        return self._become(comment_id, self.tell_edited, text=text, edited_at=self.now())

    def erase(self, comment_id: str) -> Thing:
        """Have its author delete a comment, and send the webhook of that where the platform sends one."""
        return self._become(comment_id, self.tell_erased, state=GONE)

    def _become(self, comment_id: str, tell: Callable[[Thing], None], **fields: Any) -> Thing:
        with self._changed:
            self.things[comment_id] = thing = replace(self.things[comment_id], **fields)
            tell(thing)
            return thing

    def state_of(self, comment_id: str) -> str:
        """Return a comment's state: ``visible``, ``hidden``, ``removed`` or ``gone``."""
        return self.things[comment_id].state

    def count(self, object_id: str | None = None, action: str | None = None) -> int:
        """Return how many calls had an effect, of all or of one object and action."""
        return sum(
            each.changed and object_id in (None, each.object_id) and action in (None, each.action)
            for each in self.effects
        )

    def expire(self) -> None:
        """End the access token, as if its time were up."""
        self._expires_at = self.now()

    def authorise(self) -> None:
        """Give new tokens, as when a person authorises the account again."""
        self._renew_tokens()

    @contextmanager
    def serve(self) -> Iterator[Served]:
        """Serve this fake on a free port of this machine within the block."""
        with serve_fake(self, self.platform.hosts) as served:
            yield served

    def push_to(self, url: str) -> Pushing:
        """Send its webhooks to a gateway on this machine within the block, ``with`` or ``async with``.

        Where the gateway's loop is yours, it must be ``async with``: the last webhook is waited for.
        """
        return Pushing(self.postman, url)

    def reach(self, host: str, base: str) -> None:
        """Have ``base``, a gateway on this machine, stand in for ``host``: who is registered there is asked here.

        Raises ``ConfigurationError`` if it is elsewhere.
        """
        self.asker.reach(host, base)

    def push(self) -> Pushing:
        """Send its webhooks to where they are registered and valid within the block, and to nobody else."""
        return Pushing(self.postman, None)

    def wait_until(self, holds: Callable[[], bool], timeout: float = 10) -> None:
        """Return when ``holds`` does, which is asked again after each call; raise ``TimeoutError`` after ``timeout`` s.

        In a coroutine: ``await asyncio.to_thread(fake.wait_until, …)``.
        """
        with self._changed:
            if not self._changed.wait_for(holds, timeout):
                raise TimeoutError(f"{self.name} waited {timeout:g} s in vain; it did {self.effects or 'nothing'}")

    # --- answering ---

    def handle(self, method: str, url: str, headers: Headers, body: bytes) -> tuple[Reply, str | None]:
        """Return the answer to a request, and the fault that it meets on its way back, if any."""
        with self._changed:
            self._changed.notify_all()
            try:
                call, values = find_call(self.platform.api.calls, method, url, body, headers)
            except (MalformedPayload, ValueError) as error:
                self.misunderstood.append(str(error))
                known = any(match_path(each, method, url) is not None for each in self.platform.api.calls)
                return self.misread(is_known=known), None
            self.calls.append(Asked(call=call.name, values=values, at=self.now()))
            fault = self.faults.of_call(call.name)
            reply = self._answer(call, values, headers, fault)
            if fault == "fails":
                reply = self.refusal(call, self.fails).reply
            counted = {} if fault == "limited_silently" else self.rate_headers(call, self.meter.windows(call))
            reply = replace(reply, headers={**counted, **reply.headers})
            return reply, fault if isinstance(fault, str) and fault in AFTER_EFFECT else None

    def _answer(self, call: Call, values: dict[str, Any], headers: Headers, fault: str | Failure | None) -> Reply:
        try:
            if isinstance(fault, Failure):
                raise Refusal(fault)
            if fault == "expired":
                self.expire()
            self._authorise(call, headers)
            if fault in ("limited", "limited_silently"):
                wanted = {"Retry-After": str(RETRY_AFTER)} if fault == "limited" else {}
                raise Refusal(self.refusal(call, self.limited).failure, wanted)
            if call.auth in _COUNTED and self.meter.spend(call) is not None:
                raise self.refusal(call, self.limited)
            return self.doing(call)(call, values)
        except Refusal as refusal:
            return refusal.reply

    def doing(self, call: Call) -> Callable[[Call, dict[str, Any]], Reply]:
        """Return what carries a call out: the method named after its row."""
        found: Callable[[Call, dict[str, Any]], Reply] = getattr(self, f"do_{call.name}")
        return found

    def refusal(self, call: Call, code: Code) -> Refusal:
        """Return the documented failure of that status and code, to be raised."""
        return Refusal(row_of((*call.failures, *self.platform.api.failures), *code))

    def _authorise(self, call: Call, headers: Headers) -> None:
        if call.auth == "none":
            return
        given = headers.get("access-token" if call.auth == "access-token" else "authorization") or ""
        if call.auth in _AS_APP:
            if given != dict(authorization(call, None, self.client))["Authorization"]:
                raise self.refusal(call, self.rejected)
            return
        expected = ("" if call.auth == "access-token" else "Bearer ") + self._access_token
        if given != expected or self.now() >= self._expires_at:
            raise self.refusal(call, self.rejected)

    # --- tokens ---

    def _renew_tokens(self) -> None:
        self._serial += 1
        self._access_token = f"{self.name}-access-{self._serial}"
        if not self._refresh_token or self.rotates:
            self._refresh_token = f"{self.name}-refresh-{self._serial}"
        self._expires_at = self.now() + timedelta(seconds=self.lifetime)

    def do_refresh(self, call: Call, values: dict[str, Any]) -> Reply:
        """Give the next tokens for the refresh token and, where it is asked for, the app's id and secret."""
        ours = {"client_id": self.client.id, "client_secret": self.client.secret, "refresh_token": self._refresh_token}
        if any(values.get(name, value) != value for name, value in ours.items()):
            raise self.refusal(call, self.denied)
        self._renew_tokens()
        return say(self.tokens())

    def tokens(self) -> dict[str, Any]:
        """Return the answer of the token endpoint."""
        rotated = {"refresh_token": self._refresh_token} if self.rotates else {}
        return {"access_token": self._access_token, "token_type": "bearer", "expires_in": self.lifetime, **rotated}

    # --- what a platform's fake builds on ---

    def next_id(self) -> int:
        """Return a number that no other thing of this fake has."""
        self._serial += 1
        return self._serial

    def thing(self, call: Call, comment_id: str) -> Thing:
        """Return a comment that exists, else answer that it is gone."""
        thing = self.things.get(comment_id)
        if thing is None or not thing.is_there:
            raise self.refusal(call, self.gone)
        return thing

    def change(self, call: Call, thing: Thing, action: str, **fields: Any) -> bool:
        """Change a comment, note the effect, and say whether it was one."""
        after = replace(thing, **fields)
        self.things[thing.id] = after
        return self.note(call, action, thing.id, changed=after != thing)

    def mark(self, call: Call, user: str, action: str, mark: str, *, on: bool) -> bool:
        """Ban or mute a user or take that back, note the effect, and say whether it was one."""
        marks = self.users.setdefault(user, set())
        before = mark in marks
        (marks.add if on else marks.discard)(mark)
        return self.note(call, action, user, changed=before != on or call.effect == "adds")

    def note(self, call: Call, action: str, object_id: str, *, changed: bool = True) -> bool:
        """Note an effect."""
        effect = Effect(call=call.name, action=action, object_id=object_id, changed=changed, at=self.now())
        self.effects.append(effect)
        return changed

    def answer_with(self, call: Call, parent: Thing, text: str, **fields: Any) -> Thing:
        """Write a comment of ours; every call writes another one."""
        reply = self.new_thing(text, post_id=parent.post_id, parent_id=parent.id, is_ours=True, **fields)
        self.things[reply.id] = reply
        self.messages.append(Message(to=parent.id, text=text))
        self.note(call, "reply", parent.id)
        return reply

    def shape(self, label: str) -> Any:
        """Return the body that the platform's own sample of that label has."""
        samples = self.platform.samples(self.now(), self.next_id())
        return json.loads(next(each.body for each in samples if each.label == label))

    def tell(self, name: str, body: Mapping[str, Any]) -> None:
        """Send a webhook of that native kind, signed as the platform signs."""
        # What is not ASCII is escaped, as X and Meta do.
        self.send(Sample(name=name, body=json.dumps(body, separators=(",", ":")).encode("ascii"), events=()), to=name)

    def send(self, sample: Sample, *, to: str | None = None) -> None:
        """Send a webhook of that body to where kind ``to`` is registered; it is signed when it leaves."""

        def sign() -> Mapping[str, str]:
            return self.platform.request_headers(sample, self.secret, self.now())

        addresses = () if to is None else self.addresses(to)
        self.postman.post(Delivery(body=sample.body, sign=sign, to=addresses))

    # --- what each platform says ---

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new comment with the platform's kind of ids."""
        raise NotImplementedError

    def tell_written(self, thing: Thing) -> None:
        """Send the webhook of a new comment, where the platform sends one."""
        raise NotImplementedError

    def tell_edited(self, thing: Thing) -> None:
        """Send the webhook of a changed comment; most platforms send none."""

    def tell_erased(self, thing: Thing) -> None:
        """Send the webhook of a deleted comment; most platforms send none."""

    def misread(self, *, is_known: bool) -> Reply:
        """Return the answer to what is no call, or (``is_known``) a call with parameters that it does not take."""
        raise NotImplementedError

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Return where webhooks of a native kind are registered and valid."""
        return ()

    def rate_headers(self, call: Call, windows: list[Window]) -> dict[str, str]:
        """Return the header fields that tell what is left, where the platform has them."""
        return {}
