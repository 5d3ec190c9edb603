"""Speakers: which of the configured accounts can speak with a platform about our webhooks there."""

from __future__ import annotations

from collections.abc import Sequence

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import Subscription


def find_site(sites: Sequence[Site], platform: str, account: str | None = None) -> Site | None:
    """Return the configured account of that name, of a platform; without a name its own, or the only one."""
    ours = [each for each in sites if each.platform.name == platform]
    named = next((each for each in ours if each.account == account), None)
    return named or (ours[0] if len(ours) == 1 and account is None else None)


def find_speaker(sites: Sequence[Site], known: Subscription) -> Site | None:
    """Return the account that can speak for a subscription, None where what that takes is not configured."""
    site = find_site(sites, known.platform, known.account)
    if known.account is None and (site is None or not site.can_ask):
        # What concerns the whole app, any of its accounts can ask for.
        site = next((each for each in sites if each.platform.name == known.platform and each.can_ask), None)
    return site if site is not None and site.can_ask else None


def require_speaker(sites: Sequence[Site], known: Subscription) -> Site:
    """Return the account that can speak for a subscription; raise ``ConfigurationError`` where there is none."""
    site = find_speaker(sites, known)
    if site is None:
        raise ConfigurationError(cannot_ask(known.platform, find_site(sites, known.platform, known.account)))
    return site


def speakers(sites: Sequence[Site], platform: str | None = None) -> list[Site]:
    """Return the sites that can be asked, of a platform or of all, each question once.

    Where no account's token is asked with, an account that shares app and address with its platform has nothing of
    its own there.
    """
    able = [each for each in sites if each.can_ask and platform in (None, each.platform.name)]
    return [each for each in able if not any(_speaks_for(other, each) for other in able)]


def cannot_ask(platform: str, site: Site | None) -> str:
    """Return why a platform cannot be asked, and what to do."""
    if site is not None and not site.platform.subscribe:
        instead = site.platform.subscribe_instead or "its page in the docs says how it is done"
        return f"{platform} has no API by which webhooks are registered: {instead}"
    missing = ("access_token",) if site is None else site.missing
    own = f"accounts.{site.account}." if site is not None and site.account else ""
    names = [f"platforms.{platform}.{own if name == 'access_token' else ''}{name}" for name in missing]
    return f"{platform} cannot be asked: set {' and '.join(names)}"


def _speaks_for(whole: Site, part: Site) -> bool:
    """Say whether what ``part`` would ask is what ``whole``, its platform's own site, asks."""
    if whole.account is not None or part.account is None or whole.platform is not part.platform:
        return False
    is_app_alone = "access_token" not in part.platform.subscribe_needs and not part.has_topics
    return is_app_alone and (whole.access.client, whole.url) == (part.access.client, part.url)
