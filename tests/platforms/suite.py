"""The platforms, their samples and their ways to sign, as tests are parametrised by them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Platform
from tests.platforms.fixtures import (
    NOW,
    PLATFORMS,
    Signing,
    signings,
)

SAMPLES = [(platform, sample) for platform in PLATFORMS for sample in platform.samples(NOW, 7)]

every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
every_sample = pytest.mark.parametrize(
    ("platform", "sample"), SAMPLES, ids=[f"{p.name}-{n}-{s.label}" for n, (p, s) in enumerate(SAMPLES)]
)
SIGNINGS = list(signings())


def by_scheme(found: list[Signing]) -> pytest.MarkDecorator:
    names = [f"{signing.platform.name}-{signing.sample.scheme}".rstrip("-") for signing in found]
    return pytest.mark.parametrize("signing", found, ids=names)


every_scheme = by_scheme(SIGNINGS)
every_scheme_over_bodies = by_scheme([signing for signing in SIGNINGS if signing.signs_the_body])
fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def with_header(original: Request, name: str, *values: bytes) -> Request:
    """Return the request with other values of one header: none takes it out, two double it."""
    wanted = name.lower().encode()
    raw = [pair for pair in original.headers.raw if pair[0] != wanted]
    headers = Headers([*raw, *[(wanted, value) for value in values]])
    return Request(body=original.body, headers=headers, received_at=original.received_at, query=original.query)


def signed_headers(platform: Platform, original: Request) -> list[str]:
    present = [name for name in platform.security_headers if original.headers.get(name) is not None]
    assert present, "the platform signs with none of the headers that its table names"
    return present
