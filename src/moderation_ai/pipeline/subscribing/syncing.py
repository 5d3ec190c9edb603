"""Syncing: what has to be done so that platforms have of us what is configured, shown first and done then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import ACTIVE, LEAVING, PENDING, REGISTERED, Subscription, Wish
from moderation_ai.pipeline.subscribing.speakers import cannot_ask, speakers
from moderation_ai.pipeline.subscribing.subscriber import Subscriber, wish_of

REGISTER, ADOPT, DELETE, KEEP, LEAVE, SKIP, FAIL = (
    "register",
    "adopt",
    "delete",
    "keep",
    "leave",
    "skip",
    "fail",
)
"""What is done with a webhook: it is registered (again), taken into the register as it stands at the platform, deleted,
kept as it is, left alone because it is not ours; a platform is skipped, or it could not be looked at."""


class Step(NamedTuple):
    """One thing to do, or not to do, and why."""

    do: str
    site: Site
    why: str
    wish: Wish | None = None
    known: Subscription | None = None

    @property
    def changes(self) -> bool:
        """Say whether something is done."""
        return self.do in (REGISTER, ADOPT, DELETE)

    def to_dict(self) -> dict[str, str | None]:
        """Return it as it is shown to programs."""
        about = self.known or self.wish
        return {
            "do": self.do,
            "platform": self.site.platform.name,
            "account": about.account if about else self.site.account,
            "url": about.url if about else self.site.url,
            "topic": about.topic if about else None,
            "id": about.id if about else None,
            "why": self.why,
        }


async def plan(subscriber: Subscriber, platforms: Iterable[str] = ()) -> list[Step]:
    """Return what there is to do at ``platforms`` (all that are configured, if none is named); nothing is changed.

    Raises ``ConfigurationError`` where nobody said how we are reached from outside, and ``StoreError``.
    """
    chosen = tuple(platforms)
    sites = [each for each in subscriber.sites if not chosen or each.platform.name in chosen]
    missing = sorted(set(chosen) - {each.platform.name for each in sites})
    if missing:
        raise ConfigurationError(f"{', '.join(missing)} cannot be synced: it is not configured")
    if any(each.url is None for each in sites):
        raise ConfigurationError(
            "nobody can tell platforms where to post before server.public_url is set, such as https://hooks.example.org"
        )
    steps: list[Step] = []
    asked = speakers(subscriber.sites)
    for site in sites:
        if site.can_ask and site not in asked:
            continue
        try:
            steps += [step async for step in _plan(subscriber, site)]
        except StoreError:
            raise
        except ModerationError as error:
            steps.append(Step(FAIL, site, str(error)))
    return _without_repeats(steps)


async def apply(subscriber: Subscriber, step: Step) -> list[Subscription]:
    """Do a step, and return what it concerns as it stands then; raises what the platform refuses it with."""
    if step.do == REGISTER and step.wish is not None:
        return await subscriber.register(step.site, step.wish)
    if step.do == ADOPT and step.known is not None:
        return [await subscriber.adopt(step.known)]
    if step.do == DELETE and step.known is not None:
        await _delete(subscriber, step.site, step.known)
    return []


async def _delete(subscriber: Subscriber, site: Site, known: Subscription) -> None:
    rows = await subscriber.store.subscriptions(known.platform)
    if not any((row.id, row.url) == (known.id, known.url) for row in rows):
        return  # Another address took its place in a step before.
    if site.platform.one_address and site.url != known.url:
        await subscriber.forget(known)
    else:
        await subscriber.unregister(known)


async def _plan(subscriber: Subscriber, site: Site) -> AsyncIterator[Step]:
    if not site.can_ask or site.url is None:
        yield Step(SKIP, site, cannot_ask(site.platform.name, site))
        return
    wishes = site.wishes(site.wish(site.url))
    if not wishes:
        yield Step(SKIP, site, f"no topic is configured: set platforms.{site.platform.name}.topics")
    listed = await subscriber.listed(site)
    rows = [
        row
        for row in await subscriber.store.subscriptions(site.platform.name)
        if row.account == site.account and row.status != LEAVING
    ]
    for wish in wishes:
        yield await (_of_topic(site, wish, rows) if wish.topic else _of_address(subscriber, site, wish, rows, listed))
    wanted = {(wish.url, wish.topic) for wish in wishes}
    for row in rows:
        if (row.url, row.topic and site.platform.spell_topic(row.topic)) not in wanted and row.status != REGISTERED:
            yield Step(DELETE, site, "it is not configured any more", wish_of(row, site), row)
    known = {row.id for row in await subscriber.store.subscriptions(site.platform.name)}
    for each in listed:
        if each.id not in known and (each.url, None) not in wanted:
            yield Step(LEAVE, site, "it is there, and not ours", None, each)


async def _of_topic(site: Site, wish: Wish, rows: Sequence[Subscription]) -> Step:
    row = next((row for row in rows if row.url == wish.url and row.topic == wish.topic), None)
    if row is None or row.status == REGISTERED:
        return Step(REGISTER, site, "its hub was not asked for it yet", wish, row)
    if row.status == ACTIVE:
        return Step(KEEP, site, f"its lease lasts until {row.expires_at:%Y-%m-%d %H:%M} UTC", wish, row)
    if row.status == PENDING:
        return Step(KEEP, site, row.reason or "its hub was asked, and has not asked back yet", wish, row)
    return Step(REGISTER, site, row.reason or f"it is {row.status}", wish, row)


async def _of_address(
    subscriber: Subscriber, site: Site, wish: Wish, rows: Sequence[Subscription], listed: Sequence[Subscription]
) -> Step:
    change = await subscriber.preview(site, wish)
    there = next((each for each in listed if each.url == wish.url), None)
    other = next((each for each in listed if each.url not in (wish.url, *(row.url for row in rows))), None)
    if change is not None and other is not None and site.platform.one_address:
        take = f"`moderation-ai webhooks register {site.platform.name}` takes it"
        return Step(SKIP, site, f"an app has one address there, and {other.url} has its place: {take}", wish)
    if change is not None:
        why = f"{there.reason or 'something lacks'}: {change}" if there else f"it is not there: {change}"
        return Step(REGISTER, site, why, wish)
    row = next((row for row in rows if there is not None and row.id == there.id), None)
    if row is None and there is not None:
        return Step(ADOPT, site, "it is there already", wish, there)
    return Step(KEEP, site, "it is there", wish, row)


def _without_repeats(steps: Sequence[Step]) -> list[Step]:
    """Leave out what is told of a platform's own site where one of its accounts does it, and what is told twice."""
    told = {each.site.platform.name for each in steps if each.do not in (SKIP, FAIL)}
    seen: set[tuple[str, str, str]] = set()
    found = []
    for step in steps:
        about = step.known.id if step.known else step.wish.id if step.wish else step.site.access.name
        key = (step.do, step.site.platform.name, about)
        is_needless = (
            step.do == SKIP and step.wish is None and step.site.account is None and step.site.platform.name in told
        )
        if not is_needless and not (step.do == LEAVE and key in seen):
            found.append(step)
        seen.add(key)
    return found
