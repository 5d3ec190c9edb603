"""Sites: the configured platforms and accounts as what webhooks are registered for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from moderation_ai.config.accesses import access_without_token
from moderation_ai.config.settings import AccountSettings, PlatformSettings, ServerSettings
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.sites import Site
from moderation_ai.platforms import all_platforms


def sites_of(
    configured: Mapping[str, PlatformSettings],
    server: ServerSettings,
    platforms: Mapping[str, Platform] | None = None,
) -> list[Site]:
    """Return each platform's own site and those of its accounts, whether or not the platform can be asked for them."""
    known = all_platforms() if platforms is None else platforms
    return [site for name, settings in configured.items() for site in _sites_of(known[name], settings, server)]


def _sites_of(platform: Platform, settings: PlatformSettings, server: ServerSettings) -> Iterator[Site]:
    yield Site(
        access=access_without_token(platform, settings),
        credential=Credential(secrets=settings.secrets, verify_token=settings.verify_token, topics=settings.topics),
        url=_url(server, platform.name),
    )
    for account, own in settings.accounts.items():
        yield Site(
            access=access_without_token(platform, settings, account, own),
            credential=_credential(settings, own),
            # An account with secrets of its own has an address of its own.
            url=_url(server, f"{platform.name}/{account}" if own.secrets else platform.name),
        )


def _credential(settings: PlatformSettings, own: AccountSettings) -> Credential:
    return Credential(
        secrets=own.secrets or settings.secrets,
        verify_token=own.verify_token or settings.verify_token,
        topics=own.topics,
    )


def _url(server: ServerSettings, address: str) -> str | None:
    if server.public_url is None:
        return None
    return f"{server.public_url.rstrip('/')}/{server.endpoint.strip('/')}/{address}"
