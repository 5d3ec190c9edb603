"""The console's token: the configured one, else one that is made once and kept beside the store."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from moderation_ai.cli.terminal.stores import store_file
from moderation_ai.config import Settings
from moderation_ai.core.errors import ConfigurationError


class Token(NamedTuple):
    """What opens the console, and the file it is kept in (None where it is configured)."""

    text: str
    file: Path | None

    def __repr__(self) -> str:
        """Return it without the text."""
        return f"Token(file={self.file})"


def find_token(settings: Settings, store_url: str) -> str | None:
    """Return the token of a console that runs with these settings, or None where it cannot be known or read."""
    if settings.console.token is not None:
        return settings.console.token
    store = store_file(store_url)
    try:
        return token_file(store).read_text(encoding="ascii").strip() or None if store is not None else None
    except (OSError, UnicodeError):
        return None


def make_token(settings: Settings, store_url: str) -> Token:
    """Return the console's token; the first time it is made, in a file that this user alone can read.

    For a store without a file it is made anew each time, in a temporary file. Raises ``ConfigurationError`` if the
    file cannot be written.
    """
    if settings.console.token is not None:
        return Token(settings.console.token, None)
    known = find_token(settings, store_url)
    store = store_file(store_url)
    try:
        if store is None:
            return _write_temporary()
        if known is not None:
            token_file(store).chmod(0o600)
            return Token(known, token_file(store))
        return _write(token_file(store))
    except OSError as error:
        message = f"the console's token cannot be kept in {error.filename}: {error.strerror}; set console.token"
        raise ConfigurationError(message) from error


def token_file(store: Path) -> Path:
    """Return where the token of a store's console is kept."""
    return store.with_name(store.name + ".token")


def _write(file: Path) -> Token:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        return _fill(opened.fileno(), file)


def _write_temporary() -> Token:
    number, name = tempfile.mkstemp(prefix="moderation-ai-", suffix=".token")
    try:
        return _fill(number, Path(name))
    finally:
        os.close(number)


def _fill(number: int, file: Path) -> Token:
    text = secrets.token_urlsafe(32)
    os.write(number, f"{text}\n".encode("ascii"))
    return Token(text, file)
