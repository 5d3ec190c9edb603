"""Standards: by what the text of an event is judged, and where policies are kept."""

from __future__ import annotations

import asyncio
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from moderation_ai.core.decisions import Context, Decision, Mode
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.policy.engine import Engine
from moderation_ai.policy.rules import Policy

LONG = 8_192
"""Characters that are judged in a few milliseconds; longer texts, up to 0.2 s, must not keep the loop waiting."""


class StandardsEngine:
    """Judge texts by a policy: the default one, or one of your own.

    ``validate`` and ``judge`` answer code that acts by itself, so the policy's mode does not weaken the answer.
    ``decide`` is what automatic moderation asks: there the mode holds, and in ``shadow`` nothing beyond a flag comes
    out. See docs/decisions/standards-engine-shadow.md.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        """Keep the policy; without one, the default policy is read when the first text comes."""
        self._policy = policy

    @classmethod
    def from_file(cls, path: str | Path) -> StandardsEngine:
        """Return an engine for the policy in a file; raise ``ConfigurationError`` if it cannot be read."""
        return cls(read_policy(path))

    @property
    def policy(self) -> Policy:
        """Return the policy that is judged by."""
        return self.engine.policy

    @cached_property
    def engine(self) -> Engine:
        """Return the engine, made once."""
        return Engine(self._policy or default_policy())

    async def validate(self, text: str | None, *, context: Context | None = None) -> Decision:
        """Return the policy's answer about ``text``; nothing that a text can be makes this raise.

        Where there is no text, the decision is to approve, and ``not_assessed`` begins with ``text``.
        """
        if text is not None and len(_as_text(text)) > LONG:
            return await asyncio.to_thread(self.judge, text, context=context)
        return self.judge(text, context=context)

    def judge(self, text: str | None, *, context: Context | None = None) -> Decision:
        """Return what ``validate`` returns, to code that is not async."""
        return self._ask(text, context, "enforce")

    def decide(self, text: str | None, *, context: Context | None = None) -> Decision:
        """Return the decision that is in force when nobody but us acts: the policy's modes hold."""
        return self._ask(text, context, None)

    def _ask(self, text: object, context: Context | None, mode: Mode | None) -> Decision:
        return self.engine.judge(_as_text(text), context, mode=mode)


def default_policy() -> Policy:
    """Return the policy that comes with the package."""
    text = files("moderation_ai.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    return _parse(text, "default.yaml")


def read_policy(path: str | Path) -> Policy:
    """Return the policy in a file; raise ``ConfigurationError`` with file and line if it is not one."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"the policy file cannot be read: {cause}", file=str(path)) from error
    return _parse(text, str(path))


def _parse(text: str, name: str) -> Policy:
    # YAML takes a while to load, and most processes judge nothing.
    from moderation_ai.policy.files import parse_policy

    return parse_policy(text, name=name)


def _as_text(text: object) -> str:
    """Return a text for whatever was given; what has none gives the empty one."""
    if isinstance(text, str):
        return text
    if isinstance(text, bytes | bytearray):
        return bytes(text).decode("utf-8", "replace")
    return "" if text is None else str(text)


standards_engine = StandardsEngine()
"""The engine of the default policy; it costs nothing until it is used."""
