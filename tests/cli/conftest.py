"""A store with a few events in it, and the command line run on it in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from moderation_ai.cli import cli
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.pipeline.clock import ManualClock
from tests.cli.filling import NOW, URL, fill
from tests.postgres import DSN_VARIABLE, SHARED

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _without_our_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the tests themselves are told by: a program takes it for a setting that there is not."""
    if DSN_VARIABLE in os.environ:
        SHARED.databases()  # It is read once.
    for name in [name for name in os.environ if name.startswith("MODERATION_AI_TEST_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_modules() -> Iterator[None]:
    """Forget the modules that a test wrote into its folder, and where they were found."""
    path = sys.path[:]
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("inbox_")]:
        del sys.modules[name]


@pytest.fixture
def filled(folder: Path) -> Path:
    """Make the store that `tests.cli.filling` describes, and return its file."""
    fill(URL)
    return folder / "moderation.db"


@pytest.fixture
def run() -> Run:
    """Run a command as a person would write it, at a time that stands still; the environment is what is given."""

    def call(*args: str, clock: Any = None, env: dict[str, str] | None = None, **more: Any) -> Result:
        invocation = Invocation(clock or ManualClock(NOW))
        return CliRunner(env=env).invoke(cli, list(args), obj=invocation, prog_name="moderation-ai", **more)

    return call


def rows(result: Result) -> list[dict[str, Any]]:
    """Return the JSON objects that a command printed; each has a line of its own."""
    assert result.exit_code in (0, 1), result.stderr
    return [msgspec.json.decode(line) for line in result.stdout_bytes.splitlines()]
