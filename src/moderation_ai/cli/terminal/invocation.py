"""One call of the program: the settings it asked for, read when they are first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, TypeVar

import click

from moderation_ai.config import DEFAULT_STORE_URL, Loaded, Mistakes, Settings, load
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.clock import Clock, SystemClock
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import without_password

C = TypeVar("C", bound=Callable[..., Any])
T = TypeVar("T")


class Invocation:
    """What the options common to all commands say, and what follows from them."""

    def __init__(self, clock: Clock | None = None, sender: Sender | None = None) -> None:
        """Begin with nothing asked for; ``sender`` is for those who ask a stand-in in a platform's place."""
        self.clock = clock or SystemClock()
        self.sender = sender
        self.config: str | None = None
        self.flags: dict[str, tuple[str, str]] = {}
        self.debug = False
        self._store_of_handler: str | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """Return the settings and where they came from; raise ``ConfigurationError``."""
        return self.read()

    def read(self, mistakes: Mistakes | None = None) -> Loaded:
        """Read the settings; what is wrong with them is raised, or put among the ``mistakes`` where given."""
        return load(self.config, flags=self.flags, mistakes=mistakes)

    @property
    def settings(self) -> Settings:
        """Return the settings; raise ``ConfigurationError``."""
        return self.loaded.settings

    @property
    def store_url(self) -> str:
        """Return which store is meant: that of the handlers, else the configured one."""
        return self._store_of_handler or self.settings.store.url or DEFAULT_STORE_URL

    def choose_store(self, given: str | Store | None) -> Store:
        """Return the store that handlers were made with, not yet opened, else the one that is meant otherwise.

        Raises ``ConfigurationError`` where ``--store`` names another.
        """
        store = open_store(given or self.store_url) if given is None or isinstance(given, str) else given
        flag, named = self.flags.get("store.url", ("", store.url))
        names = without_password(named), without_password(store.url)
        if given is not None and names[0] != names[1]:
            raise ConfigurationError(
                f"{flag} says {names[0]}, the handlers are made with {names[1]}: take one of them out"
            )
        self._store_of_handler = store.url
        return store


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def settings_options(command: C) -> C:
    """Add ``--config`` and ``--store``; every command has them, before or after its name."""
    for option in (
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Configuration file, instead of moderation-ai.toml.",
            expose_value=False,
            callback=_keep_config,
        ),
        setting_option("--store", "store.url", metavar="URL", help="Store, such as sqlite:///moderation.db."),
    ):
        command = option(command)
    return command


def setting_option(flag: str, setting: str, **more: Any) -> Callable[[C], C]:
    """Return an option that sets ``setting``, over file and environment."""

    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).flags[setting] = (flag, str(value))

    option: Callable[[C], C] = click.option(flag, expose_value=False, callback=keep, **more)
    return option


def _keep_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).config = value


def debug_option(command: C) -> C:
    """Add ``--debug``."""
    option: Callable[[C], C] = click.option(
        "--debug",
        is_flag=True,
        help="Show the traceback of an error.",
        expose_value=False,
        callback=_keep_debug,
    )
    return option(command)


def _keep_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).debug = True


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    return asyncio.run(work)
