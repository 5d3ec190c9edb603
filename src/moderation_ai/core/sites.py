"""Sites: where a platform is to post to us for one of its accounts, and what it takes to have that so."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.addresses import is_loopback, read_address
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.subscribing import Wish


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a platform, as webhooks are registered for it.

    ``credential`` is what its requests are verified by. ``url`` is our address for it, None where nobody said how we
    are reached from outside.
    """

    access: Access
    credential: Credential = Credential()
    url: str | None = None

    @property
    def platform(self) -> Platform:
        """Return the platform."""
        return self.access.platform

    @property
    def account(self) -> str | None:
        """Return the account's name in the configuration, None for the platform's own."""
        return self.access.account or None

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what is not configured that the platform must be asked with."""
        session, client = self.access.session, self.access.client
        there = {
            "access_token": session.access_token or session.refresh_token,
            "app_token": client.token,
            "client_id": client.id,
            "client_secret": client.secret,
        }
        return tuple(name for name in self.platform.subscribe_needs if not there.get(name))

    @property
    def can_ask(self) -> bool:
        """Say whether the platform can be told by its API to post to us, with what is configured."""
        return self.platform.subscribe and not self.missing

    @property
    def has_topics(self) -> bool:
        """Say whether what the platform posts is of topics, so that there is one subscription for each."""
        return any(each.topic for each in self.platform.wishes(self.wish("https://example.org/"), ("topic",)))

    def wish(
        self, url: str, *, topic: str | None = None, events: Sequence[str] = (), secret: str | None = None
    ) -> Wish:
        """Return the wish that the platform posts to ``url``, signed with ``secret``, else with the newest secret."""
        secrets = self.credential.secrets
        return Wish(
            platform=self.platform.name,
            url=url,
            account=self.account,
            account_id=self.access.session.account_id,
            events=tuple(events),
            topic=topic,
            secret=str(secret or secrets[0]) if secret or secrets else None,
            verify_token=self.credential.verify_token,
        )

    def wishes(self, wish: Wish, topics: Sequence[str] = ()) -> tuple[Wish, ...]:
        """Return the single wishes that ``wish`` amounts to: one for each of ``topics``, else of the configured ones.

        Topics are written as their hub spells them.
        """
        spelled = dict.fromkeys(self.platform.spell_topic(each) for each in topics or self.credential.topics)
        return tuple(
            replace(each, topic=self.platform.spell_topic(each.topic)) if each.topic else each
            for each in self.platform.wishes(wish, tuple(spelled))
        )


def check_callback(url: str) -> str | None:
    """Return a warning for an address that a platform can hardly post to, or None.

    Raises ``ConfigurationError`` for one that it cannot: not HTTPS, within a private network, or no address at all.
    On this machine alone (a stand-in for the platform, a test) HTTP will do.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or port == 0 or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{url!r} is no address that a platform could post to: write https://…")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigurationError("the address that a platform posts to has no user, password or fragment in it")
    if is_loopback(host):
        return f"{url} is on this machine, where no platform reaches it: that is for tests alone"
    if parts.scheme != "https":
        raise ConfigurationError(
            f"{url!r} is not encrypted: platforms post to https:// addresses, behind a proxy with TLS"
        )
    address = read_address(f"[{host}]" if ":" in host else host)
    if address is not None and not address.is_global:
        raise ConfigurationError(f"{url!r} is within a private network, where no platform reaches it")
    return None
