"""Records: what is saved of an account's tokens, and by which rules configured and saved ones meet."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.stores.register import SavedSession

EARLIEST = timedelta(minutes=5)
"""How long before a token ends the next one is asked for, at least."""
SHARE = 10
"""The part of a token's life that is left when the next one is asked for."""
_REMEMBERED = 16


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved of an account, encrypted: its tokens, and when it is time for the next ones.

    ``seen`` are hashes, keyed by ``salt``, of the tokens that were configured, newest first: what is configured counts
    again only if it is none of them. Without it a process with older settings would bring old tokens back.
    """

    platform: str
    account: str
    session: Session
    refresh_at: datetime | None = None
    salt: bytes
    seen: tuple[bytes, ...] = ()


_decode = msgspec.json.Decoder(Record).decode


class KeptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it stands in the store: its version there, and whether the platform refused it."""

    record: Record
    version: int
    is_refused: bool = False

    @property
    def session(self) -> Session:
        """Return the tokens."""
        return self.record.session

    def is_due(self, now: datetime) -> bool:
        """Say whether it is time for the next tokens."""
        return self.record.refresh_at is not None and self.record.refresh_at <= now

    def has_ended(self, now: datetime) -> bool:
        """Say whether the access token is good for nothing any more."""
        ends = self.session.expires_at
        return not self.session.access_token or (ends is not None and ends <= now)


def adopt(record: Record | None, access: Access, now: datetime) -> Record:
    """Return what counts: ``record``, or the configured tokens where these are new."""
    salt = record.salt if record is not None else secrets.token_bytes(16)
    mark = _mark(salt, access.session)
    seen = record.seen if record is not None else ()
    if record is not None and mark in seen:
        return record
    return Record(
        platform=access.platform.name,
        account=access.account,
        session=access.session,
        refresh_at=_first_refresh(access, now),
        salt=salt,
        seen=(mark, *seen)[:_REMEMBERED],
    )


def go_on(record: Record, session: Session, now: datetime) -> Record:
    """Return the record with the next tokens."""
    account_id = session.account_id or record.session.account_id
    return replace(record, session=replace(session, account_id=account_id), refresh_at=refresh_time(session, now))


def refresh_time(session: Session, now: datetime) -> datetime | None:
    """Return when the next tokens are asked for: a tenth of their life before they end, at least five minutes."""
    if session.expires_at is None:
        return None
    life = session.expires_at - now
    return session.expires_at - min(max(EARLIEST, life / SHARE), life / 2)


def with_settings(session: Session, access: Access) -> Session:
    """Return the tokens with what the configuration alone says."""
    ours = access.session
    account_id = ours.account_id or session.account_id
    return replace(session, account_id=account_id, page_id=ours.page_id, user_agent=ours.user_agent)


def seal(kept: KeptRecord, sealer: Sealer, now: datetime) -> SavedSession:
    """Return a record as the store is to keep it after the version it has."""
    record = kept.record
    return SavedSession(
        platform=record.platform,
        account=record.account,
        sealed=sealer.seal(msgspec.json.encode(record)),
        version=kept.version,
        expires_at=record.session.expires_at,
        saved_at=now,
    )


def unseal(saved: SavedSession, sealer: Sealer) -> KeptRecord:
    """Return what was saved; raise ``ConfigurationError`` where no key opens it, or it was another account's."""
    try:
        record = _decode(sealer.open(saved.sealed))
    except msgspec.DecodeError as error:
        raise ConfigurationError("the tokens in the store are of another version of this program: update it") from error
    if (record.platform, record.account) != (saved.platform, saved.account):
        raise ConfigurationError(
            f"the tokens in the store for {saved.platform}/{saved.account} were another account's: somebody moved "
            "them; run `moderation-ai accounts forget ACCOUNT` and authorise the account again"
        )
    return KeptRecord(record=record, version=saved.version, is_refused=saved.refused_at is not None)


def _first_refresh(access: Access, now: datetime) -> datetime | None:
    if not access.session.access_token:
        return now
    wait = access.platform.renews_after(access.session)
    return None if wait is None else now + wait


def _mark(salt: bytes, session: Session) -> bytes:
    tokens = f"{session.access_token}\n{session.refresh_token or ''}"
    return hmac.digest(salt, tokens.encode("utf-8", "surrogatepass"), "sha256")
