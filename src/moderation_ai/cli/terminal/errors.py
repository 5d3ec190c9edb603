"""How commands end: an error of ours is one clear line and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.cli.terminal.text import plain
from moderation_ai.core.errors import ConfigurationError, ModerationError, StoreError

FAILURE, USAGE, CONFIGURATION, STORE, INTERRUPTED = 1, 2, 3, 4, 130


@contextmanager
def answering(ctx: click.Context) -> Iterator[None]:
    """Turn what a command raises into a line on stderr and an exit code; ``--debug`` shows the traceback too."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        ctx.exit(0)
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)
    except ConfigurationError as error:
        for each in error.each:
            _tell(ctx, each, str(each))
        ctx.exit(CONFIGURATION)
    except ModerationError as error:
        _tell(ctx, error, str(error))
        ctx.exit(exit_code(error))
    except OSError as error:
        _tell(ctx, error, f"{error.filename}: {error.strerror}" if error.filename else str(error))
        ctx.exit(FAILURE)


def exit_code(error: ModerationError) -> int:
    """Return the exit code that an error ends a command with."""
    if isinstance(error, ConfigurationError):
        return CONFIGURATION
    return STORE if isinstance(error, StoreError) else FAILURE


def _tell(ctx: click.Context, error: Exception, message: str) -> None:
    if ctx.ensure_object(Invocation).debug:
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(plain(line), err=True)
    click.echo(f"moderation-ai: {plain(message)}", err=True)


def _forget_stdout() -> None:
    """Send what is still to be flushed nowhere: whoever read our output has closed it and is content."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
