"""Credentials: the configured platforms as what verifies their requests."""

from __future__ import annotations

from collections.abc import Mapping

from moderation_ai.config.catalogue import variable_of
from moderation_ai.config.mistakes import Mistakes
from moderation_ai.config.settings import AccountSettings, PlatformSettings, PubsubSettings, Settings
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.pubsub import KEYS_URL, Pubsub
from moderation_ai.platforms import all_platforms

NO_PLATFORM = (
    "no platform is configured, so nothing could be received; write for example [platforms.instagram] with "
    'secrets = ["…"] into moderation-ai.toml, or set MODERATION_AI_PLATFORMS__INSTAGRAM__SECRETS'
)


def sources_of(
    settings: Settings, platforms: Mapping[str, Platform] | None = None
) -> dict[str, tuple[Platform, Credential]]:
    """Return each address that is served, ``platform`` or ``platform/account``, with who verifies it and by what.

    An account with secrets of its own has an address of its own; the others share their platform's. Raises
    ``ConfigurationError`` for every platform whose secret is missing, or of which two accounts have one id.
    """
    mistakes = Mistakes()
    known = all_platforms() if platforms is None else platforms
    found: dict[str, tuple[Platform, Credential]] = {}
    for name, configured in settings.platforms.items():
        with mistakes.noting():
            found |= _sources_of(known[name], configured)
    mistakes.settle()
    return found


def _sources_of(platform: Platform, configured: PlatformSettings) -> dict[str, tuple[Platform, Credential]]:
    found: dict[str, tuple[Platform, Credential]] = {}
    own = {account: each for account, each in configured.accounts.items() if each.secrets}
    shared = {account: each for account, each in configured.accounts.items() if not each.secrets}
    if is_polled_alone(configured):
        return {}
    if configured.secrets or shared or not own or configured.allow_unverified:
        found[platform.name] = platform, _credential(platform, configured, shared)
    for account, each in own.items():
        found[f"{platform.name}/{account}"] = platform, _own_credential(configured, account, each)
    return found


def is_polled_alone(configured: PlatformSettings) -> bool:
    """Say whether a platform is to be polled and nobody can post to it, so that it needs no secret and no address."""
    accounts = configured.accounts.values()
    is_polled = configured.poll or configured.watch or any(each.watch for each in accounts)
    is_open = configured.secrets or configured.pubsub != PubsubSettings() or configured.allow_unverified
    return bool(is_polled and configured.poll is not False and not is_open) and not any(
        each.secrets for each in accounts
    )


def require_platforms(settings: Settings) -> None:
    """Return if any platform is configured, else raise ``ConfigurationError``."""
    if not settings.platforms:
        raise ConfigurationError(NO_PLATFORM)


def _credential(
    platform: Platform, configured: PlatformSettings, accounts: Mapping[str, AccountSettings]
) -> Credential:
    pubsub = _pubsub(platform, configured.pubsub)
    is_closed = bool(configured.secrets) or pubsub is not None
    if not is_closed and not configured.allow_unverified:
        raise ConfigurationError(_missing_secret(platform.name))
    return Credential(
        secrets=configured.secrets,
        verify_token=configured.verify_token,
        topics=configured.topics,
        accounts=_names_by_id(platform.name, accounts),
        pubsub=pubsub,
        generic=configured.generic,
        timestamp_signed=configured.timestamp_signed,
        # A secret that is there is used: only what has none is let in unverified.
        allow_unverified=configured.allow_unverified and not is_closed,
    )


def _pubsub(platform: Platform, configured: PubsubSettings) -> Pubsub | None:
    """Return what push tokens must say, or None where nothing is configured of them."""
    if configured == PubsubSettings():
        return None
    name = f"platforms.{platform.name}.pubsub"
    if not platform.pubsub:
        raise ConfigurationError(f"{name}: Google Cloud Pub/Sub brings nothing to this platform; take the section out")
    if configured.audience is None or configured.service_account is None:
        missing = "audience" if configured.audience is None else "service_account"
        raise ConfigurationError(
            f"{name} needs {missing} too (set {variable_of(f'{name}.{missing}')}): anyone can have Google sign a token "
            "for any audience, so both count"
        )
    return Pubsub(
        audience=configured.audience,
        service_account=configured.service_account,
        keys_url=configured.jwks_url or KEYS_URL,
    )


def _own_credential(configured: PlatformSettings, account: str, own: AccountSettings) -> Credential:
    return Credential(
        name=account,
        secrets=own.secrets,
        verify_token=own.verify_token or configured.verify_token,
        topics=own.topics or configured.topics,
        accounts={own.id: account} if own.id else {},
        generic=configured.generic,
        timestamp_signed=configured.timestamp_signed,
    )


def _names_by_id(name: str, accounts: Mapping[str, AccountSettings]) -> dict[str, str]:
    found: dict[str, str] = {}
    for account, each in accounts.items():
        if each.id is not None and found.setdefault(each.id, account) != account:
            raise ConfigurationError(
                f"the accounts {found[each.id]!r} and {account!r} of {name} have the same id; correct one of them"
            )
    return found


def _missing_secret(name: str) -> str:
    variable = variable_of(f"platforms.{name}.secrets")
    return (
        f"platforms.{name} has no secret, so anyone could post to it: set {variable} (or {variable}_FILE), or secrets "
        f"below [platforms.{name}]; if unsigned requests are what you want, set allow_unverified = true; if it is only "
        "to be polled, name in watch what"
    )
