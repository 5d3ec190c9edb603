"""Watches: which platforms are polled, with which tokens, and what of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from moderation_ai.config.accesses import access_without_token, accesses_of
from moderation_ai.config.credentials import is_polled_alone
from moderation_ai.config.mistakes import Mistakes
from moderation_ai.config.settings import PlatformSettings
from moderation_ai.core.access import Access, Watch
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.platforms import all_platforms


def watches_of(
    configured: Mapping[str, PlatformSettings], platforms: Mapping[str, Platform] | None = None
) -> list[Watch]:
    """Return what is polled with each token, and what needs none.

    Raises ``ConfigurationError`` where something is to be polled that cannot be.
    """
    known = all_platforms() if platforms is None else platforms
    mistakes = Mistakes()
    found: list[Watch] = []
    for name, settings in configured.items():
        with mistakes.noting():
            found += _watches(known[name], settings)
    mistakes.settle()
    return found


def _watches(platform: Platform, settings: PlatformSettings) -> Iterator[Watch]:
    wanted = settings.poll or settings.watch or any(each.watch for each in settings.accounts.values())
    if settings.poll is False:
        return
    if not platform.poll:
        if wanted:
            raise ConfigurationError(f"platforms.{platform.name}: nothing can be polled there; take watch and poll out")
        return
    accesses = accesses_of({platform.name: settings}, {platform.name: platform})
    if settings.watch and not accesses:
        accesses = [access_without_token(platform, settings)]
    for access in accesses:
        yield _watch(access, settings, shares=all(each.account for each in accesses))


def _watch(access: Access, settings: PlatformSettings, *, shares: bool) -> Watch:
    """Return what is polled with one access; ``shares`` says that the platform has no token of its own."""
    return Watch(
        access=access,
        credential=_credential(settings, access.account),
        watched=_watched(settings, access.account, shares=shares),
        interval=settings.poll_interval,
        spend_cap=settings.poll_spend_cap,
        pushes=not is_polled_alone(settings),
    )


def _watched(settings: PlatformSettings, name: str, *, shares: bool) -> tuple[str, ...]:
    if name not in settings.accounts:
        return settings.watch
    return settings.accounts[name].watch or (settings.watch if shares else ())


def _credential(settings: PlatformSettings, name: str) -> Credential:
    """Return the credential whose requests tell of the same account, as far as it makes keys and names of events."""
    account = settings.accounts.get(name)
    if account is not None and account.secrets:
        return Credential(name=name, accounts={account.id: name} if account.id else {})
    return Credential(
        accounts={each.id: named for named, each in settings.accounts.items() if each.id and not each.secrets}
    )
