"""Run the project's commands, each on a fresh machine too: demo, test, check, bench, chaos, fuzz, lock."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from installation import (
    REQUIREMENTS,
    ROOT,
    VENV,
    die,
    find_uv,
    installing_environment,
    our_environment,
    run,
    say,
    set_up,
    with_pip_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST_PYTHON = (3, 11)

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--cache-dir", ".cache/import-linter"),
)

# What each file of pinned requirements is compiled from.
LOCKED = {
    "uv": ["requirements/uv.in"],
    "run": ["pyproject.toml", "--extra", "postgres", "requirements/run.in"],
    "dev": ["pyproject.toml", "--extra", "postgres", "requirements/run.in", "requirements/dev.in"],
}


def become(program: str, *args: str, **defaults: str) -> NoReturn:
    """Replace this process by a program of the virtualenv: signals, output and exit code are its own."""
    os.chdir(ROOT)
    os.execve(VENV / "bin" / program, [program, *args], defaults | our_environment())


def setup(args: list[str]) -> None:
    """Install only: what demo needs, or with --dev what test needs."""
    set_up("dev" if "--dev" in args else "run")
    say("ready")


def demo(args: list[str]) -> None:
    """Run the demonstration; arguments go to `moderation-ai demo`."""
    set_up("run")
    become("moderation-ai", "demo", *args)


def test(args: list[str]) -> None:
    """Run the tests; arguments go to pytest."""
    set_up("dev")
    become("pytest", *args)


def chaos(args: list[str]) -> None:
    """Run the proofs that kill, cut and starve, in their long form; arguments go to pytest."""
    set_up("dev")
    rounds = {"MODERATION_AI_CHAOS_ROUNDS": "200", "MODERATION_AI_FAULT_SCENARIOS": "640"}
    become("pytest", "-m", "chaos", "--timeout=0", "tests/proofs", "tests/acting", *args, **rounds)


def fuzz(args: list[str]) -> None:
    """Run a million cases through all platforms, then the property tests with many examples; arguments go to pytest."""
    set_up("dev")
    if not passes(("python", "-m", "tests.fuzz"), of="fuzz"):
        die("a platform broke; each case is printed with its number, by which it runs again: python -m tests.fuzz")
    become("pytest", "-m", "fuzz", "--timeout=0", *args, MODERATION_AI_FUZZ_EXAMPLES="20000")


def bench(args: list[str]) -> None:
    """Run the benchmarks; arguments go to `python -m bench`."""
    set_up("dev")
    become("python", "-m", "bench", *args)


def check(args: list[str]) -> None:
    """Run all that a change must pass, to the end even if one fails; arguments go to pytest."""
    set_up("dev")
    steps = [*CHECKS, ("pytest", *args)]
    failed = [" ".join(step) for step in steps if not passes(step)]
    for step in failed:
        print(f"check: FAILED: {step}", file=sys.stderr)
    if failed:
        raise SystemExit(1)
    print("check: all passed", file=sys.stderr)


def passes(step: tuple[str, ...], of: str = "check") -> bool:
    """Run one step of a command and tell whether it passed."""
    print(f"{of}: {' '.join(step)}", file=sys.stderr, flush=True)
    program = str(VENV / "bin" / step[0])
    return subprocess.run([program, *step[1:]], cwd=ROOT, env=our_environment(), check=False).returncode == 0


def lock(args: list[str]) -> None:
    """Compile requirements/*.txt again; arguments go to uv, as --upgrade or --upgrade-package NAME."""
    env = installing_environment()
    uv = find_uv(env)
    env = with_pip_settings(env, only_default_index=True)
    # No address of an index may stand in the repository: hence these options, and no uv.lock.
    shape = ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet", "--no-header"]
    shape += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    for kind, sources in LOCKED.items():
        target = str((REQUIREMENTS / f"{kind}.txt").relative_to(ROOT))
        run([uv, "pip", "compile", *shape, *args, *sources, "-o", target], env)
        say(f"wrote {target}")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    command.__name__: command for command in (setup, demo, test, check, bench, chaos, fuzz, lock)
}


def usage() -> str:
    """Return the list of commands."""
    lines = [f"  {name:6} {command.__doc__}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: python3 tools/dev.py COMMAND [ARGUMENT ...]", *lines])


def main(argv: list[str]) -> None:
    """Run the command that is named first; the rest are its arguments."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        die(
            f"Python {wanted} or newer is needed, {sys.executable} is {sys.version.split()[0]}. "
            f"Name another one: `make demo PYTHON=/path/to/python{wanted}`."
        )
    if argv[:1] in (["-h"], ["--help"], ["help"]):
        print(usage())
    elif argv and argv[0] in COMMANDS:
        COMMANDS[argv[0]](argv[1:])
    else:
        print(usage(), file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
