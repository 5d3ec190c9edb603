"""What a flow says and hears: requests of ours to a platform's API, its answers, and what we act with.

A flow is a generator that yields each request and is sent the answer to it, as httpx's ``auth_flow`` does; it returns
what came of it or raises one of our errors. Whoever drives it (``sender.py``, a test, a fake) does the talking. Where
there is no answer the driver throws into the flow: ``PlatformUnavailable`` if nothing was sent, ``OutcomeUnknown`` if
it may have arrived.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from moderation_ai.core.http import Headers

T = TypeVar("T")
USER_AGENT = "moderation-ai"


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a platform's API, complete but for the sending; ``call`` names its row in the platform's table.

    ``once`` says that it must not arrive twice: it gets a connection of its own, for one that was kept may be closed by
    the other side at that moment, and nobody would know whether it arrived.
    ``room`` is how many bytes its answer may have where that is more than usual; 0 is as usual. It carries our token,
    in its headers or its body: its repr shows neither, nor the query.
    """

    call: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    once: bool = False
    room: int = 0

    @property
    def host(self) -> str:
        """Return the host that is asked."""
        return urlsplit(self.url).hostname or ""

    def __repr__(self) -> str:
        """Return method and address, and nothing that could be secret."""
        return f"<Outgoing {self.call}: {self.method} {self.url.partition('?')[0]}>"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: the status, header fields, the raw body, and when it arrived by our clock (aware UTC)."""

    status: int
    headers: Headers = msgspec.field(default_factory=Headers)
    body: bytes = b""
    received_at: datetime


Flow = Generator[Outgoing, Answer, T]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Our app on a platform: the id and the secret that its token endpoint asks for.

    ``token`` is the app's own (X calls it the bearer token): what concerns no account is asked with it.
    """

    id: str = ""
    secret: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Return the id alone."""
        return f"<Client {self.id}>"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What we act with on one account: its tokens with the times they end, and who we are there.

    ``account_id`` is the platform's own id of the account, ``page_id`` the Facebook Page that an Instagram account
    acts through where it logged in with Facebook. ``user_agent`` must be unique on Reddit:
    ``<platform>:<app id>:<version> (by /u/<name>)``.
    """

    access_token: str
    refresh_token: str | None = None
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    account_id: str | None = None
    page_id: str | None = None
    user_agent: str = USER_AGENT

    def is_due(self, now: datetime, ahead: timedelta = timedelta(minutes=5)) -> bool:
        """Say whether the access token ends within ``ahead`` of ``now``, so that it is time for the next."""
        return self.expires_at is not None and self.expires_at <= now + ahead

    def __repr__(self) -> str:
        """Return whose session it is and when it ends, and no token."""
        return f"<Session of {self.account_id}, until {self.expires_at}>"
