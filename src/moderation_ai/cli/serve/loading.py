"""Loading the user's handlers by the names that the command line and the configuration give them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

from moderation_ai.config import Settings
from moderation_ai.core.errors import ConfigurationError, ModerationError
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.urls import without_password
from moderation_ai.webhooks.handler import WebhookHandler


class LoadedHandlers(NamedTuple):
    """What was loaded: functions, and the store, sender and standards that their ``WebhookHandler`` was made with."""

    handlers: Handlers
    store: str | Store | None = None
    sender: Sender | None = None
    standards: StandardsEngine | None = None


def load_handlers(settings: Settings, named: str | None = None) -> LoadedHandlers:
    """Return the handlers of all ``WebhookHandler``s that are to be loaded, ``named`` as ``module:name`` included.

    Modules in the current folder are found. Raises ``ConfigurationError`` for what cannot be loaded, and where two of
    them were made with different stores, senders or standards.
    """
    found = Handlers()
    stores: dict[str, str | Store] = {}
    senders: dict[int, Sender] = {}
    standards: dict[int, StandardsEngine] = {}
    for name in dict.fromkeys([*([named] if named else []), *settings.handlers.imports]):
        handler = _load(name)
        _take_over(handler.handlers, found, settings.retries.schedule())
        if handler.store is not None:
            stores.setdefault(handler.store if isinstance(handler.store, str) else handler.store.url, handler.store)
        if handler.sender is not None:
            senders[id(handler.sender)] = handler.sender
        if handler.standards is not None:
            standards[id(handler.standards)] = handler.standards
    if len(stores) > 1:
        raise ConfigurationError(
            f"the handlers are made with different stores, {' and '.join(map(without_password, stores))}; "
            "give them one, or none and set store.url"
        )
    if len(senders) > 1:
        raise ConfigurationError("the handlers are made with different senders; give one of them to all")
    if len(standards) > 1:
        raise ConfigurationError("the handlers are made with different standards; give one of them to all")
    return LoadedHandlers(
        found,
        next(iter(stores.values()), None),
        next(iter(senders.values()), None),
        next(iter(standards.values()), None),
    )


def _take_over(handlers: Handlers, found: Handlers, schedule: RetrySchedule) -> None:
    """Add the handlers to those that were found; who names no schedule gets the configured one."""
    for name in handlers.names():
        handler = handlers.named(name)
        if handler is not None:
            own = schedule if handler.schedule == RetrySchedule() else handler.schedule
            found.add(handler.function, handler.patterns, name=name, timeout=handler.timeout, schedule=own)


def _load(name: str) -> WebhookHandler:
    module, colon, attribute = name.partition(":")
    if not module or not colon or not attribute:
        raise ConfigurationError(f"{name!r} names no handler; write MODULE:HANDLER, such as inbox:handler")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found: Any = _import(module, name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ConfigurationError(f"{name}: the module {module} has no {attribute!r}")
        found = getattr(found, part)
    if not isinstance(found, WebhookHandler):
        kind = type(found).__name__
        raise ConfigurationError(
            f"{name} is a {kind}; it must be a WebhookHandler, whose functions are registered by @on"
        )
    return found


def _import(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModerationError:
        raise
    except ModuleNotFoundError as error:
        hint = (
            f"; run it in the folder of {module.partition('.')[0]}.py" if error.name == module.partition(".")[0] else ""
        )
        raise ConfigurationError(f"{name} cannot be loaded: there is no module {error.name!r}{hint}") from error
    except Exception as error:  # whatever the user's module raises while it is imported
        raise ConfigurationError(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error
