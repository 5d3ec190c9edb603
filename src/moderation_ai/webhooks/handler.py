"""WebhookHandler: the object that the brief is about; registers handlers, verifies, parses, handles, serves."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from moderation_ai.config import (
    DEFAULT_STORE_URL,
    ServerSettings,
    accesses_of,
    load_platforms,
    load_variable,
    sites_of,
    watches_of,
)
from moderation_ai.core.addresses import EVERYONE, Networks, trusted_networks
from moderation_ai.core.errors import ConfigurationError, RequestRejected
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential
from moderation_ai.core.retention import Retention
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.clock import SystemClock
from moderation_ai.pipeline.handling.calling import Call, call_here
from moderation_ai.pipeline.handling.handlers import TIMEOUT, Function, Handlers
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.pipeline.watching.alerting import receiver_of
from moderation_ai.platforms import all_platforms
from moderation_ai.sender import Sender
from moderation_ai.stores.base import EventOutcome, Store
from moderation_ai.web.doors import bound_to
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.servers import serve
from moderation_ai.web.wsgi import WsgiGateway
from moderation_ai.webhooks.choosing import choose_store, policy_settings, served_host, served_port, standards_of
from moderation_ai.webhooks.handled import EXIT_DEADLINE, Handled, running_loop
from moderation_ai.webhooks.homes import Caller
from moderation_ai.webhooks.mounting import asgi_app, wsgi_app
from moderation_ai.webhooks.parsing import parse
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.receiving import Answer, Reading, read_request
from moderation_ai.webhooks.report import Report
from moderation_ai.webhooks.runtime import Runtime
from moderation_ai.webhooks.setup import Setup
from moderation_ai.webhooks.verification import Hints, verify_with_hint

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Function)


class WebhookHandler:
    """Receive webhooks of every platform and hand their events to your functions.

    ``secret`` is one secret or a list of live ones, newest first. A handler made with it accepts the brief's
    ``X-Signature`` and each platform's own scheme under that secret. ``endpoint`` is where ``start`` serves;
    ``allowed_ips`` are addresses or networks that may post (all, if none is named), seen through ``trusted_proxies``;
    ``store`` is a URL or a store, else ``MODERATION_AI_STORE__URL``, else memory with one warning.
    ``verify_token`` answers Meta's handshake (the secret does, if none is given), ``accounts`` maps a platform's name
    to its accounts' ids and your names for them, ``topics`` are the WebSub topics whose subscription is confirmed
    (YouTube, Medium), ``timeout`` (seconds) and ``retries`` are the handlers' defaults.
    ``allow_unverified`` must be named to receive without any secret. An interpreter that exits waits for work that has
    begun, ``exit_deadline`` seconds at most. ``retention`` says for how long what is kept. Actions are
    sent with the access tokens that the environment names (``MODERATION_AI_PLATFORMS__X__ACCESS_TOKEN``), through
    ``sender``. What arrives is moderated by ``standards``, else by the policy in ``MODERATION_AI_POLICY__FILE``.
    """

    _created: weakref.ref[WebhookHandler] | None = None

    def __init__(
        self,
        secret: str | Sequence[str] | None = None,
        endpoint: str = "/webhook",
        allowed_ips: Sequence[str] | None = None,
        *,
        store: str | Store | None = None,
        verify_token: str | None = None,
        accounts: Mapping[str, Mapping[str, str]] | None = None,
        topics: Sequence[str] = (),
        trusted_proxies: Sequence[str] = (),
        timeout: float = TIMEOUT,
        retries: RetrySchedule | None = None,
        max_body: int = MAX_BODY,
        allow_unverified: bool = False,
        exit_deadline: float = EXIT_DEADLINE,
        retention: Retention | None = None,
        sender: Sender | None = None,
        standards: StandardsEngine | None = None,
    ) -> None:
        """Keep the settings; nothing is opened before the first event. Raises ``ConfigurationError``."""
        self.secrets = _secrets_of(secret)
        self.endpoint = "/" + endpoint.strip("/")
        self.handlers = Handlers()
        self._allowed = Networks(allowed_ips) if allowed_ips is not None else None
        if self._allowed is not None and self._allowed.everyone:
            logger.warning("allowed_ips: %s", EVERYONE)
        self._trusted = trusted_networks(trusted_proxies)
        self.store = store
        """The store that was given, a URL or a store; None where the environment says which."""
        self._verify_token = verify_token
        self._accounts = accounts or {}
        self._topics = tuple(topics)
        self._timeout = timeout
        self._retries = retries
        self._max_body = max_body
        self._allow_unverified = allow_unverified
        self._exit_deadline = exit_deadline
        self._retention = retention or Retention()
        self.sender = sender
        self.standards = standards
        """What was given to act through; None for the usual one."""
        self._runtime: Runtime | None = None
        self._lock = threading.Lock()
        self._clock = SystemClock()
        self._hints = Hints()
        self.sources = self._make_sources()
        WebhookHandler._created = weakref.ref(self)

    @classmethod
    def current(cls) -> WebhookHandler:
        """Return the handler that was made last; raise ``ConfigurationError`` if there is none."""
        handler = cls._created() if cls._created is not None else None
        if handler is None:
            raise ConfigurationError("make a WebhookHandler first, or pass the one that is meant")
        return handler

    @classmethod
    def has_current(cls) -> bool:
        """Say whether a handler was made and still stands."""
        return cls._created is not None and cls._created() is not None

    def on(
        self,
        *event_types: str,
        name: str | None = None,
        timeout: float | None = None,
        retries: RetrySchedule | None = None,
    ) -> Callable[[F], F]:
        """Register the decorated function for event types: exact, ``comment.*`` or ``*``.

        ``name`` is what its attempts are stored under (else module and qualified name): keep it over restarts. An
        ``async def`` runs on your event loop, a ``def`` on a thread.
        """
        if not event_types or not all(isinstance(kind, str) for kind in event_types):
            raise ConfigurationError('name an event type: @handler.on("comment.created")')

        def register(function: F) -> F:
            self.handlers.add(
                function,
                event_types,
                name=name,
                timeout=self._timeout if timeout is None else timeout,
                schedule=retries or self._retries,
            )
            return function

        return register

    def verify_signature(self, payload: Any, signature: Any) -> bool:
        """Say whether ``signature`` is the brief's ``X-Signature`` of ``payload``; never raises.

        It opens the generic scheme alone. For the platforms' own schemes give the whole request to ``receive``.
        """
        return verify_with_hint(payload, signature, self.secrets, self._hints)

    def parse_event(
        self, payload: bytes | str, platform: str, headers: Mapping[str, str] | None = None
    ) -> WebhookEvent:
        """Return the first event in ``payload``; the others of the same delivery are in its ``rest``.

        ``headers`` matter for platforms that name the kind there. Raises ``UnknownPlatform`` and, for what cannot be
        understood, ``MalformedPayload``. A kind that we have no use for is an ``unknown`` event, which ``handle``
        neither stores nor runs.
        """
        return parse(payload, platform, headers, self.sources, self._clock.now())

    def handle(self, event: WebhookEvent) -> Handled[Report]:
        """Store ``event`` (and its ``rest``) and run each handler once now; retries are left to a worker.

        Await the answer for the ``Report``, or ignore it: the work has begun, or is done where no loop runs. What
        handlers raise stands in the report. Events of ``parse_event`` that were stored before do not run again; those
        that you made by hand always do.
        """
        runtime = self.runtime()
        return runtime.run(runtime.handle((event, *event.rest), Caller.here()))

    def receive(self, request: Any, platform: str | None = None, account: str | None = None) -> Answer:
        """Take a whole request in, at your own endpoint: verify by its platform's scheme, store, handle, answer.

        ``request`` is a Starlette, FastAPI, Litestar, Flask, Django or aiohttp request, or ours. ``platform`` is read
        from the path's parameters or below ``endpoint`` where it is not given. Await the ``Answer`` where a loop runs.
        """
        self._require_secret()
        return Answer(self.runtime().run(self._receive(request, platform, account, running_loop())))

    async def _receive(
        self, request: Any, platform: str | None, account: str | None, home: asyncio.AbstractEventLoop | None
    ) -> Any:
        reading = Reading(self.endpoint, self._longest_body(), self._clock.now(), home)
        try:
            read, named, named_account = await read_request(request, reading)
        except RequestRejected as error:
            return self.runtime().parts.intake.refuse(platform, error)
        return await self.runtime().receive(read, platform or named, account or named_account, home)

    def _longest_body(self) -> int:
        return max([self._max_body, *(source.platform.max_body or 0 for source in self.sources.values())])

    def asgi(self) -> Gateway:
        """Return an ASGI app to mount in FastAPI, Starlette or Litestar: ``endpoint`` and all platforms below it.

        It does what ``receive`` does, and refuses what is too large before it is read. Raises ``ConfigurationError``
        without a secret.
        """
        self._require_secret()
        return asgi_app(self.runtime, self.endpoint)

    def wsgi(self) -> WsgiGateway:
        """Return the same as a WSGI app, for Flask's and Django's servers; raise ``ConfigurationError`` likewise."""
        self._require_secret()
        return wsgi_app(self.runtime, self.endpoint, self._longest_body())

    async def start(
        self, port: int | None = None, host: str | None = None, *, ready: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        """Serve ``endpoint`` and ``endpoint/{platform}`` until cancelled or told to stop (SIGTERM, SIGINT).

        Listens on 127.0.0.1:8080 unless told otherwise. ``ready`` is called with the addresses once it listens.
        Raises ``ConfigurationError`` without a secret, and ``AddressInUse`` where another program listens.
        """
        self._require_secret()
        with bound_to(served_host(host), served_port(port), "port=, or MODERATION_AI_SERVER__PORT") as bound:
            parts = self._make_parts(choose_store(self.store, fallback=DEFAULT_STORE_URL))
            await parts.open()
            gateway = Gateway(parts.intake, endpoint=self.endpoint, clock=parts.clock)
            await serve(gateway, bound=bound, drain=parts.close, ready=ready or (lambda addresses: None))

    def runtime(self) -> Runtime:
        """Return this process's runtime; a fork's child gets one of its own."""
        with self._lock:
            if self._runtime is None or self._runtime.pid != os.getpid():
                store = choose_store(self.store, fallback=None)
                make = partial(self._make_parts, store)
                self._runtime = Runtime(make, exit_deadline=self._exit_deadline)
            return self._runtime

    def _make_parts(
        self, store: Store, call: Call = call_here, settled: Callable[[EventOutcome], None] = lambda outcome: None
    ) -> Parts:
        return Parts(
            store,
            self._setup(),
            self.handlers,
            clock=self._clock,
            call=call,
            on_settled=settled,
            sender=self.sender,
        )

    def _setup(self) -> Setup:
        policy, platforms = policy_settings(), load_platforms()
        return Setup(
            sources=self.sources,
            allowed=self._allowed,
            trusted=self._trusted,
            max_body=self._max_body,
            retention=self._retention,
            accesses=tuple(accesses_of(platforms)),
            sites=tuple(self.sites()),
            keys=load_variable("credentials.keys") or (),
            watches=tuple(watches_of(platforms)),
            receiver=receiver_of(
                load_variable("alerts.url"),
                load_variable("alerts.secret"),
                allow_private=load_variable("alerts.allow_private") or False,
            ),
            standards=standards_of(policy) if self.standards is None else self.standards,
            degrade=policy.degrade,
        )

    def sites(self) -> list[Site]:
        """Return what webhooks are registered for: the platforms that the environment names, with our secrets."""
        server = ServerSettings(public_url=load_variable("server.public_url"), endpoint=self.endpoint)
        found = sites_of(load_platforms(), server)
        if not self.secrets:
            return found
        return [replace(each, credential=self._credential_of(each)) for each in found]

    def _credential_of(self, site: Site) -> Credential:
        credential = self.sources[site.platform.name].credential
        return replace(credential, topics=site.credential.topics or self._topics)

    def _make_sources(self) -> dict[str, Source]:
        return {
            name: Source(
                platform=platform,
                credential=Credential(
                    secrets=self.secrets,
                    verify_token=self._verify_token or (self.secrets[0] if self.secrets else None),
                    topics=self._topics,
                    accounts={native: ours for ours, native in self._accounts.get(name, {}).items()},
                    generic=True,
                    allow_unverified=self._allow_unverified and not self.secrets,
                ),
            )
            for name, platform in all_platforms().items()
        }

    def _require_secret(self) -> None:
        if not self.secrets and not self._allow_unverified:
            raise ConfigurationError(
                "a handler without a secret would accept anything: pass secret=..., or allow_unverified=True if that "
                "is what you want"
            )


def _secrets_of(secret: str | Sequence[str] | None) -> tuple[str, ...]:
    given = () if secret is None else secret if isinstance(secret, list | tuple) else (secret,)
    secrets = tuple(given)
    if not all(isinstance(one, str) and one for one in secrets):
        raise ConfigurationError("a secret is a text that is not empty, or a list of such texts")
    return secrets
