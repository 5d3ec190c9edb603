"""``moderation-ai serve``: receive, keep and handle, until told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import click
import msgspec

from moderation_ai.cli.serve.files import allow_files
from moderation_ai.cli.serve.loading import LoadedHandlers, load_handlers
from moderation_ai.cli.serve.roles import POLL_OF_OTHERS, Role, require_shared
from moderation_ai.cli.serve.token import Token, make_token
from moderation_ai.cli.terminal.addresses import public_url
from moderation_ai.cli.terminal.errors import INTERRUPTED
from moderation_ai.cli.terminal.invocation import Invocation, pass_invocation, setting_option, settings_options
from moderation_ai.cli.terminal.logs import LEVELS, set_up_logs
from moderation_ai.config import (
    ConsoleSettings,
    ServerSettings,
    Settings,
    accesses_of,
    require_platforms,
    require_two_ports,
    sites_of,
    sources_of,
    variable_of,
    watches_of,
)
from moderation_ai.core.addresses import EVERYONE, Networks, trusted_networks
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.handling.standards import StandardsEngine, read_policy
from moderation_ai.pipeline.handling.worker import POLL
from moderation_ai.pipeline.watching.alerting import receiver_of
from moderation_ai.web.api import ConsoleApp
from moderation_ai.web.doors import bound_to
from moderation_ai.web.gateway import Gateway
from moderation_ai.web.servers import serve as serve_doors
from moderation_ai.web.state import State
from moderation_ai.webhooks.choosing import standards_of
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.setup import Setup

logger = logging.getLogger(__name__)


@click.command()
@click.argument("handler", required=False, metavar="[MODULE:HANDLER]")
@setting_option("--host", "server.host", metavar="ADDRESS", help="Address of the gateway, 127.0.0.1 if not set.")
@setting_option("--port", "server.port", metavar="PORT", help="Port of the gateway, 8080 if not set.")
@setting_option("--console-host", "console.host", metavar="ADDRESS", help="Address of the console.")
@setting_option("--console-port", "console.port", metavar="PORT", help="Port of the console, 8081 if not set.")
@setting_option("--role", "server.role", metavar="ROLE", help="What to do: gateway, worker, or all if not set.")
@click.option("--json", "as_json", is_flag=True, help="Print the ready line as a JSON object.")
@click.option("--log-format", type=click.Choice(("text", "json")), default="text", help="How logs are written.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", help="From which level on.")
@settings_options
@pass_invocation
def serve(invocation: Invocation, handler: str | None, as_json: bool, log_format: str, log_level: str) -> None:
    """Run the gateway, the handlers' worker and the console, until SIGTERM or Ctrl-C.

    With --role gateway requests are only stored, with --role worker only handled: any number of each may run on one
    store. MODULE:HANDLER is a WebhookHandler of yours, such as inbox:handler; its functions handle what arrives, in the
    store that it was made with, else the configured one. Secrets and addresses are those of the configuration.
    """
    set_up_logs(log_level, log_format)
    allow_files()
    settings = invocation.settings
    role = Role(settings.server.role)
    sources = _sources(settings) if role.receives else {}
    configured = standards_of(settings.policy)
    if settings.policy.file is not None and configured is None:
        read_policy(settings.policy.file)
    loaded = load_handlers(settings, handler)
    standards = loaded.standards or configured
    if role.works and not len(loaded.handlers) and standards is None:
        logger.warning("no handler is loaded: events are stored and marked unhandled; name one: serve MODULE:HANDLER")
    with (
        _bound(settings, "server", "--port", role) as gateway,
        _bound(settings, "console", "--console-port") as console,
    ):
        ready = partial(announce, as_json=as_json)
        came = run_fast(_serve(invocation, sources, loaded, standards, Bound(gateway, console), ready))
    sys.exit(INTERRUPTED if came == signal.SIGINT else 0)


def _sources(settings: Settings) -> dict[str, Source]:
    """Return what is received, by platform and account."""
    require_platforms(settings)
    require_two_ports(settings)
    return {
        name: Source(
            platform=platform,
            credential=credential,
            silence_after=settings.platforms[platform.name].silence_after,
        )
        for name, (platform, credential) in sources_of(settings).items()
    }


class Bound(NamedTuple):
    """The sockets that are held before a store is made."""

    gateway: Sequence[socket.socket]
    console: Sequence[socket.socket]


def _bound(
    settings: Settings, section: str, flag: str, role: Role | None = None
) -> AbstractContextManager[list[socket.socket]]:
    """Hold the address of a section, where the role has use for it; the error names what sets its port."""
    if role is not None and not role.receives:
        return nullcontext([])
    at: ServerSettings | ConsoleSettings = getattr(settings, section)
    return bound_to(at.host, at.port, f"{section}.port ({flag}, {variable_of(f'{section}.port')})")


async def _serve(
    invocation: Invocation,
    sources: dict[str, Source],
    loaded: LoadedHandlers,
    standards: StandardsEngine | None,
    bound: Bound,
    ready: Callable[[dict[str, str]], None],
) -> signal.Signals | None:
    """Receive and handle until told to stop; call ``ready`` with the addresses; return the signal, if one came."""
    settings = invocation.settings
    parts = make_parts(invocation, sources, loaded, standards)
    token = await _open(invocation, parts)
    state = State()

    def tell(addresses: dict[str, str]) -> None:
        state.addresses = _in_full(addresses, settings)
        _log_start(settings, token, sources)
        for account in parts.poller.accounts if Role(settings.server.role).works else ():
            logger.info("polling %s", account.watch.access.name)
        ready(state.addresses)

    _look_for_garbage_less_often()
    try:
        return await serve_doors(
            Gateway(parts.intake, endpoint=settings.server.endpoint, clock=parts.clock) if bound.gateway else None,
            ConsoleApp(parts, token.text, hosts=_console_names(settings), state=state),
            bound=bound.gateway,
            console_bound=bound.console,
            drain=parts.close,
            ready=tell,
            state=state,
        )
    finally:
        logger.info("stopped")


def _in_full(addresses: dict[str, str], settings: Settings) -> dict[str, str]:
    """Return the addresses as they are written elsewhere: the gateway's with its path, and the one from outside."""
    if "gateway" not in addresses:
        return addresses
    outside = public_url(settings)
    public = {} if outside is None else {"public": outside}
    return {**addresses, "gateway": addresses["gateway"] + settings.server.endpoint, **public}


def _look_for_garbage_less_often() -> None:
    # What was loaded stays, and a request leaves little garbage in circles.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _open(invocation: Invocation, parts: Parts) -> Token:
    """Open the parts, and return the token that is kept beside the store which is there now."""
    await parts.open()
    try:
        return make_token(invocation.settings, invocation.store_url)
    except ConfigurationError:
        await parts.close()
        raise


def _console_names(settings: Settings) -> list[str]:
    """Return the names that the console may be called by, beside loopback's."""
    return [name for name in (settings.console.host, settings.server.public_url) if name is not None]


def make_parts(
    invocation: Invocation, sources: dict[str, Source], loaded: LoadedHandlers, standards: StandardsEngine | None
) -> Parts:
    """Return the parts that the settings amount to, not yet opened."""
    role = Role(invocation.settings.server.role)
    store = invocation.choose_store(loaded.store)
    require_shared(store.url, role)
    return Parts(
        store,
        _setup(invocation.settings, sources, standards),
        loaded.handlers,
        clock=invocation.clock,
        works=role.works,
        poll=POLL if role.receives else POLL_OF_OTHERS,
        sender=loaded.sender,
    )


def _setup(settings: Settings, sources: dict[str, Source], standards: StandardsEngine | None) -> Setup:
    server, platforms = settings.server, settings.platforms
    return Setup(
        sources=sources,
        allowed=Networks(server.allowed_ips) if server.allowed_ips else None,
        trusted=trusted_networks(server.trusted_proxies),
        max_body=server.max_body,
        retention=settings.retention.plan(),
        accesses=tuple(accesses_of(platforms)),
        sites=tuple(sites_of(platforms, server)),
        keys=settings.credentials.keys,
        watches=tuple(watches_of(platforms)),
        receiver=receiver_of(settings.alerts.url, settings.alerts.secret, allow_private=settings.alerts.allow_private),
        standards=standards,
        degrade=settings.policy.degrade,
    )


def run_fast(work: Coroutine[Any, Any, signal.Signals | None]) -> signal.Signals | None:
    """Run ``work`` on uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def announce(addresses: dict[str, str], as_json: bool) -> None:
    """Print the line that says that requests are taken, at once: scripts wait for it."""
    if as_json:
        line = msgspec.json.encode({"status": "ready", **addresses}).decode()
    else:
        line = " ".join(["ready", *(f"{name}={address}" for name, address in addresses.items())])
    click.echo(line)
    sys.stdout.flush()


def _log_start(settings: Settings, token: Token, sources: dict[str, Source]) -> None:
    for name, source in sources.items():
        if source.credential.allow_unverified:
            logger.warning("%s: requests are accepted whoever sends them (allow_unverified)", name)
    if sources and Networks(settings.server.allowed_ips).everyone:
        logger.warning("server.allowed_ips: %s", EVERYONE)
    if sources:
        logger.info("serving %s below %s", ", ".join(sorted(sources)), settings.server.endpoint)
    if settings.server.role != "all":
        logger.info("this process is a %s: others do the rest", settings.server.role)
    logger.info("the console asks for its token, which is in %s", token.file or "the setting console.token")
