"""The serve command as a process of its own, as a service manager would run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.kinds import LASTING, lasting_url

SECRET = "9f2c0e5ecretc0ffee5ecret0123456789"
PATIENCE = 30.0
"""Seconds after which a process that does not end is an error."""

INBOX = """
import asyncio, pathlib
from moderation_ai.webhooks.handler import WebhookHandler

handler = WebhookHandler()

@handler.on("comment.*", name="app.look")
async def look(event):
    pathlib.Path("begun").touch()
    await asyncio.sleep(0.3)
    pathlib.Path("handled").write_text(event.event_id)
"""


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
    ours = {f"MODERATION_AI_{name}": value for name, value in settings.items()}
    return {**clean, "PYTHONUNBUFFERED": "1", **ours}


def usual(**more: str) -> dict[str, str]:
    """Return the settings of a gateway with one platform, on ports that are free and the folder's store."""
    store = {"STORE__URL": lasting_url("moderation.db")} if LASTING == "postgres" else {}
    return environment(PLATFORMS__GENERIC__SECRETS=SECRET, SERVER__PORT="0", CONSOLE__PORT="0", **{**store, **more})


class Served:
    """A gateway that runs; its logs go to the file ``log``."""

    def __init__(self, child: subprocess.Popen[bytes], line: bytes) -> None:
        self.child = child
        self.line = line.decode()

    @property
    def ready(self) -> dict[str, Any]:
        """Return what the ready line says, where it is JSON."""
        said: dict[str, Any] = msgspec.json.decode(self.line)
        return said

    def end(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.child.send_signal(how)
        self.child.communicate(timeout=PATIENCE)
        return self.child.returncode


@contextmanager
def served(*args: str, env: dict[str, str], open_files: int | None = None) -> Iterator[Served]:
    """Run ``serve`` until it is ready, with a limit of ``open_files``; whatever happens, it is gone after the block."""
    command = [sys.executable, "-m", "moderation_ai", "serve", *args]
    if open_files is not None:
        command = ["sh", "-c", f'ulimit -Sn {open_files} && exec "$@"', "sh", *command]
    with Path("log").open("wb") as log, subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log) as child:
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            assert line, Path("log").read_text()
            yield Served(child, line)
        finally:
            if child.poll() is None:
                child.kill()


def call(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "moderation_ai", *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)
