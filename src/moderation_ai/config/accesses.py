"""Accesses: the configured tokens as what accounts are acted with."""

from __future__ import annotations

from collections.abc import Mapping

from moderation_ai.config.settings import AccessSettings, AccountSettings, PlatformSettings
from moderation_ai.core.access import Access
from moderation_ai.core.flows import USER_AGENT, Client, Session
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms


def accesses_of(
    configured: Mapping[str, PlatformSettings], platforms: Mapping[str, Platform] | None = None
) -> list[Access]:
    """Return the accounts that a token is configured for: each platform's own, and its named ones.

    A refresh token alone is enough: the access token is got by it.
    """
    known = all_platforms() if platforms is None else platforms
    found: list[Access] = []
    for name, settings in configured.items():
        if _has_token(settings):
            found.append(_access(known[name], settings))
        found += [
            _access(known[name], settings, account, own)
            for account, own in settings.accounts.items()
            if _has_token(own)
        ]
    return found


def access_without_token(
    platform: Platform, settings: PlatformSettings, account: str = "", named: AccountSettings | None = None
) -> Access:
    """Return what a platform is asked with, also where that has no token: some things are shown to everybody."""
    return _access(platform, settings, account, named)


def _has_token(settings: AccessSettings) -> bool:
    return settings.access_token is not None or settings.refresh_token is not None


def _access(
    platform: Platform, settings: PlatformSettings, account: str = "", named: AccountSettings | None = None
) -> Access:
    """Return the access of a platform's own token, or of the account that is ``named``."""
    own = settings if named is None else named
    return Access(
        platform=platform,
        account=account,
        session=Session(
            access_token=str(own.access_token or ""),
            refresh_token=str(own.refresh_token) if own.refresh_token else None,
            account_id=None if named is None else named.id,
            page_id=own.page_id,
            user_agent=settings.user_agent or USER_AGENT,
        ),
        client=client_of(own, settings),
        limits_factor=settings.limits_factor,
    )


def client_of(own: AccessSettings, above: AccessSettings | None = None) -> Client:
    """Return our app on a platform: as an account names it, else as its platform does."""
    several = [own] if above is None else [own, above]
    client_id = next((each.client_id for each in several if each.client_id), "")
    secret = next((each.client_secret for each in several if each.client_secret), "")
    token = next((each.app_token for each in several if each.app_token), "")
    return Client(id=client_id, secret=str(secret), token=str(token))
