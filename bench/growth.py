"""What a million stored events cost the gateway: the same load on a store of that many and on one of ten thousand."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import apsw

from bench import process, ratios, servers
from bench.load import Load, Target
from bench.ratios import Ratio
from bench.servers import Server

CONNECTIONS = 64
_ROUNDS = 4
_WARM_UP_SECONDS = 1.0


def measure(small: Path, large: Path, load: Load, seconds: float) -> Ratio:
    """Return the time of one event on the large store over that on the small one, by neighbours of each round."""
    for path in (small, large):
        _settle_everything(path)
    found = []
    for number in range(_ROUNDS):
        sides: list[tuple[str, Path]] = [("10k", small), ("1m", large)]
        rates = {name: _rate(name, path, load, seconds) for name, path in (sides if number % 2 else sides[::-1])}
        found.append(rates["10k"] / rates["1m"])
    return ratios.spread(found)


def _settle_everything(path: Path) -> None:
    """Let nothing wait in the store: it is the stored events that are to weigh, not a backlog."""
    connection = apsw.Connection(str(path))
    connection.execute("BEGIN")
    connection.execute("INSERT OR IGNORE INTO settled (seq, status) SELECT seq, 1 FROM queue")
    connection.execute("DELETE FROM queue")
    connection.execute("COMMIT")
    connection.close()


def _rate(name: str, store: Path, load: Load, seconds: float) -> float:
    """Return the acknowledged events a second of a gateway on a store; the small one is a copy, and stays small."""
    folder = Path(tempfile.mkdtemp(prefix=f"growth-{name}-", dir=store.parent))
    print(f"growth over HTTP, {name} events stored", file=sys.stderr)
    try:
        if name == "10k":
            shutil.copy(store, folder / "bench.db")
        else:
            (folder / "bench.db").symlink_to(store)
        return _run(servers.OURS, folder, load, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(server: Server, folder: Path, load: Load, seconds: float) -> float:
    with process.running(server, folder) as (_, launch):
        target = Target(port=launch.port, path=server.path)
        load.run(target, CONNECTIONS, _WARM_UP_SECONDS, folder)
        return load.run(target, CONNECTIONS, seconds, folder).rate
