"""Reading the tokens that a platform's token endpoint answers with (RFC 6749 §5.1)."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec.structs import replace

from moderation_ai.core.api import Reading
from moderation_ai.core.budgets import after
from moderation_ai.core.content import as_dict, first_id
from moderation_ai.core.errors import CredentialsRejected
from moderation_ai.core.flows import Session

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}\Z", re.ASCII)
_LONGEST = 10 * 365 * 86400.0


def read_session(reading: Reading, before: Session) -> Session:
    """Return the session that goes on with the tokens of an answer; TikTok puts them into ``data``.

    What the answer does not name stays: Google and Meta keep the refresh token, X and TikTok give a new one. Raises
    ``CredentialsRejected`` for an answer without a token that can be sent.
    """
    body = as_dict(reading.body)
    fields = as_dict(body.get("data")) or body
    access_token = _token(fields.get("access_token"))
    if access_token is None:
        raise CredentialsRejected("the answer holds no token: authorise the account again")
    refresh_ends = _end(reading, fields.get("refresh_token_expires_in"))
    return replace(
        before,
        access_token=access_token,
        refresh_token=_token(fields.get("refresh_token")) or before.refresh_token,
        expires_at=_end(reading, fields.get("expires_in")),
        refresh_expires_at=refresh_ends or before.refresh_expires_at,
        account_id=before.account_id or first_id(fields.get("open_id")),
    )


def require_refresh_token(session: Session) -> str:
    """Return the refresh token; raise ``CredentialsRejected`` where there is none."""
    if not session.refresh_token:
        raise CredentialsRejected("it has no refresh token to get the next one with")
    return session.refresh_token


def _token(value: object) -> str | None:
    return value if isinstance(value, str) and _TOKEN.match(value) else None


def _end(reading: Reading, seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds < _LONGEST:
        return None
    return after(reading.answer, float(seconds), _LONGEST)
