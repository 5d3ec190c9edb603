"""The key file: keys that tokens are encrypted under where none is configured, readable by this user alone."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.fernet import KEY_BYTES, read_key
from moderation_ai.pipeline.credentials.sealing import NO_KEY, Sealer
from moderation_ai.stores.urls import companion

ENDING = ".key"
"""What the name of the key file has more than that of the store."""
_LARGEST = 16_384


def sealer_for(url: str, configured: Sequence[str] = (), *, is_new: bool = True) -> Sealer:
    """Return what seals the tokens in the store at ``url``; raises what ``find_keys`` does."""
    return Sealer(find_keys(configured, companion(url, ENDING), is_new=is_new))


def find_keys(configured: Sequence[str], file: Path | None, *, is_new: bool = True) -> list[str]:
    """Return the keys, newest first: the configured ones and behind them those in ``file``.

    Where there is none, one is made if there is nothing yet that needs another (``is_new``), in ``file`` if that is not
    None; else it lives as long as this process. Raises ``ConfigurationError`` for a file that is wanting, that others
    may read, that is no plain file or holds no key, or that cannot be written.
    """
    try:
        known = read_keys(file) if file is not None else []
        if configured or known:
            return [*configured, *known]
        if not is_new and file is not None:
            raise ConfigurationError(
                f"the store holds tokens, and the key file {file} that they were encrypted under is not here: {NO_KEY}"
            )
        return _make(file) if file is not None else [_key_of_this_process()]
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigurationError(
            f"the key file {file} cannot be used ({why}): set credentials.keys (MODERATION_AI_CREDENTIALS__KEYS), "
            "or make its folder writable"
        ) from error


def read_keys(file: Path) -> list[str]:
    """Return the keys in a file, one a line; none if it is not there. Links are not followed.

    Raises ``ConfigurationError`` for a file that others may read, that is empty, or that holds what is no key, and
    ``OSError`` where it cannot be read.
    """
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        _require_private(file, os.fstat(number))
        text = os.read(number, _LARGEST).decode("ascii", "replace")
    finally:
        os.close(number)
    keys = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        for key in keys:
            read_key(key)
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    if not keys:
        raise ConfigurationError(f"the key file {file} is empty: take it from a backup, or remove it")
    return keys


def _require_private(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"the key file {file} is no plain file")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(f"the key file {file} belongs to another user, who could have put any key there")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise ConfigurationError(
            f"the key file {file} is open to others (mode {mode:o}): run `chmod 600 {file}`, and authorise the "
            "accounts again if somebody may have read it"
        )


@cache
def _key_of_this_process() -> str:
    return _new_key()


def _new_key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def _make(file: Path) -> list[str]:
    """Make the file whole or not at all; where another process was quicker, its keys count."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(number, f"{_new_key()}\n".encode("ascii"))
        os.fsync(number)
        with suppress(FileExistsError):
            # Unlike a rename this replaces nothing, neither a file nor a link.
            os.link(part, file)
    finally:
        os.close(number)
        part.unlink()
    _sync_folder(file)
    return read_keys(file)


def _sync_folder(file: Path) -> None:
    number = os.open(file.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
