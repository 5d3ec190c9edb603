"""The disk under the stores: where they are put, and how long it takes to make 4 KiB durable."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median

_IN_MEMORY = {"tmpfs", "ramfs"}
_PAGE = b"\0" * 4096
# macOS has no fdatasync; its fsync is the nearest thing that Python offers.
_sync = getattr(os, "fdatasync", os.fsync)


def place() -> Path:
    """Return the first folder for temporary files that lies on a disk: in memory nothing is durable."""
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()]  # noqa: S108  # looked at, not trusted
    for folder in candidates:
        if folder.is_dir() and filesystem(folder) not in _IN_MEMORY:
            return folder
    raise SystemExit("bench: every temporary folder is in memory; name one on a disk with --dir")


def filesystem(folder: Path) -> str:
    """Return the kind of file system that the folder lies on, ``unknown`` where the system does not say."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    where = folder.resolve()
    best = ("", "unknown")
    for line in mounts.read_text().splitlines():
        _, mount, kind = line.split()[:3]
        if where.is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def fdatasync_ms(folder: Path, times: int = 100) -> float:
    """Return the median time of an append of 4 KiB made durable, in milliseconds."""
    path = folder / "fdatasync.probe"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        return median(_one_sync(fd) for _ in range(times)) * 1000
    finally:
        os.close(fd)
        path.unlink()


def _one_sync(fd: int) -> float:
    os.write(fd, _PAGE)
    start = time.perf_counter()
    _sync(fd)
    return time.perf_counter() - start
