"""The configuration file: TOML, with the line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

from moderation_ai.config.catalogue import Path
from moderation_ai.core.errors import ConfigurationError

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def read_toml(file: File) -> tuple[dict[str, Any], dict[Path, int]]:
    """Return a file's values, and the line that each key and table stands on.

    Raises ``ConfigurationError`` with file and line for what cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError("there is no such file; write it, or leave --config out", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("the file is not UTF-8 text; save it as UTF-8", file=str(file)) from error
    except OSError as error:
        raise ConfigurationError(f"the file cannot be read: {error.strerror}", file=str(file)) from error
    try:
        return tomllib.loads(text), dict(lines_of(text))
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), file, text) from error


def _syntax_error(reason: str, file: File, text: str) -> ConfigurationError:
    found = _AT_LINE.search(reason)
    line = int(found.group(1)) if found else text.count("\n") + 1
    said = _AT_LINE.sub("", reason)
    return ConfigurationError(f"this is no TOML: {said[:1].lower()}{said[1:]}", file=str(file), line=line)


def lines_of(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path and line of every table and key of a valid TOML text.

    A table's head, and a key with its value, are TOML by themselves: lines are gathered until they are.
    """
    table: Path = ()
    statement, begun = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        begun = begun if statement else number
        statement += line + "\n"
        try:
            read = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        is_head = statement.lstrip().startswith("[")
        paths = list(_paths(read))
        if is_head and paths:
            table = paths[-1]
        statement = ""
        yield from ((path if is_head else (*table, *path), begun) for path in paths)


def _paths(values: dict[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, value in values.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
