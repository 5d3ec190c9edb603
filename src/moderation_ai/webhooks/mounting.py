"""Mounting: a handler as an ASGI or WSGI app, for a place inside somebody's own app."""

from __future__ import annotations

from collections.abc import Callable

from moderation_ai.core.errors import RequestRejected
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.wsgi import WsgiGateway
from moderation_ai.webhooks.handled import running_loop
from moderation_ai.webhooks.runtime import Runtime


class Inside:
    """The intake of a handler's runtime, reached from whatever loop or thread the user's server has.

    ``runtime`` is asked each time: a pre-fork server's children have one each.
    """

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        """Keep how the runtime is found; nothing is opened here."""
        self._runtime = runtime

    @property
    def _intake(self) -> Intake:
        return self._runtime().parts.intake

    def find(self, platform: str, account: str | None = None) -> Source:
        """Return what is configured for a platform's address; raise ``UnknownPlatform`` if nothing is."""
        return self._intake.find(platform, account)

    def limit(self, source: Source | None) -> int:
        """Return how many bytes a body may have."""
        return self._intake.limit(source)

    def check_address(self, peer: str | None, headers: Headers) -> None:
        """Return if the sender's address may post to us, else raise ``AddressNotAllowed``."""
        self._intake.check_address(peer, headers)

    def refuse(self, platform: str | None, error: RequestRejected) -> Response:
        """Count and log a refusal, and return the answer to it."""
        return self._intake.refuse(platform, error)

    async def receive(self, request: Request, platform: str | None, account: str | None = None) -> Response:
        """Return the answer to a request; its handlers run on the loop that it came on."""
        runtime = self._runtime()
        return await runtime.run(runtime.receive(request, platform, account, running_loop()))

    def receive_sync(self, request: Request, platform: str | None, account: str | None) -> Response:
        """Return the answer to a request that came on a thread without a loop."""
        runtime = self._runtime()
        return runtime.run(runtime.receive(request, platform, account, None)).result()


def asgi_app(runtime: Callable[[], Runtime], endpoint: str) -> Gateway:
    """Return the gateway as an ASGI app over a handler's runtime."""
    return Gateway(Inside(runtime), endpoint=endpoint)


def wsgi_app(runtime: Callable[[], Runtime], endpoint: str, max_body: int) -> WsgiGateway:
    """Return the gateway as a WSGI app over a handler's runtime."""
    return WsgiGateway(Inside(runtime).receive_sync, endpoint=endpoint, max_body=max_body)
