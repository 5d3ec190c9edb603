"""Reading YAML so that every value still knows its line, and every mistake is answered with it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import NoReturn, TypeVar

import yaml

from moderation_ai.core.errors import ConfigurationError

LARGEST_FILE = 1_000_000
MOST_LEVELS = 64
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.\-]{0,98}[A-Za-z0-9])?")
_TAG = "tag:yaml.org,2002:"
T = TypeVar("T", bound=str)


class Place:
    """A value in a YAML file, and where it stands."""

    def __init__(self, node: yaml.Node, file: str) -> None:
        """Keep the parsed node and the file's name."""
        self._node = node
        self._file = file

    def fail(self, message: str) -> NoReturn:
        """Raise ``ConfigurationError`` for this place."""
        raise ConfigurationError(message, file=self._file, line=self._node.start_mark.line + 1)

    def is_mapping(self) -> bool:
        """Say whether this holds names and values."""
        return isinstance(self._node, yaml.MappingNode)

    def pairs(self) -> Iterator[tuple[Place, Place]]:
        """Yield the names and values of a mapping; refuse one that has a name twice."""
        if not isinstance(self._node, yaml.MappingNode):
            self.fail("write names with values here, as in 'name: value'")
        seen: set[str] = set()
        for key, value in self._node.value:
            name = Place(key, self._file)
            if name.word() in seen:
                name.fail(f"{name.word()!r} stands here twice; keep one")
            seen.add(name.word())
            yield name, Place(value, self._file)

    def fields(self, *, required: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, Place]:
        """Return a mapping's values by name; refuse names that are not known and the lack of a required one."""
        found: dict[str, Place] = {}
        for key, value in self.pairs():
            found[key.choice([*required, *optional])] = value
        for name in required:
            if name not in found:
                self.fail(f"{name!r} is missing here; add it")
        return found

    def items(self) -> list[Place]:
        """Return the values of a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            self.fail("write a list here, as in [one, two]")
        return [Place(node, self._file) for node in self._node.value]

    def words(self) -> tuple[str, ...]:
        """Return the texts of a list."""
        return tuple(item.word() for item in self.items())

    def word(self) -> str:
        """Return a text as it is written, also where YAML would read a number or a date."""
        tag = self._node.tag.removeprefix(_TAG)
        if not isinstance(self._node, yaml.ScalarNode) or tag in ("null", "bool") or not self._node.value:
            self.fail("write a text here; put it in quotes if it reads like something else")
        return str(self._node.value)

    def choice(self, options: Collection[T]) -> T:
        """Return one of ``options``; say which there are, and which was meant, if it is none."""
        word = self.word()
        found = next((option for option in options if option == word), None)
        if found is None:
            meant = get_close_matches(word, options, n=1, cutoff=0.7)
            hint = f"did you mean {meant[0]!r}?" if meant else f"known are: {', '.join(sorted(options))}"
            self.fail(f"{word!r} is not known here; {hint}")
        return found

    def id(self) -> str:
        """Return a name of letters, digits, dots, dashes and underscores."""
        word = self.word()
        if not _ID.fullmatch(word):
            self.fail(f"{word!r} is no name; use letters, digits, '.', '-' and '_', at most 100")
        return word

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number from ``low`` to ``high``."""
        number = self._plain()
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            self.fail("write a number here")
        if not low <= number <= high:
            self.fail(f"write a number from {low:g} to {high:g} here")
        return number

    def scalar(self) -> bool | float | str:
        """Return a text, number, or true or false."""
        plain = self._plain()
        return plain if isinstance(plain, bool | int | float) and math.isfinite(plain) else self.word()

    def _plain(self) -> object:
        if not isinstance(self._node, yaml.ScalarNode):
            self.fail("write a single value here")
        try:
            return yaml.SafeLoader("").construct_object(self._node)
        except (ValueError, OverflowError, yaml.YAMLError):
            self.fail("this value cannot be read; put a text in quotes")


def read_yaml(text: str, file: str) -> Place:
    """Return the top of a YAML document.

    Raises ``ConfigurationError`` with the line for what is no YAML, and for what would make reading it expensive.
    """
    if len(text) > LARGEST_FILE:
        raise ConfigurationError(f"the file is longer than {LARGEST_FILE} characters", file=file)
    try:
        _refuse_traps(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(
            f"there is a character that YAML forbids: {error.reason}", file=file, line=line
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"this is no YAML: {error.problem or error.context}", file=file, line=line) from error
    if node is None:
        raise ConfigurationError("the file is empty; begin with 'schema: moderation-policy/1'", file=file, line=1)
    return Place(node, file)


def _refuse_traps(text: str, file: str) -> None:
    """Refuse what makes a small file expensive to read: deep nesting, and aliases that multiply what they stand for."""
    level = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise ConfigurationError("this is nested too deeply", file=file, line=line)
        if getattr(event, "anchor", None) is not None:
            raise ConfigurationError("write it out: anchors and aliases (& and *) are not used", file=file, line=line)
