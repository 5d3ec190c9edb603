"""Accesses: the configured tokens as what accounts are acted with."""

from __future__ import annotations

from collections.abc import Mapping

from moderation_ai.config.settings import AccessSettings, PlatformSettings
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
        agent = settings.user_agent or USER_AGENT
        if _has_token(settings):
            found.append(_access(known[name], "", settings, agent, None))
        found += [
            _access(known[name], account, own, agent, own.id, settings)
            for account, own in settings.accounts.items()
            if _has_token(own)
        ]
    return found


def _has_token(settings: AccessSettings) -> bool:
    return settings.access_token is not None or settings.refresh_token is not None


def _access(
    platform: Platform,
    account: str,
    own: AccessSettings,
    agent: str,
    account_id: str | None,
    above: PlatformSettings | None = None,
) -> Access:
    return Access(
        platform=platform,
        account=account,
        session=Session(
            access_token=str(own.access_token or ""),
            refresh_token=str(own.refresh_token) if own.refresh_token else None,
            account_id=account_id,
            page_id=own.page_id,
            user_agent=agent,
        ),
        client=client_of(own, above),
    )


def client_of(own: AccessSettings, above: AccessSettings | None = None) -> Client:
    """Return our app on a platform: as an account names it, else as its platform does."""
    several = [own] if above is None else [own, above]
    client_id = next((each.client_id for each in several if each.client_id), "")
    secret = next((each.client_secret for each in several if each.client_secret), "")
    token = next((each.app_token for each in several if each.app_token), "")
    return Client(id=client_id, secret=str(secret), token=str(token))
