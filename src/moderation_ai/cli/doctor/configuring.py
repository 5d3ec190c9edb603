"""Checks of the configuration: platforms, secrets, and doors that stand wider open than they need to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.config import Settings, require_platforms, sources_of, variable_of
from moderation_ai.core.addresses import Networks
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential, Platform

SHORTEST = 12
"""Letters below which a secret can be guessed; Discourse asks for as many, Twitch for 10."""
_WORDS = re.compile(
    r"(your|my|the|a|test|webhook|platform|app|client|secret|key|token|password|change|me|example|[_\W\d])+"
)


def check_configuration(settings: Settings) -> Iterator[Finding]:
    """Yield what there is to say of the settings."""
    yield from check_platforms(settings)
    yield from check_doors(settings)
    yield check_public_url(settings)


def check_platforms(settings: Settings) -> Iterator[Finding]:
    """Yield whether platforms are configured, and how good their secrets are."""
    try:
        require_platforms(settings)
        served = sources_of(settings)
    except ConfigurationError as error:
        for each in error.each:
            yield failure("secrets", str(each), "`moderation-ai serve` does not start like this")
        return
    polled = sorted(settings.platforms.keys() - served.keys())
    parts = [f"serves {', '.join(sorted(served))}"] if served else []
    parts += [f"only polls {', '.join(polled)}"] if polled else []
    yield ok("platforms", f"`serve` {' and '.join(parts)}")
    for name, (platform, credential) in served.items():
        yield from _check_credential(name, platform, credential)


def _check_credential(name: str, platform: Platform, credential: Credential) -> Iterator[Finding]:
    if credential.allow_unverified:
        yield warning(
            "secrets",
            f"{name}: requests are accepted whoever sends them (allow_unverified)",
            f"set {variable_of(f'platforms.{platform.name}.secrets')} and take allow_unverified out",
        )
        return
    weak = [place for place, secret in enumerate(credential.secrets, 1) if is_weak(secret)]
    if weak:
        places = ", ".join(str(place) for place in weak)
        yield warning(
            "secrets",
            f"{name}: secret {places} of {len(credential.secrets)} can be guessed",
            "make one by `openssl rand -hex 32`, put it first, and take the old one out once the platform uses the new",
        )
    elif credential.secrets:
        yield ok("secrets", f"{name}: {len(credential.secrets)} live, the first one is the newest")
    if credential.pubsub is not None:
        trust = credential.pubsub
        yield ok(
            "pubsub", f"{name}: tokens of {trust.service_account} for {trust.audience}, by the keys at {trust.keys_url}"
        )
    if "verify_token" in (platform.handshake or "") and not credential.verify_token:
        yield warning(
            "handshake",
            f"{name}: there is no verify_token, so the platform cannot confirm this address",
            f"set {variable_of(f'platforms.{platform.name}.verify_token')} to what its console has",
        )


def is_weak(secret: str) -> bool:
    """Say whether a secret is short, one letter again and again, or made of the words that examples use."""
    return len(secret) < SHORTEST or len(set(secret)) < 4 or _WORDS.fullmatch(secret.lower()) is not None


def check_doors(settings: Settings) -> Iterator[Finding]:
    """Yield which doors stand open."""
    if Networks(settings.server.allowed_ips).everyone:
        yield warning(
            "allowed_ips",
            "server.allowed_ips lists 0.0.0.0/0, which is everyone",
            "take it out if everyone is meant, or list the platforms' own networks",
        )
    else:
        listed = ", ".join(settings.server.allowed_ips) or "everyone; signatures decide"
        yield ok("allowed_ips", f"posting is allowed to {listed}")
    for name, configured in settings.platforms.items():
        if configured.generic and name != "generic":
            yield warning(
                "generic",
                f"{name}: X-Signature and Standard Webhooks are accepted beside the platform's own scheme",
                "take generic = true out, unless something of yours posts there in the platform's name",
            )


def check_public_url(settings: Settings) -> Finding:
    """Return whether platforms can know where to post."""
    url = settings.server.public_url
    if url is None:
        return warning(
            "public_url",
            "server.public_url is not set, so nobody can check that platforms reach this gateway",
            "set it to the address that you gave to the platforms, such as https://hooks.example.org",
        )
    if urlsplit(url).scheme != "https":
        return warning(
            "public_url", f"{url} is not encrypted", "platforms ask for https: put a proxy with TLS in front"
        )
    return ok("public_url", url)
