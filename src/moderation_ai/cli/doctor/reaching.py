"""Checks over the network: whether the gateway answers, here and from outside, and what it has refused so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.addresses import console_url, gateway_url, public_url
from moderation_ai.cli.terminal.printing import plural
from moderation_ai.cli.terminal.requesting import Reply, post
from moderation_ai.cli.terminal.text import plain
from moderation_ai.config import Settings
from moderation_ai.core.errors import ModerationError
from moderation_ai.pipeline.watching.health import STALE_LIMIT

TIMEOUT = 5.0
"""Seconds that an answer may take."""


def check_reach(settings: Settings, token: str | None) -> Iterator[Finding]:
    """Yield whether the gateway and the console answer; ``token`` opens the console's API."""
    here = gateway_url(settings)
    yield _answers("gateway", here, "start `moderation-ai serve`, or see which address it listens on")
    outside = public_url(settings)
    if outside is not None:
        yield _answers("reachable", outside, "see name, firewall, proxy and certificate of this address")
    yield from _check_running(console_url(settings), token)


def _answers(check: str, url: str, advice: str) -> Finding:
    """Return whether anything answers at ``url``; the gateway refuses an empty GET, and that is an answer too."""
    try:
        reply = post(url, b"", {}, method="GET", timeout=TIMEOUT)
    except ModerationError as error:
        return failure(check, str(error), advice)
    if reply.status >= 500:
        return failure(check, f"{url} answered {reply.status}", advice)
    return ok(check, f"{url} answers")


def _check_running(console: str, token: str | None) -> Iterator[Finding]:
    """Yield what the running gateway says of itself."""
    try:
        reply = post(
            f"{console}/api/v1/health",
            b"",
            {"Authorization": f"Bearer {token}"} if token else {},
            method="GET",
            timeout=TIMEOUT,
        )
    except ModerationError as error:
        yield warning("console", str(error), "start `moderation-ai serve`, or see which address its console listens on")
        return
    health = _read_health(reply)
    if health is None:
        advice = "run doctor with the configuration and as the user of `serve`: its token opens the console"
        yield warning("console", f"{console} answered {reply.status}, so what was refused is not known", advice)
        return
    yield ok("console", f"{console} answers")
    yield from check_refusals(health)


def _read_health(reply: Reply) -> Mapping[str, Any] | None:
    try:
        health = msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return health if reply.status in (200, 503) and isinstance(health.get("rejected"), dict) else None


def check_refusals(health: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the running gateway refused: stale times speak of our clock, bad signatures of a secret."""
    refused: Counter[tuple[str, str]] = Counter()
    for name, count in health["rejected"].items():
        platform, _, reason = str(name).rpartition(":")
        refused[reason, plain(platform)] += int(count)
    stale = sum(count for (reason, _), count in refused.items() if reason == "StaleTimestamp")
    if stale >= STALE_LIMIT:
        advice = "compare this machine's clock with a time server; a proxy that holds requests back does it too"
        yield warning("stale requests", f"{stale} were refused because their signed time is not near ours", advice)
    for (reason, platform), count in sorted(refused.items()):
        if reason in _REASONS:
            check, message, advice = _REASONS[reason]
            yield warning(check, f"{platform}: {plural(count, 'request')} {message}", advice)
    if stale < STALE_LIMIT and not any(reason in _REASONS for reason, _ in refused):
        yield ok("refusals", "no signature, time or address was refused since it started")


_REASONS = {
    "InvalidSignature": (
        "signatures",
        "had a signature that is malformed or fits no live secret",
        "compare the secret with the platform's; behind a proxy see that it leaves the body as it is",
    ),
    "MissingSignature": (
        "signatures",
        "came without a signature",
        "whoever sent them is not the platform, or a proxy before the gateway drops the header",
    ),
    "PlatformUnavailable": (
        "keys",
        "had a token that cannot be checked, because the keys could not be fetched",
        "see that this machine reaches pubsub.jwks_url (Google's, if none is set); the log says why it did not",
    ),
    "AddressNotAllowed": (
        "allowed_ips",
        "came from addresses that may not post",
        "see server.allowed_ips, and server.trusted_proxies if a proxy stands before the gateway",
    ),
}
