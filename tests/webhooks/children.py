"""Programs that are run as processes of their own: what they do when they end can only be seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

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


def run_program(folder: Path, program: str, *, store: str | None = "sqlite:///events.db", seconds: float = 30):  # type: ignore[no-untyped-def]  # a CompletedProcess
    """Run a program to its end in ``folder``."""
    environment = our_environment(store)
    command = [sys.executable, "-X", "dev", "-c", HEAD + textwrap.dedent(program)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def our_environment(store: str | None = None) -> dict[str, str]:
    """Return an environment in which the tests' own modules are found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return environment | ({"MODERATION_AI_STORE__URL": store} if store else {})


def handled(folder: Path) -> list[str]:
    """Return what the program's handlers noted."""
    file = folder / "handled.txt"
    return file.read_text().split() if file.exists() else []
