"""The catalogue of settings, read off the structs: what there is, and what a wrong name may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

from moderation_ai.config.settings import Secret, Settings

PREFIX = "MODERATION_AI_"
NAMED = "*"
"""Stands in a path for a name that the user chooses: a platform's or an account's."""
Path = tuple[str, ...]

_KINDS: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Secret: "secret",
    tuple[str, ...]: "list",
    tuple[Secret, ...]: "secrets",
}


class Setting(NamedTuple):
    """A setting: its dotted name, its type in words, its default and what it means."""

    name: str
    type: str
    default: object
    help: str


class Leaf(msgspec.Struct, frozen=True):
    """A place in the tree that holds a value; ``attribute`` is its name in Python."""

    kind: str
    default: Any
    help: str
    attribute: str

    @property
    def is_secret(self) -> bool:
        """Say whether its value must not be shown."""
        return self.kind in ("secret", "secrets")


Tree = dict[str, Any]
"""Leaves and further trees by name; ``NAMED`` stands for any name."""


def tree_of(struct: type[msgspec.Struct]) -> Tree:
    """Return the tree of a struct's settings."""
    return {field.encode_name: _branch(field) for field in msgspec.structs.fields(struct)}


def _branch(field: msgspec.structs.FieldInfo) -> Tree | Leaf:
    bare, described = field.type, ""
    if get_origin(bare) is Annotated:
        bare, *notes = get_args(bare)
        described = next(note.description or "" for note in notes if isinstance(note, msgspec.Meta))
    if get_origin(bare) in (Union, UnionType):
        bare = next(part for part in get_args(bare) if part is not type(None))
    if get_origin(bare) is dict:
        return {NAMED: tree_of(get_args(bare)[1])}
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return tree_of(bare)
    return Leaf(_KINDS[bare], field.default, described, field.name)


TREE = tree_of(Settings)


def leaves(tree: Tree = TREE, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Yield every leaf with its path, in the order of the structs."""
    for name, branch in tree.items():
        if isinstance(branch, Leaf):
            yield (*path, name), branch
        else:
            yield from leaves(branch, (*path, name))


def find_leaf(path: Path) -> Leaf | None:
    """Return the leaf at a concrete path, or None if there is none."""
    branch: Any = TREE
    for name in path:
        if not isinstance(branch, dict):
            return None
        branch = branch.get(NAMED, branch.get(name))
    return branch if isinstance(branch, Leaf) else None


def all_settings() -> list[Setting]:
    """Return every setting; ``NAME`` stands for a platform, ``ACCOUNT`` for an account."""
    return [Setting(name_of(path), leaf.kind, leaf.default, leaf.help) for path, leaf in leaves()]


def name_of(path: Path) -> str:
    """Return a path as people write it, with ``NAME`` and ``ACCOUNT`` for what they choose."""
    named = iter(("NAME", "ACCOUNT"))
    return ".".join(next(named) if part == NAMED else part for part in path)


def variable_of(name: str) -> str:
    """Return the environment variable of a setting: ``server.port`` is ``MODERATION_AI_SERVER__PORT``."""
    return PREFIX + name.replace("-", "_").replace(".", "__").upper()


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return a half-sentence with the name that was probably meant, or else all that are known."""
    names = sorted(known)
    close = get_close_matches(wrong.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
