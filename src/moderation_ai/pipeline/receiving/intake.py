"""Intake: a request becomes a stored event and an answer; nothing is acknowledged before it is on disk."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from moderation_ai.core.addresses import Networks, client_address
from moderation_ai.core.content import read_json
from moderation_ai.core.envelope import named_platform
from moderation_ai.core.errors import (
    AddressNotAllowed,
    BodyTooLarge,
    InvalidSignature,
    KeyNeeded,
    MalformedPayload,
    MissingSignature,
    PlatformUnavailable,
    RequestRejected,
    StoreError,
    UnknownPlatform,
)
from moderation_ai.core.events import Parsed
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.routing import resolve_name
from moderation_ai.core.sources import Source
from moderation_ai.core.websub import Subscribed, pushed_topic, said_of
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.proving import is_signed, is_unsigned, lent_by, matching_secret
from moderation_ai.pipeline.receiving.public_keys import KeyRing
from moderation_ai.pipeline.receiving.reading import as_pushed, finish_all, headers_of_unknown, parse_or_keep
from moderation_ai.pipeline.receiving.refusals import JSON, busy, not_now, refusal
from moderation_ai.pipeline.tally import OTHER, Tally
from moderation_ai.stores.base import Added, Delivery, Inbox

logger = logging.getLogger(__name__)

MAX_BODY = 1 << 20
"""Bytes that a body may have, 1 MiB, where a platform has no limit of its own."""

_FATES = {"subscribe": "confirmed", "unsubscribe": "ended", "denied": "denied"}
"""What a hub's asking is counted as."""


OnRepeats = Callable[[str, Sequence[int], datetime], Awaitable[None]]
"""Is told of a platform, and where events stand that were pushed when they were stored already."""


async def note_nothing(platform: str, seqs: Sequence[int], when: datetime) -> None:
    """Note nothing of what was pushed once more: nobody compares it with what was polled."""


class Accepted(msgspec.Struct, frozen=True):
    """What became of a request's events: how many are new, known already, and of no use to us."""

    new: int = 0
    duplicates: int = 0
    ignored: int = 0


class Intake:
    """Take requests in: verify, parse, keep once, answer.

    ``sources`` maps ``platform`` or ``platform/account`` to what is configured. ``on_added`` is called when new events
    were stored, to wake the worker, ``on_repeats`` when some came that were stored before. ``keys`` finds the keys that
    tokens name; without it such a request is refused for now. ``hubs`` knows the topics
    that were asked for beside the configured ones.
    """

    def __init__(
        self,
        inbox: Inbox,
        sources: Mapping[str, Source],
        *,
        aliases: Mapping[str, str] | None = None,
        allowed: Networks | None = None,
        trusted: Networks | None = None,
        tally: Tally | None = None,
        max_body: int = MAX_BODY,
        on_added: Callable[[], None] = lambda: None,
        on_repeats: OnRepeats = note_nothing,
        keys: KeyRing | None = None,
        hubs: Hubs | None = None,
    ) -> None:
        """Keep what is configured; see the class for the arguments."""
        self.inbox = inbox
        self.sources = dict(sources)
        self._lent = lent_by(self.sources)
        self.tally = tally or Tally()
        self.waiting = 0
        """Requests that wait for their answers just now."""
        self._aliases = dict(aliases or {})
        self._allowed = allowed
        self._trusted = trusted or Networks()
        self._max_body = max_body
        self._on_added = on_added
        self._on_repeats = on_repeats
        self._keys = keys
        self._hubs = hubs

    async def receive(self, request: Request, platform: str | None, account: str | None = None) -> Response:
        """Return the answer to ``request``, which came to the address of ``platform`` (None: the bare endpoint).

        Never raises for what was sent: a refusal is an answer too. A 2xx means that every event is on disk.
        """
        self.waiting += 1
        try:
            if request.method in ("GET", "HEAD"):
                return await self._greet(request, platform, account)
            try:
                source, answer = self._admit(request, platform, account)
            except KeyNeeded as needed:
                source, answer = await self._admit_with_keys(request, platform, account, needed)
            return answer or _answer_to(await self.keep(request, source))
        except PlatformUnavailable as error:
            return self._turn_away(platform, error, request.received_at)
        except RequestRejected as error:
            return self.refuse(platform, error, request.received_at)
        except StoreError as error:
            self.tally.turn_away(request.received_at)
            logger.warning("nothing could be kept for %s: %s", self._label(platform), error)
            return busy(error)
        finally:
            self.waiting -= 1

    def _admit(self, request: Request, platform: str | None, account: str | None) -> tuple[Source, Response | None]:
        """Return where an authentic request belongs, and the answer if it is a handshake; raise if it is refused."""
        self.check_address(request.peer, request.headers)
        source = self.find(self._named_in(request) if platform is None else platform, account)
        if request.method != "POST":
            raise RequestRejected("only GET and POST are answered here", status=405)
        limit = self.limit(source)
        if len(request.body) > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes")
        return source, self._open(request, source)

    def _open(self, request: Request, source: Source) -> Response | None:
        """Return the answer to a posted handshake, or None for events; raise if ``request`` is not authentic."""
        self.verify(request, source)
        return source.platform.challenge(request, source.credential)

    async def _admit_with_keys(
        self, request: Request, platform: str | None, account: str | None, needed: KeyNeeded
    ) -> tuple[Source, Response | None]:
        """Return what ``_admit`` does, once the keys are there that it needs; raise ``PlatformUnavailable`` if not."""
        if self._keys is None or platform is None:
            raise needed
        source = self.find(platform, account)
        self.waiting -= 1  # The store is not what it waits for, so the worker need not hold back.
        try:
            credential = await self._keys.complete(needed, source.platform, source.credential, request.received_at)
        finally:
            self.waiting += 1
        return source, self._open(request, Source(platform=source.platform, credential=credential))

    def check_address(self, peer: str | None, headers: Headers) -> None:
        """Return if the sender's address may post to us, else raise ``AddressNotAllowed``."""
        if self._allowed and client_address(peer, headers, self._trusted) not in self._allowed:
            raise AddressNotAllowed("this address is not on the allow list")

    def find(self, platform: str, account: str | None = None) -> Source:
        """Return what is configured for a platform's address; raise ``UnknownPlatform`` if nothing is."""
        name = resolve_name(platform, self._aliases)
        source = self.sources.get(f"{name}/{account}") if account else None
        source = source or self.sources.get(name)
        if source is None or (account and not source.names(account)):
            raise UnknownPlatform("nothing is configured at this address")
        return source

    def limit(self, source: Source | None) -> int:
        """Return how many bytes a body may have."""
        own = source.platform.max_body if source else None
        return own if own is not None else self._max_body

    def verify(self, request: Request, source: Source) -> None:
        """Return if ``request`` is authentic, else raise; count which secret matched."""
        if source.credential.allow_unverified:
            return
        try:
            index = matching_secret(request, source)
        except InvalidSignature as error:
            if is_unsigned(request, source.platform):
                wanted = ", ".join(source.platform.security_headers)
                message = f"no signature came with this request; {source.platform.name} sends one of {wanted}"
                raise MissingSignature(message, status=error.status) from error
            raise
        self.tally.match(source.platform.name, index, request.received_at, account=source.credential.name)

    async def keep(self, request: Request, source: Source) -> Accepted:
        """Parse an authentic request and return once its events are on disk; what is not understood is kept too."""
        name = source.platform.name
        parsed = (
            Parsed(ignored=["token"]) if self._is_lent(request, source) else parse_or_keep(request, source.platform)
        )
        if parsed.ignored:
            self.tally.ignore(name, parsed.ignored)
            await self.inbox.count_ignored(parsed.ignored, name)
        if not parsed.facts:
            return Accepted(ignored=len(parsed.ignored))
        events = as_pushed(finish_all(parsed, request, source, self._aliases))
        delivery = Delivery(
            platform=name,
            received_at=request.received_at,
            body=request.body,
            events=events,
            headers=headers_of_unknown(events, request, source),
        )
        added: Added = await self.inbox.add(delivery)
        self.tally.accept(name, added.new, added.duplicates, request.received_at)
        topic = pushed_topic(request) if source.platform.subscribe else ""
        self.tally.hear(name, {each.event.account for each in events}, topic, request.received_at)
        if added.new:
            self._on_added()
        if added.duplicates:
            await self._note_repeats(name, added, request.received_at)
        return Accepted(added.new, added.duplicates, len(parsed.ignored))

    async def _note_repeats(self, platform: str, added: Added, when: datetime) -> None:
        """Tell which stored events were pushed once more; that they are stored is what the sender asks for."""
        try:
            await self._on_repeats(platform, [seq for seq in added.seqs if seq not in added.fresh], when)
        except StoreError as error:
            logger.info("what was pushed once more could not be noted: %s", error)

    def _is_lent(self, request: Request, source: Source) -> bool:
        """Say whether the signature proves nothing, because anyone can have had us sign this body as a handshake."""
        return any(
            secret in source.credential.secrets and tokens.fullmatch(request.body) for tokens, secret in self._lent
        )

    async def _greet(self, request: Request, platform: str | None, account: str | None) -> Response:
        """Return the answer to a platform that asks whether this address is ours; raise if it is refused."""
        self.check_address(request.peer, request.headers)
        source = self.find(self._named_in(request) if platform is None else platform, account)
        credential = await self._hubs.credential(request, source) if self._hubs else source.credential
        answer = source.platform.challenge(request, credential)
        if answer is None:
            raise RequestRejected("this is no handshake of this platform; it posts its events here", status=405)
        if isinstance(answer, Subscribed):
            await self._note(request, source, answer)
        return answer

    async def _note(self, request: Request, source: Source, answer: Subscribed) -> None:
        name = source.platform.name
        self.tally.subscribed[name, _FATES[answer.mode]] += 1
        is_loss = answer.mode == "denied" and answer.topic
        logger.log(logging.WARNING if is_loss else logging.INFO, "%s: %s", name, said_of(answer))
        if self._hubs is not None and answer.topic and request.method == "GET":
            await self._hubs.note(request, source, answer)

    def _named_in(self, request: Request) -> str:
        """Return the platform that the brief's envelope names: the bare endpoint has no other way to know."""
        if len(request.body) > self._max_body:
            raise BodyTooLarge(f"the body is longer than {self._max_body} bytes")
        if request.method == "POST" and not any(is_signed(request, source) for source in self.sources.values()):
            # Nothing of it is parsed then. Where generic is configured, its own refusal tells more.
            if "generic" in self.sources:
                return "generic"
            raise InvalidSignature("no live secret of any platform here has signed this")
        try:
            name = named_platform(read_json(request.body))
        except MalformedPayload:
            name = None
        if name is None or resolve_name(name, self._aliases) not in self.sources:
            name = "generic"
        return name

    def _label(self, platform: str | None) -> str:
        name = resolve_name(platform or "generic", self._aliases)
        return name if name in self.sources else OTHER

    def _turn_away(self, platform: str | None, error: PlatformUnavailable, when: datetime) -> Response:
        """Count and log that a request cannot be verified now, and return the answer that asks for it again."""
        label = self._label(platform)
        self.tally.reject(label, type(error).__name__, when)
        logger.info("a request for %s cannot be verified now: %s", label, error)
        return not_now("this cannot be verified now", error.retry_after)

    def refuse(self, platform: str | None, error: RequestRejected, when: datetime | None = None) -> Response:
        """Count and log a refusal at the address of ``platform``, and return the answer to it."""
        label = self._label(platform)
        self.tally.reject(label, type(error).__name__, when)
        logger.info("refused a request for %s: %s", label, error)
        status = error.status
        source = self.sources.get(label)
        if source is not None and status == 401:
            status = source.platform.refusal_status
        # A sender that wants 2xx for what is ignored learns nothing more.
        return Response(status) if status < 300 else refusal(status, str(error))


@lru_cache(maxsize=256)
def _answer_to(accepted: Accepted) -> Response:
    return Response(200, msgspec.json.encode(accepted), JSON)
