"""A part of the benchmark that runs as a process of its own, tied to a core, and answers in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from bench import cores

T = TypeVar("T")
_MARK = "RESULT "
_ROOT = Path(__file__).resolve().parent.parent


def run(command: list[str], core: int, timeout: float, kind: type[T]) -> T:
    """Run a command on a core; return what it gave to ``answer``, raise ``RuntimeError`` if that was nothing."""
    with cores.pinned(core):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_ROOT)
    try:
        output, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{command[:4]} did not end within {timeout:.0f} s") from error
    finally:
        child.kill()
        child.wait()
    for line in output.splitlines():
        if line.startswith(_MARK):
            return msgspec.json.decode(line.removeprefix(_MARK), type=kind)
    raise RuntimeError(f"{command[:4]} gave no result: {output[-1000:]}{errors[-2000:]}")


def run_module(name: str, *arguments: str, core: int, timeout: float, kind: type[T]) -> T:
    """Run a module of ours as ``run`` does."""
    return run([sys.executable, "-m", name, *arguments], core, timeout, kind)


def answer(value: msgspec.Struct) -> None:
    """Print what the parent waits for."""
    print(_MARK + msgspec.json.encode(value).decode(), flush=True)
