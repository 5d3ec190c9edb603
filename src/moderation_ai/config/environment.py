"""The environment: `MODERATION_AI_*` variables, and the files that those ending in `_FILE` name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path as File
from typing import NamedTuple

from moderation_ai.config.catalogue import (
    NAMED,
    PREFIX,
    Leaf,
    Path,
    find_leaf,
    leaves,
    name_of,
    variable_of,
)
from moderation_ai.config.mistakes import Mistakes
from moderation_ai.config.origins import Origin
from moderation_ai.core.errors import ConfigurationError

CONFIG_VARIABLE = PREFIX + "CONFIG"
"""Names the configuration file."""
_FILE = "_file"
# Variables of this prefix that set nothing here: ours for tests, and those that Kubernetes gives every container
# about a service of our name (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_NO_SETTINGS = re.compile(
    r"CONFIG|CHAOS_ROUNDS|FUZZ_EXAMPLES|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?|SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)"
)


class Found(NamedTuple):
    """A variable that sets something: where to, what it says, and from where."""

    path: Path
    leaf: Leaf
    text: str
    origin: Origin
    from_file: bool


def read_variables(environ: Mapping[str, str], mistakes: Mistakes) -> Iterator[Found]:
    """Yield what the variables set, in the order of their names; an empty variable sets nothing.

    A variable that sets nothing we know, or names a file that cannot be read, is among the ``mistakes`` then.
    """
    for name in sorted(environ):
        bare = name.removeprefix(PREFIX)
        if bare == name or _NO_SETTINGS.fullmatch(bare) or not environ[name]:
            continue
        path = tuple(bare.lower().split("__"))
        leaf = find_leaf(path)
        if leaf is not None:
            yield Found(path, leaf, environ[name], Origin(source=name), from_file=False)
            continue
        found = None
        with mistakes.noting():
            found = _read_file(path, name, environ[name])
        if found is not None:
            yield found


def _read_file(path: Path, name: str, file: str) -> Found:
    path, leaf = _without_suffix(path, name)
    return Found(path, leaf, read_secret_file(file, name), Origin(source=f"{name} ({file})"), from_file=True)


def _without_suffix(path: Path, name: str) -> tuple[Path, Leaf]:
    bare = (*path[:-1], path[-1].removesuffix(_FILE))
    leaf = find_leaf(bare) if bare != path else None
    if leaf is None:
        raise ConfigurationError(f"{name}: there is no such setting; {_guess(path)}")
    return bare, leaf


def _guess(path: Path) -> str:
    """Return which variables were probably meant, with the names of platform and account that were written."""
    named = path[1:2] if path[0] == "platforms" else ()
    account = path[3:4] if path[0] == "platforms" and path[2:3] == ("accounts",) else ()
    known = [name_of(_filled(pattern, named, account)) for pattern, _ in leaves()]
    close = get_close_matches(".".join(path), known, n=1, cutoff=0.7)
    return f"did you mean '{variable_of(close[0])}'?" if close else "docs/configuration.md lists what there is"


def _filled(pattern: Path, named: Path, account: Path) -> Path:
    names = iter((*named, *account))
    return tuple(next(names, part) if part == NAMED else part for part in pattern)


def read_secret_file(file: str, variable: str) -> str:
    """Return a file's text without one newline at its end."""
    try:
        text = File(file).read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{variable}: the file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{variable}: the file {file} is not UTF-8 text") from error
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
