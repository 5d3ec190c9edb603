"""The command line: a command is a module here, or a package with a room `command`, and has that name."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec

import click

from moderation_ai import __version__
from moderation_ai.cli.terminal.errors import answering
from moderation_ai.cli.terminal.invocation import debug_option, settings_options


class Program(click.Group):
    """The group of all commands: each is found by its place and loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(name.replace("_", "-") for name in _places())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command called ``cmd_name``, or None."""
        name = cmd_name.replace("-", "_")
        place = _places().get(name)
        command = getattr(importlib.import_module(place), name) if place else None
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of ours becomes one line and an exit code."""
        with answering(ctx):
            return super().invoke(ctx)


def _places() -> dict[str, str]:
    """Return the module of each command by its name in Python; packages without a room ``command`` are none."""
    modules = {module.name: f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)}
    packages = {module.name for module in pkgutil.iter_modules(__path__) if module.ispkg}
    places = {name: f"{place}.command" if name in packages else place for name, place in modules.items()}
    return {name: place for name, place in places.items() if name not in packages or find_spec(place)}


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="moderation-ai")
@settings_options
@debug_option
def cli() -> None:
    """One inbox for the comments of every platform: receive, keep, decide, act, review.

    \b
    Exit codes: 0 all went well, 1 something failed, 2 the command was not understood,
    3 the configuration is wrong, 4 the store cannot be used, 130 interrupted.
    """


def main() -> None:
    """Run ``moderation-ai``."""
    cli(prog_name="moderation-ai")
