"""Mistakes: everything that is wrong with a configuration, gathered so that it is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moderation_ai.core.errors import ConfigurationError, ConfigurationErrors


class Mistakes:
    """Gather errors, and raise them together."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: list[ConfigurationError] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep the error that the block raises, and go on behind it."""
        try:
            yield
        except ConfigurationError as error:
            self.found.extend(error.each)

    def settle(self) -> None:
        """Return if nothing was wrong, else raise ``ConfigurationError``: the one, or ``ConfigurationErrors``."""
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise ConfigurationErrors(self.found)
