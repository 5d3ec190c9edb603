"""What a sample is signed with: a configured secret, or a key for Google Cloud Pub/Sub's tokens."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from moderation_ai.config import Settings, variable_of
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.jwt import read_private_key, write_key
from moderation_ai.core.platform import Platform
from moderation_ai.core.pubsub import PushKey


def secret_of(settings: Settings, platform: str, account: str | None) -> str:
    """Return the newest secret of a platform's or account's address; raise ``ConfigurationError`` if it has none."""
    configured = settings.platforms.get(platform)
    own = configured.accounts.get(account) if configured and account else None
    secrets = (own.secrets if own else ()) or (configured.secrets if configured else ())
    if not secrets:
        raise ConfigurationError(
            f"there is no secret of {platform} to sign with: give one by --secret, or set "
            f"{variable_of(f'platforms.{platform}.secrets')}"
        )
    return secrets[0]


def push_key_of(settings: Settings, platform: Platform, pem: str) -> str:
    """Return what signs push tokens as they are configured; raise ``ConfigurationError`` where they are not."""
    configured = settings.platforms.get(platform.name)
    trust = configured.pubsub if configured else None
    if trust is None or trust.audience is None or trust.service_account is None:
        wanted = variable_of(f"platforms.{platform.name}.pubsub.audience")
        raise ConfigurationError(f"a token needs {wanted} and the service account beside it, as the gateway has them")
    return PushKey(private_key=pem, audience=trust.audience, service_account=trust.service_account).to_text()


def read_pem(file: Path) -> str:
    """Return a file's private RSA key in PEM; raise ``UsageError`` if it holds none."""
    try:
        pem = file.read_text("utf-8")
        read_private_key(pem)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file} holds no private RSA key in PEM: {error}") from error
    return pem


def key_set_of(pem: str | None) -> str:
    """Return the key set, as JSON, that vouches for what the private key signs; raise ``UsageError`` without one."""
    if pem is None:
        raise click.UsageError("--jwks needs --key FILE, the private key whose public part it prints")
    return msgspec.json.encode({"keys": [write_key(read_private_key(pem).public_key())]}).decode()
