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
    """Return the accounts that an access token is configured for: each platform's own, and its named ones."""
    known = all_platforms() if platforms is None else platforms
    found: list[Access] = []
    for name, settings in configured.items():
        every: dict[str, AccessSettings] = {"": settings, **settings.accounts}
        found += [
            _access(known[name], account, own, settings)
            for account, own in every.items()
            if own.access_token is not None
        ]
    return found


def _access(platform: Platform, account: str, own: AccessSettings, above: PlatformSettings) -> Access:
    secret = own.client_secret or above.client_secret
    return Access(
        platform=platform,
        account=account,
        session=Session(
            access_token=str(own.access_token),
            refresh_token=str(own.refresh_token) if own.refresh_token else None,
            account_id=own.id if isinstance(own, AccountSettings) else None,
            user_agent=above.user_agent or USER_AGENT,
        ),
        client=Client(id=own.client_id or above.client_id or "", secret=str(secret) if secret else ""),
        limits_factor=above.limits_factor,
    )
