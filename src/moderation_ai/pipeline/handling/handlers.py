"""Handlers: the user's functions, each with a stored name, the event types it takes, a time-out and a schedule."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.core.routing import takes

Function = Callable[[WebhookEvent], Awaitable[Any] | Any]
MODERATION = "moderation"
"""The stored name of the pipeline's own handler, which no other may have."""
TIMEOUT = 30.0
"""Seconds that a handler may take, unless it says otherwise."""


class Handler(msgspec.Struct, frozen=True, kw_only=True):
    """One function of the user's. ``patterns`` are event types, ``comment.*`` or ``*``; ``timeout`` is in seconds.

    ``name`` is what attempts and dead letters are stored under: it must stay the same over restarts.
    """

    name: str
    patterns: tuple[str, ...]
    function: Function
    timeout: float = TIMEOUT
    schedule: RetrySchedule = RetrySchedule()
    is_async: bool = False
    is_ours: bool = False
    """Part of the pipeline, and run on its own loop."""

    def takes(self, event: WebhookEvent) -> bool:
        """Say whether this handler is to run for ``event``."""
        return any(takes(pattern, event.event_type) for pattern in self.patterns)


class Handlers:
    """The handlers that are registered, by their stored names."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_name: dict[str, Handler] = {}
        self._by_type: dict[str, tuple[Handler, ...]] = {}

    def add(
        self,
        function: Function,
        patterns: tuple[str, ...],
        *,
        name: str | None = None,
        timeout: float = TIMEOUT,
        schedule: RetrySchedule | None = None,
    ) -> Handler:
        """Register ``function``; two of one name would share their attempts, so that is a ``ConfigurationError``.

        A function that is registered again, for another event type, keeps its one name.
        """
        _check(function)
        stored = name or name_of(function)
        if stored == MODERATION:
            raise ConfigurationError(f"{stored!r} is the name of the pipeline's own handler; give yours another name=")
        known = self._by_name.get(stored)
        # A method is a new object each time it is looked up, and equal to itself.
        if known is not None and known.function is not function and known.function != function:
            raise ConfigurationError(f"two handlers are called {stored!r}; give one of them another name=")
        handler = Handler(
            name=stored,
            patterns=(known.patterns if known else ()) + patterns,
            function=function,
            timeout=timeout,
            schedule=schedule or RetrySchedule(),
            is_async=is_coroutine_function(function),
        )
        self._by_name[stored] = handler
        self._by_type.clear()
        return handler

    def of(self, event: WebhookEvent) -> tuple[Handler, ...]:
        """Return the handlers that take ``event``, in the order of their registration."""
        found = self._by_type.get(event.event_type)
        if found is None:
            found = tuple(handler for handler in self._by_name.values() if handler.takes(event))
            if len(self._by_type) < 256:  # Kinds may be made up by a sender; the table must not grow with them.
                self._by_type[event.event_type] = found
        return found

    def named(self, name: str) -> Handler | None:
        """Return the handler that is stored under ``name``, or None if there is none any more."""
        return self._by_name.get(name)

    def __len__(self) -> int:
        """Return how many handlers are registered."""
        return len(self._by_name)

    def names(self) -> list[str]:
        """Return the stored names, in the order of registration."""
        return list(self._by_name)


def is_coroutine_function(function: Any) -> bool:
    """Say whether calling ``function`` gives a coroutine; objects with an ``async def __call__`` count."""
    return any(inspect.iscoroutinefunction(called) for called in _called(function))


def name_of(function: Any) -> str:
    """Return a function's module and qualified name; those of its class for a callable object."""
    bare = _without_arguments(function)
    named = bare if hasattr(bare, "__qualname__") else type(bare)
    return f"{named.__module__}.{named.__qualname__}"


def _check(function: Any) -> None:
    if not callable(function):
        raise ConfigurationError(f"a handler is a function of one event, not {type(function).__name__}")
    if any(inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called) for called in _called(function)):
        raise ConfigurationError(f"{name_of(function)} has a `yield` in it: nothing of it would ever run as a handler")


def _called(function: Any) -> tuple[Any, Any]:
    bare = _without_arguments(function)
    return bare, getattr(bare, "__call__", None)  # noqa: B004  # the method itself is wanted


def _without_arguments(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function
