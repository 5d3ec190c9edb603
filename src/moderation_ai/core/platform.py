"""What a platform is to us: a table, and pure functions between its bytes and our facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from moderation_ai.core.acting import Acts
from moderation_ai.core.content import read_json
from moderation_ai.core.envelope import is_envelope, read_envelope, read_usual_envelope
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.generic import delivery_id, is_signed_generically, verify_generic
from moderation_ai.core.http import Request, Response
from moderation_ai.core.polling import Polls
from moderation_ai.core.pubsub import Pubsub
from moderation_ai.core.subscribing import Subscribes

PUSH_TOKEN = -1
"""What ``verify`` returns where no secret of ours but a push service's token vouches for a request."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with a platform: the live secrets, newest first, and what its handshake asks for.

    ``name`` tells the credentials of one platform apart and is part of every event's key. ``accounts`` maps the
    platform's id of an account to the name that the configuration gives it. ``topics`` are WebSub's, ``leaving`` those
    of them that we asked the hub to end. ``pubsub`` is what a token of Google Cloud Pub/Sub must say. ``generic`` also
    opens the brief's ``X-Signature`` scheme on this platform's address; ``timestamp_signed`` says that this scheme
    signs ``X-Timestamp + "." + body`` then.
    """

    secrets: tuple[str, ...] = ()
    name: str = ""
    verify_token: str | None = None
    topics: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    accounts: Mapping[str, str] = {}
    pubsub: Pubsub | None = None
    generic: bool = False
    timestamp_signed: bool = False
    allow_unverified: bool = False

    def __repr__(self) -> str:
        """Return how many secrets there are, and none of them."""
        return f"<Credential {self.name!r}: {len(self.secrets)} secrets>"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A body as the platform would send it, with the events that must come out of it (as partial event JSON).

    ``name`` is the native kind, ``variant`` tells several of one kind apart, ``headers`` is what the platform sends
    beside the signature. ``scheme`` tells how it is signed where a platform knows several: ``sign`` sees that in the
    body, a sender may have to bring another key.
    """

    name: str
    body: bytes
    events: Sequence[Mapping[str, Any]]
    headers: Mapping[str, str] = {}
    scheme: str = ""
    variant: str = ""

    @property
    def label(self) -> str:
        """Return what it is asked for by: the native kind, with the variant after a colon."""
        return f"{self.name}:{self.variant}" if self.variant else self.name


class Platform(Acts, Subscribes, Polls):
    """Know one platform: its table as class attributes, its schemes and shapes as pure methods.

    A platform file defines one subclass and one instance of it named ``PLATFORM``. Nothing in it reads a clock, a
    disk or the network; ``now`` comes in as an argument or as ``request.received_at``.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    signature: ClassVar[str]
    """How its requests are signed, for people: header, algorithm, signed bytes."""
    handshake: ClassVar[str | None] = None
    """How it asks whether an address is ours, for people; None where it does not."""
    security_headers: ClassVar[tuple[str, ...]] = ()
    """Header names that decide over authenticity: each may stand once."""
    kinds: ClassVar[Mapping[str, str]] = {}
    """Native kinds and the event type each becomes; the empty text for one that we know and have no use for."""
    hosts: ClassVar[tuple[str, ...]] = ()
    """Host names that we may send requests to for it."""
    refusal_status: ClassVar[int] = 401
    """What a request with a bad signature is answered."""
    max_body: ClassVar[int | None] = None
    """Its own limit in bytes, where its bodies are larger than the gateway's."""
    own_scheme: ClassVar[bool] = True
    """Whether it signs by a scheme of its own; if not, the generic schemes open its address."""
    pubsub: ClassVar[bool] = False
    """Whether Google Cloud Pub/Sub may push to its address."""
    public_keys: ClassVar[bool] = False
    """Whether its secrets are public keys: anyone could sign with those by a generic scheme, so none opens it."""

    signed_tokens: ClassVar[re.Pattern[bytes] | None] = None
    """What its handshake signs for whoever asks, with the first secret: a body of that form proves nothing."""

    def verify(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed ``request``, by its own scheme or a generic one.

        The generic schemes open the address of a platform that has none of its own, and elsewhere only where the
        credential says so. Raises ``InvalidSignature`` (``StaleTimestamp``) if no secret did, ``MalformedPayload`` for
        a security header that stands twice, and ``KeyNeeded`` where the key to a token is to be fetched first. Nothing
        else comes out, whatever bytes go in.
        """
        opened = credential.generic and not self.public_keys and is_signed_generically(request)
        if opened or not self.own_scheme:
            return verify_generic(request, credential.secrets, timestamp_signed=credential.timestamp_signed)
        return self.verify_own(request, credential)

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed ``request`` by the platform's own scheme; see ``verify``."""
        raise NotImplementedError

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        """Return the answer to a handshake, or None if ``request`` is none.

        Called for GET requests before, and for POST requests after they were verified.
        """
        return None

    def parse(self, request: Request) -> Parsed:
        """Return the facts in ``request``'s body, in order, and the kinds that were left out on purpose.

        Raises ``MalformedPayload`` for what cannot be understood; the caller keeps such a body as ``unknown``.
        """
        usual = read_usual_envelope(request.body)
        if usual is not None:
            return Parsed(facts=[usual], delivery_id=delivery_id(request))
        value = read_json(request.body)
        if is_envelope(value):
            return Parsed(facts=[read_envelope(value, self.kinds)], delivery_id=delivery_id(request))
        parsed = self.read(value, request)
        if not parsed.facts and not parsed.ignored:
            raise MalformedPayload("the body tells of nothing")
        return parsed

    def read(self, value: Any, request: Request) -> Parsed:
        """Return what ``parse`` does, of a JSON value that is not the brief's envelope."""
        raise NotImplementedError

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields that the platform would send with ``body`` under ``secret`` at ``now``."""
        raise NotImplementedError

    def request_headers(self, sample: Sample, secret: str, now: datetime) -> dict[str, str]:
        """Return all header fields that ``sample`` is sent with: its type, what it carries, and the signature."""
        carried = dict(sample.headers)
        if not any(name.lower() == "content-type" for name in carried):
            carried["Content-Type"] = "application/json"
        return {**carried, **self.sign(sample.body, secret, now, sample.headers)}

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return a body for every kind of ``kinds``, each with a label of its own; ``serial`` makes ids unique.

        The usual comes first: where a caller asks for an event type, the first sample that becomes one is taken.
        """
        raise NotImplementedError
