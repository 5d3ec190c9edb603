"""The gateway as a process of its own, so that it can be killed like one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import msgspec

from moderation_ai.core.errors import ModerationError

HANDLER = "moderation_ai.cli.demo.handling:handler"


class GatewayProcess:
    """``moderation-ai serve`` as a child process."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Keep the environment settings that the gateway is to have, beside ours."""
        self._settings = dict(settings)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # It lives as long as this.
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start the gateway and return the port that it listens on; raise ``ModerationError`` if it does not start."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
        self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "moderation_ai", "serve", HANDLER, "--json"],
            env={**environment, **self._settings},
            stdout=subprocess.PIPE,
            stderr=self._errors,  # A file: a pipe that nobody reads would stop who writes much.
        )
        return _port_of(self._wait_until_ready(self._child))

    @property
    def pid(self) -> int:
        """Return the process's id; 0 before it was started."""
        return 0 if self._child is None else self._child.pid

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert child.stdout is not None
        for line in child.stdout:
            if b'"ready"' in line:
                ready: dict[str, Any] = msgspec.json.decode(line)
                return ready
        child.communicate()
        self._errors.seek(0)
        errors = self._errors.read()
        raise ModerationError(f"the gateway did not start: {errors.decode(errors='replace').strip()[-800:]}")

    def kill(self) -> None:
        """End the gateway at once (SIGKILL), in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask the gateway to drain and end (SIGTERM)."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(how)
            self._child.communicate()
            self._errors.close()


def _port_of(ready: Mapping[str, Any]) -> int:
    address = str(ready["gateway"])
    return int(address.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[1])
