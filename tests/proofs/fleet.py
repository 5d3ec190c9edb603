"""A fleet: two gateways and two workers on one PostgreSQL server, each of which may be killed at any moment."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.postgres import PostgresServer
from tests.proofs.children import SECRET

ROLES = ("gateway-1", "gateway-2", "worker-1", "worker-2")
PATIENCE = 60.0


class Member:
    """One process of ``serve``; it comes back on the same port."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name = name
        self.port = 0
        self._folder = folder
        self._settings = {
            "MODERATION_AI_STORE__URL": url,
            "MODERATION_AI_PLATFORMS__GENERIC__SECRETS": SECRET,
            "MODERATION_AI_SERVER__ROLE": name.partition("-")[0],
            "MODERATION_AI_CONSOLE__PORT": "0",
            "MODERATION_AI_HANDLERS__IMPORT": "tests.proofs.noting:handler",
            "PROOF_HANDLED": str(folder / f"{name}.handled"),
            "PROOF_WORKER": name,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready; it tries until the database is there."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
        own = {**self._settings, "MODERATION_AI_SERVER__PORT": str(self.port)}
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moderation_ai", "serve", "--json"],
                env={**environment, **own},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self._folder / f"{self.name}.log").read_text()[-3000:]
        ready = json.loads(line)
        if "gateway" in ready:
            self.port = int(ready["gateway"].split("://")[1].split("/")[0].rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)

    def stop(self) -> int:
        """End it with SIGTERM; return its exit status."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)
        return self._process.returncode

    def end(self) -> None:
        """See that it is gone, whatever happened."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate(timeout=PATIENCE)


class Fleet:
    """The processes and their database, with what their handlers wrote down."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.members = {name: Member(name, server.dsn(), folder) for name in ROLES}

    def __enter__(self) -> Fleet:
        try:
            for member in self.members.values():
                member.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for member in self.members.values():
            member.end()

    @property
    def ports(self) -> list[int]:
        """Return where the gateways are."""
        return [member.port for name, member in self.members.items() if name.startswith("gateway")]

    def kill_one(self, chance: random.Random) -> str:
        """Kill any process or the database, and start it again; return which."""
        name = chance.choice([*ROLES, "postgresql"])
        if name == "postgresql":
            self.server.kill()
            self.server.start()
        else:
            self.members[name].kill()
            self.members[name].start()
        return name

    def handled(self) -> list[tuple[int, str, int]]:
        """Return what handlers were given: when, which lane, which place in the order; each run once."""
        found = []
        for file in self.folder.glob("*.handled"):
            for line in file.read_text().splitlines():
                when, lane, seq = line.split(" ")
                found.append((int(when), lane, int(seq)))
        return sorted(found)
