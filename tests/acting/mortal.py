"""What dies between two steps: a store and a sender that end their own process by SIGKILL at a step of its work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from moderation_ai.core.flows import Answer, Outgoing
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

_CHANGES = ("add", "settle", "want", "decide", "spend", "pause_account", "settle_actions")
_CLAIMS = ("claim", "claim_actions")


class Steps:
    """Count steps, write down each by its name, and end the process at the one that was chosen: 0 for none."""

    def __init__(self, last: int, written: str) -> None:
        """Keep the number, and the file that tells afterwards how far it came."""
        self._last, self._count = last, 0
        self.has_begun = False
        """Set once somebody may wait for this process: before that it does not die."""
        self._file = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def step(self, name: str) -> None:
        """Come to the next step."""
        if not self.has_begun:
            return
        self._count += 1
        os.write(self._file, f"{name}\n".encode())
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalStore:
    """A store whose verbs are steps: one before each that changes something, one after; of claims, where they gave."""

    def __init__(self, store: Store, steps: Steps) -> None:
        """Stand before ``store``."""
        self._store, self._steps = store, steps

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if name in _CHANGES:
            return partial(self._change, name, verb)
        return partial(self._claim, name, verb) if name in _CLAIMS else verb

    async def _change(self, name: str, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._steps.step(f"before {name}")
        result = await verb(*arguments, **named)
        self._steps.step(f"after {name}")
        return result

    async def _claim(self, name: str, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        result = await verb(*arguments, **named)
        if result:
            self._steps.step(f"after {name}")
        return result


class MortalSender(Sender):
    """A sender whose requests are steps."""

    steps: Steps

    async def send(self, request: Outgoing, hosts: Collection[str]) -> Answer:
        """Send, with a step before and after."""
        self.steps.step("before a request")
        answer = await super().send(request, hosts)
        self.steps.step("after a request")
        return answer
