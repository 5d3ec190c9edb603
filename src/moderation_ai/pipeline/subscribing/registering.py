"""Registering: what a person asks for of webhooks, by a platform's and an account's name, with errors that say more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError
from moderation_ai.core.platform import Platform
from moderation_ai.core.sites import Site, check_callback
from moderation_ai.core.subscribing import ACTIVE, POLLED, REGISTERED, Subscription, Wish
from moderation_ai.pipeline.subscribing.speakers import cannot_ask, require_speaker, speakers
from moderation_ai.pipeline.subscribing.subscriber import Subscriber, wish_of

logger = logging.getLogger(__name__)

_POLL = "poll:"
"""How the ids of what is polled begin, before the feed's key."""
_STILL = timedelta(days=1)
"""How long after it was due a feed that was not polled is believed to be watched."""


async def register_all(
    subscriber: Subscriber,
    platform: Platform,
    url: str,
    *,
    account: str | None = None,
    topics: Sequence[str] = (),
    events: Sequence[str] = (),
    secret: str | None = None,
) -> list[Subscription]:
    """Have ``platform`` post to ``url``, one subscription for each topic, and return how they stand.

    Where the platform cannot be asked, for want of a token or an API, the address is only noted: its status is
    ``registered``, its reason says why nobody was told. Raises ``ConfigurationError`` for what makes no sense, and what
    the platform refuses it with.
    """
    warning = check_callback(url)
    if warning:
        logger.warning("%s", warning)
    site = _choose(subscriber, platform.name, account)
    if site is None or not site.can_ask:
        return [await _note(subscriber, platform, site, url, account, events)]
    _check_secret(site, secret)
    if topics and not site.has_topics:
        raise ConfigurationError(f"{platform.name} has no topics; what is asked for there are events")
    wishes = site.wishes(site.wish(url, events=events, secret=secret), topics)
    if not wishes:
        raise ConfigurationError(
            f"{platform.name} posts what happens to topics, and none is named: set platforms.{platform.name}.topics, "
            "or name one"
        )
    await _warn_of_others(subscriber, site, url)
    return [each for wish in wishes for each in await subscriber.register(site, wish)]


async def _warn_of_others(subscriber: Subscriber, site: Site, url: str) -> None:
    """Say whose place an address takes, where an app has only one."""
    for each in await subscriber.listed(site) if site.platform.one_address else ():
        if each.url != url:
            logger.warning("an app has one address at %s: %s takes the place of %s", site.platform.name, url, each.url)


async def list_all(subscriber: Subscriber, platform: str | None = None, *, ask: bool = True) -> list[Subscription]:
    """Return what is in the register, and what platforms have beside it; those that can be asked are asked.

    One that does not answer is told in the log, and what is known of it is as it was. Where nothing can be registered,
    what is polled stands for it, with the status ``polled``.
    """
    found: dict[tuple[str, str], Subscription] = {}
    for site in speakers(subscriber.sites, platform) if ask else ():
        try:
            listed = await subscriber.look(site)
        except StoreError:
            raise
        except ModerationError as error:
            logger.warning("%s does not tell what it has: %s", site.access.name, error)
        else:
            found |= {(each.platform, each.id): replace(each, ours=False) for each in listed}
    known = await subscriber.store.subscriptions(platform)
    known += [each for each in await _polled(subscriber) if platform in (None, each.platform)]
    by_id = found | {(each.platform, each.id): each for each in known}
    return [by_id[key] for key in sorted(by_id)]


async def delete_one(subscriber: Subscriber, platform: str, subscription_id: str, *, forget: bool = False) -> bool:
    """Have a webhook end, whoever registered it; return whether there was one of that id.

    With ``forget`` the platform is not told. Raises what it refuses it with, and ``ConfigurationError`` where it cannot
    be told.
    """
    if subscription_id.startswith(_POLL):
        raise ConfigurationError(
            f"{subscription_id} is polled because platforms.{platform}.watch names it: take it out there"
        )
    known = await subscriber.store.subscriptions(platform)
    row = next((each for each in known if each.id == subscription_id), None)
    if row is None and not forget:
        listed = await list_all(subscriber, platform)
        row = next((each for each in listed if each.id == subscription_id), None)
    if row is None:
        return False
    if forget:
        await subscriber.forget(row)
    else:
        await subscriber.unregister(row)
    return True


async def renew_one(subscriber: Subscriber, known: Subscription) -> Subscription | None:
    """Have a subscription renewed, or asked for again where it is not well; return it as it stands then.

    Raises what the platform refuses it with, and ``ConfigurationError`` where it cannot be asked.
    """
    if known.status == ACTIVE:
        return await subscriber.renew(known)
    site = require_speaker(subscriber.sites, known)
    made = await subscriber.register(site, wish_of(known, site))
    return next((each for each in made if each.id == known.id), made[0] if made else None)


async def _polled(subscriber: Subscriber) -> list[Subscription]:
    """Return what is polled of platforms where nothing can be registered, or that cannot post to us; as far as it is.

    Without a secret a platform has no address here: it is polled alone.
    """
    now = subscriber.clock.now()
    pushed = {site.platform.name for site in subscriber.sites if site.platform.subscribe and site.credential.secrets}
    silent = {site.platform.name for site in subscriber.sites} - pushed
    return [
        Subscription(
            id=_POLL + each.feed,
            url="",
            platform=each.platform,
            account=each.account or None,
            status=POLLED,
            reason=each.error,
            verified_at=each.polled_at,
            due_at=each.next_at,
        )
        for each in await subscriber.store.cursors()
        if each.platform in silent and each.next_at is not None and now - each.next_at < _STILL
    ]


async def _note(
    subscriber: Subscriber,
    platform: Platform,
    site: Site | None,
    url: str,
    account: str | None,
    events: Sequence[str],
) -> Subscription:
    """Keep that ``platform`` is to post to ``url``, with the reason why it was not told."""
    reason = f"the platform was not told: {_why_not(platform, site)}"
    logger.warning("%s is noted for %s, and %s", url, platform.name, reason)
    for known in await subscriber.store.subscriptions(platform.name):
        if known.url == url and known.account == account:
            if known.status != REGISTERED or known.reason == reason:
                return known
            renewed = replace(known, reason=reason)
            await subscriber.store.save_subscription(renewed)
            return renewed
    made = Subscription(
        id=Wish(platform=platform.name, url=url, account=account).id,
        url=url,
        platform=platform.name,
        account=account,
        events=list(events),
        status=REGISTERED,
        reason=reason,
        created_at=subscriber.clock.now(),
    )
    await subscriber.store.save_subscription(made)
    return made


def _why_not(platform: Platform, site: Site | None) -> str:
    if platform.subscribe and site is None and not platform.subscribe_needs:
        return f"{platform.name} is not configured: set platforms.{platform.name}.secrets, for its hub to sign with"
    if platform.subscribe:
        return cannot_ask(platform.name, site)
    instead = platform.subscribe_instead or "tell it in its own settings"
    return f"{platform.name} has no API by which webhooks are registered: {instead}"


def _choose(subscriber: Subscriber, platform: str, account: str | None) -> Site | None:
    """Return the account that is meant: the one that is named, the platform's own, or the only one that can ask.

    Raises ``ConfigurationError`` where no account is called so, or several could ask and none is named.
    """
    ours = [each for each in subscriber.sites if each.platform.name == platform]
    names = sorted(each.account for each in ours if each.account)
    site = next((each for each in ours if each.account == account), None)
    if account is not None and site is None and names:
        raise ConfigurationError(f"{platform} has no account {account!r}; configured are {', '.join(names)}")
    able = [each for each in ours if each.can_ask]
    if account is not None or site in able or not able:
        return site
    if len(able) > 1:
        meant = ", ".join(each.account or "" for each in able)
        raise ConfigurationError(f"say which account of {platform} is meant: {meant}")
    return able[0]


def _check_secret(site: Site, secret: str | None) -> None:
    """Refuse a secret that the gateway does not verify by: what the hub signs with it would be thrown away."""
    name = site.platform.name
    if secret is None or secret in site.credential.secrets:
        return
    if site.has_topics:
        raise ConfigurationError(
            f"the hub of {name} would sign with a secret that is not among platforms.{name}.secrets, and what it posts "
            "would be refused: put it there first"
        )
    logger.warning(
        "what %s posts is verified by platforms.%s.secrets, where the given secret does not stand; the platform is not "
        "told it",
        name,
        name,
    )
