"""Programs that are run as processes of their own: what they do when they end can only be seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.kinds import LASTING, lasting_url

ROOT = Path(__file__).parents[2]
HEAD = """
import asyncio, os, sys, threading, time
from pathlib import Path
from moderation_ai.utils import WebhookEvent, WebhookHandler, WebhookMonitor
from tests.webhooks.events import envelope, made

def note(name):
    with open("handled.txt", "a") as file:
        file.write(name + "\\n")
"""


def run_program(folder: Path, program: str, *, store: str | None = LASTING, seconds: float = 30):  # type: ignore[no-untyped-def]  # a CompletedProcess
    """Run a program to its end in ``folder``, on a kind of store."""
    environment = our_environment(store and url_of(store, folder))
    command = [sys.executable, "-X", "dev", "-c", HEAD + textwrap.dedent(program)]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    # In its development mode Python tells of what was slow, as an import is on a machine that others use.
    lines = ended.stderr.splitlines(keepends=True)
    ended.stderr = "".join(line for line in lines if not (line.startswith("Executing <") and " took " in line))
    return ended


def url_of(kind: str, folder: Path) -> str:
    """Return the URL of a folder's store of a kind: ``memory``, or one that lasts."""
    return "memory://" if kind == "memory" else lasting_url(folder / "events.db", kind)


def our_environment(store: str | None = None) -> dict[str, str]:
    """Return an environment in which the tests' own modules are found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return environment | ({"MODERATION_AI_STORE__URL": store} if store else {})


def handled(folder: Path) -> list[str]:
    """Return what the program's handlers noted."""
    file = folder / "handled.txt"
    return file.read_text().split() if file.exists() else []
