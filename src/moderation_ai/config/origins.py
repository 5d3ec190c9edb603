"""Where a value came from, and the error that says so."""

from __future__ import annotations

import msgspec

from moderation_ai.core.errors import ConfigurationError


class Origin(msgspec.Struct, frozen=True):
    """The place that a value was read from: a line of a file, a variable, or a flag; nothing of it is a default."""

    file: str | None = None
    line: int | None = None
    source: str | None = None

    def error(self, message: str) -> ConfigurationError:
        """Return the error that names this place."""
        if self.source is not None:
            return ConfigurationError(f"{self.source}: {message}")
        return ConfigurationError(message, file=self.file, line=self.line)

    def __str__(self) -> str:
        """Return the place as ``config show`` prints it."""
        if self.source is not None:
            return self.source
        if self.file is None:
            return "default"
        return f"{self.file}:{self.line}" if self.line else self.file


DEFAULT = Origin()
