"""Loading: defaults, file, environment, secret files and flags, each over the one before, become the settings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Any

import msgspec

from moderation_ai.config.catalogue import (
    NAMED,
    TREE,
    Leaf,
    Path,
    Tree,
    did_you_mean,
    find_leaf,
    name_of,
    variable_of,
)
from moderation_ai.config.environment import CONFIG_VARIABLE, Found, read_variables
from moderation_ai.config.mistakes import Mistakes
from moderation_ai.config.origins import DEFAULT, Origin
from moderation_ai.config.settings import AccountSettings, PlatformSettings, Settings
from moderation_ai.config.toml import read_toml
from moderation_ai.config.values import check, from_text, from_toml
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Platform
from moderation_ai.core.routing import is_name
from moderation_ai.platforms import all_platforms

CONFIG_FILE = "moderation-ai.toml"
"""The configuration file, where none is named and one of this name is in the current folder."""
Flags = Mapping[str, tuple[str, str]]
"""What the command line sets: by the setting's name the flag's name and text."""


class Loaded(msgspec.Struct, frozen=True):
    """The settings, and where each that is no default came from, by its dotted name."""

    settings: Settings
    origins: dict[str, Origin]
    file: str | None = None

    def origin(self, name: str) -> Origin:
        """Return where the setting ``name`` came from."""
        return self.origins.get(name, DEFAULT)


def load(
    config: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Flags | None = None,
    *,
    platforms: Mapping[str, Platform] | None = None,
    mistakes: Mistakes | None = None,
) -> Loaded:
    """Return the settings of this process.

    ``config`` is the file, else ``MODERATION_AI_CONFIG`` in ``environ`` (the process's own, if not given), else
    ``moderation-ai.toml`` if there is one. Raises ``ConfigurationError`` for all that is not understood; with
    ``mistakes`` that is put there instead, and what was understood is returned.
    """
    environ = os.environ if environ is None else environ
    found = Mistakes() if mistakes is None else mistakes
    layers = Layers(all_platforms() if platforms is None else platforms, found)
    file = _chosen_file(config, environ)
    if file is not None:
        layers.add_file(file)
    variables = list(read_variables(environ, found))
    layers.add_variables(one for one in variables if not one.from_file)
    layers.add_variables(one for one in variables if one.from_file)
    layers.add_flags(flags or {})
    if mistakes is None:
        found.settle()
    return Loaded(layers.settings(), layers.origins(), str(file) if file else None)


def load_variable(name: str, environ: Mapping[str, str] | None = None) -> Any:
    """Return what the environment alone says of one setting without names in it, else None.

    Raises ``ConfigurationError`` for what is not understood.
    """
    environ = os.environ if environ is None else environ
    variable = variable_of(name)
    mistakes = Mistakes()
    layers = Layers({}, mistakes)
    ours = {each: environ[each] for each in (variable, f"{variable}_FILE") if each in environ}
    layers.add_variables(read_variables(ours, mistakes))
    mistakes.settle()
    return layers.value(tuple(name.split(".")))


def load_platforms(environ: Mapping[str, str] | None = None) -> dict[str, PlatformSettings]:
    """Return what the environment alone says of platforms; raise ``ConfigurationError`` for what is not understood."""
    environ = os.environ if environ is None else environ
    mistakes = Mistakes()
    layers = Layers(all_platforms(), mistakes)
    above = variable_of("platforms") + "__"
    ours = {name: value for name, value in environ.items() if name.startswith(above)}
    layers.add_variables(read_variables(ours, mistakes))
    mistakes.settle()
    return layers.settings().platforms


def _chosen_file(config: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> File | None:
    named = config or environ.get(CONFIG_VARIABLE)
    if named:
        return File(named)
    return File(CONFIG_FILE) if File(CONFIG_FILE).is_file() else None


class Layers:
    """Values by their paths, and the names of platforms and accounts, gathered from the weakest source on.

    What is not understood is left out and put among the ``mistakes``.
    """

    def __init__(self, platforms: Mapping[str, Platform], mistakes: Mistakes) -> None:
        """Begin with defaults alone."""
        self._mistakes = mistakes
        self._platforms = {_folded(name): name for name in platforms}
        for platform in platforms.values():
            self._platforms.update({_folded(alias): platform.name for alias in platform.aliases})
        self._values: dict[Path, tuple[Any, Origin]] = {}
        self._configured: dict[str, dict[str, str]] = {}

    def add_file(self, file: File) -> None:
        """Put the values of a TOML file over those there are."""
        with self._mistakes.noting():
            values, lines = read_toml(file)
            seen: dict[Path, Path] = {}
            refused: set[Path] = set()
            for written, value in _flatten(values, TREE, lines, file, self._mistakes):
                if any(written[:length] in refused for length in range(len(written))):
                    continue  # What a section's name makes wrong is told once.
                try:
                    self._add_written(written, value, _origin(file, lines, written), seen)
                except ConfigurationError as error:
                    self._mistakes.found.append(error)
                    refused.add(written)

    def _add_written(self, written: Path, value: Any, origin: Origin, seen: dict[Path, Path]) -> None:
        path = self._path(written, origin)
        if seen.setdefault(path, written) != written:
            raise origin.error(f"{'.'.join(seen[path])} sets the same; keep one of the two")
        if isinstance(value, dict):
            return
        try:
            self._set(path, from_toml(value, _leaf(path)), origin)
        except ValueError as error:
            raise origin.error(f"{'.'.join(written)}: {error}") from error

    def add_variables(self, variables: Iterable[Found]) -> None:
        """Put the values of variables over those there are."""
        seen: dict[Path, str] = {}
        for found in variables:
            with self._mistakes.noting():
                path = self._path(found.path, found.origin)
                name = str(found.origin)
                if seen.setdefault(path, name) != name:
                    raise found.origin.error(f"{seen[path]} sets the same; keep one of the two")
                self._set_text(path, found.leaf, found.text, found.origin)

    def add_flags(self, flags: Flags) -> None:
        """Put the values of flags over those there are."""
        for name, (flag, text) in flags.items():
            path = tuple(name.split("."))
            with self._mistakes.noting():
                self._set_text(path, _leaf(path), text, Origin(source=flag))

    def _set_text(self, path: Path, leaf: Leaf, text: str, origin: Origin) -> None:
        try:
            self._set(path, from_text(text, leaf), origin)
        except ValueError as error:
            raise origin.error(str(error)) from error

    def _set(self, path: Path, value: Any, origin: Origin) -> None:
        check(path, value, origin)
        self._values[path] = (value, origin)

    def _path(self, written: Path, origin: Origin) -> Path:
        """Return the path with the platform's true name and the account's first spelling."""
        if written[0] != "platforms" or len(written) < 2:
            return written
        platform = self._platforms.get(_folded(written[1]))
        if platform is None:
            hint = did_you_mean(written[1], set(self._platforms.values()))
            raise origin.error(f"no platform is called {written[1]!r}; {hint}")
        accounts = self._configured.setdefault(platform, {})
        if written[2:3] != ("accounts",) or len(written) < 4:
            return ("platforms", platform, *written[2:])
        account = accounts.setdefault(_folded(written[3]), written[3])
        if not is_name(account):
            raise origin.error(f"{account!r} names no account; use letters, digits, '.', '_' and '-', 64 at most")
        return ("platforms", platform, "accounts", account, *written[4:])

    def value(self, path: Path) -> Any:
        """Return what is set at a path, or None."""
        return self._values[path][0] if path in self._values else None

    def settings(self) -> Settings:
        """Return the settings that all layers amount to."""
        sections = {
            field.name: field.type(**self._attributes((field.encode_name,)))
            for field in msgspec.structs.fields(Settings)
            if field.encode_name != "platforms"
        }
        platforms = {name: self._platform(name, list(accounts.values())) for name, accounts in self._configured.items()}
        return Settings(platforms=platforms, **sections)

    def _platform(self, name: str, accounts: list[str]) -> PlatformSettings:
        above: Path = ("platforms", name)
        plain = PlatformSettings(**self._attributes(above))
        return msgspec.structs.replace(
            plain,
            pubsub=msgspec.structs.replace(plain.pubsub, **self._attributes((*above, "pubsub"))),
            accounts={one: AccountSettings(**self._attributes((*above, "accounts", one))) for one in accounts},
        )

    def _attributes(self, above: Path) -> dict[str, Any]:
        return {_leaf(path).attribute: value for path, (value, _) in self._values.items() if path[:-1] == above}

    def origins(self) -> dict[str, Origin]:
        """Return where each value that is set came from."""
        return {".".join(path): origin for path, (_, origin) in self._values.items()}


def _flatten(
    values: Mapping[str, Any],
    tree: Tree,
    lines: Mapping[Path, int],
    file: File,
    mistakes: Mistakes,
    above: Path = (),
) -> Iterator[tuple[Path, Any]]:
    """Yield every table and value of a file that has a place in ``tree``; what has none is among the ``mistakes``."""
    for name, value in values.items():
        path = (*above, name)
        branch = tree.get(NAMED, tree.get(name))
        error = _misplaced(path, value, branch, tree)
        if error is not None:
            mistakes.found.append(_origin(file, lines, path).error(error))
            continue
        yield path, value
        if isinstance(branch, dict):
            yield from _flatten(value, branch, lines, file, mistakes, path)


def _misplaced(path: Path, value: Any, branch: Tree | Leaf | None, tree: Tree) -> str | None:
    """Return what is wrong with the place of a value in a file, or None."""
    *above, name = path
    if branch is None:
        where = f"[{'.'.join(above)}]" if above else "the file"
        return f"there is no setting {name!r} in {where}; {did_you_mean(name, tree)}"
    if isinstance(branch, dict) and not isinstance(value, dict):
        return f"{name} is a section; write [{'.'.join(path)}]"
    return None


def _origin(file: File, lines: Mapping[Path, int], path: Path) -> Origin:
    return Origin(file=str(file), line=lines.get(path))


def _leaf(path: Path) -> Leaf:
    leaf = find_leaf(path)
    if leaf is None:
        raise ConfigurationError(f"there is no setting {name_of(path)}")
    return leaf


def _folded(name: str) -> str:
    """Return a name as it compares: a variable can tell neither its case nor ``-`` from ``_``."""
    return name.lower().replace("-", "_")
