"""Make `.venv` on a fresh machine: fetch uv, install the hash-pinned requirements and the project itself."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

    Environment = dict[str, str]

OLDEST_UV = (0, 11)  # The first that knows UV_SYSTEM_CERTS.

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
CACHE = ROOT / ".cache"
REQUIREMENTS = ROOT / "requirements"

# What an activated foreign environment or an image's defaults would smuggle into ours.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_PREFIX")

# uv does not read pip's configuration; a machine that configured only pip must work all the same.
FROM_PIP_TO_UV = {
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
}
# uv's own settings of where packages come from: where one is made, pip's are not looked at.
UV_PLACES = re.compile("UV_(CONFIG_FILE|FIND_LINKS|DEFAULT_INDEX|(EXTRA_)?INDEX(_URL)?)")


def say(text: str) -> None:
    """Print a line of progress on stderr: stdout belongs to the command that is run."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def die(text: str) -> NoReturn:
    """End with a message for the person at the terminal."""
    say(text)
    raise SystemExit(1)


def run(command: list[str], env: Environment) -> None:
    """Run a step with its output on stderr; end if it fails."""
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=sys.stderr, check=False)
    if done.returncode:
        die(f"failed with exit code {done.returncode}: {' '.join(command)}")


def answer(command: list[str], env: Environment) -> str:
    """Return what a program prints on stdout; nothing if it cannot run or fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout


# --- environments ---


def our_environment() -> Environment:
    """Return the caller's environment with our virtualenv active and no foreign one."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = os.pathsep.join([str(VENV / "bin"), env.get("PATH", os.defpath)])
    return env


def installing_environment() -> Environment:
    """Return the environment in which pip and uv run."""
    env = our_environment()
    env |= {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "UV_PYTHON_DOWNLOADS": "never"}
    env.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    env.setdefault("PIP_ROOT_USER_ACTION", "ignore")
    env.setdefault("UV_SYSTEM_CERTS", "1")
    if not home_is_usable():
        env.setdefault("UV_CACHE_DIR", str(CACHE / "uv"))
        env.setdefault("PIP_CACHE_DIR", str(CACHE / "pip"))
    return env


def home_is_usable() -> bool:
    """Tell whether this user has a place for caches: a home that exists and may be written."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or "/")
    return home != Path("/") and home.is_dir() and os.access(home, os.W_OK)


def with_pip_settings(env: Environment, *, only_default_index: bool = False) -> Environment:
    """Return the environment with pip's settings said in uv's words; what is set for uv itself stands."""
    if any(UV_PLACES.fullmatch(name) for name in env):
        return env
    listed = answer([sys.executable, "-m", "pip", "config", "list"], env)
    # Sorted, because the more particular has the last word: [global], [install], the environment.
    lines = sorted(listed.splitlines(), key=lambda line: line.startswith(":env:"))
    settings = re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", "\n".join(lines), re.MULTILINE)
    translated = {FROM_PIP_TO_UV[key]: in_uvs_words(key, v) for key, v in settings if key in FROM_PIP_TO_UV}
    if only_default_index:
        translated.pop("UV_INDEX", None)
        translated.pop("UV_FIND_LINKS", None)
    # Everything is pinned by its hash, so it does not matter which of the indexes has it.
    translated["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in translated.items() if value} | env


def in_uvs_words(key: str, value: str) -> str:
    """Return the value of one of pip's settings as uv's variable wants it."""
    places = value.replace("\\n", " ").split()
    if key in ("extra-index-url", "find-links"):
        # pip passes over a folder that is not there, uv ends with an error.
        places = [place for place in places if not is_missing_folder(place)]
    return ("," if key == "find-links" else " ").join(places)


def is_missing_folder(place: str) -> bool:
    """Tell whether a place names a folder of this machine that this user cannot list."""
    path = place.removeprefix("file://")
    return "://" not in path and not os.access(path, os.R_OK | os.X_OK)


# --- uv ---


def version_of(uv: str, env: Environment) -> tuple[int, ...]:
    """Return the version of a uv executable; an empty tuple if it does not run."""
    found = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer([uv, "--version"], env))
    return tuple(map(int, found.groups())) if found else ()


def pinned_uv() -> tuple[int, ...]:
    """Return the version that `requirements/uv.txt` pins."""
    found = re.search(r"^uv==(\d+)\.(\d+)\.(\d+)", (REQUIREMENTS / "uv.txt").read_text(), re.MULTILINE)
    return tuple(map(int, found.groups())) if found else ()


def find_uv(env: Environment) -> str:
    """Return a uv to use: the one on PATH if it is new enough, else ours, fetched when it is not there."""
    on_path = shutil.which("uv", path=os.environ.get("PATH"))
    if on_path and version_of(on_path, env) >= OLDEST_UV:
        return on_path
    ours = str(TOOLS / "bin" / "uv")
    if version_of(ours, env) != pinned_uv():
        fetch_uv(env)
    return ours


def fetch_uv(env: Environment) -> None:
    """Put the pinned uv into `.tools` by pip, which needs neither root nor a virtualenv for that."""
    say("fetching uv")
    shutil.rmtree(TOOLS, ignore_errors=True)
    wanted = ["--only-binary=:all:", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")]
    run([*find_pip(env), "install", "-qq", "--target", str(TOOLS), *wanted], env)


def find_pip(env: Environment) -> list[str]:
    """Return the command that runs pip: a virtualenv may lack it while its base interpreter has it."""
    base = Path(sys.base_prefix) / "bin" / "python{}.{}".format(*sys.version_info)
    for python in (sys.executable, str(base)):
        if answer([python, "-m", "pip", "--version"], env):
            return [python, "-m", "pip"]
    die(f"{sys.executable} has no pip. Install it (Debian: apt install python3-pip) or put uv on PATH.")


# --- the virtualenv ---


def identity() -> str:
    """Return what a virtualenv is bound to: the kind of interpreter and the place where it was made."""
    return f"{sys.implementation.cache_tag} {sys.platform} {ROOT}"


def fingerprint(kind: str) -> str:
    """Return a hash of all that decides what the virtualenv of this kind must hold."""
    files = [REQUIREMENTS / f"{kind}.txt", ROOT / "pyproject.toml"]
    parts = [identity().encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def stamp(kind: str) -> Path:
    """Return the file that says for which fingerprint the set of this kind was installed."""
    return VENV / f"installed-{kind}"


def is_ours() -> bool:
    """Tell whether `.venv` was made here, by this kind of interpreter, which can still be run."""
    made_by = VENV / "made-by"
    runs = os.access(VENV / "bin" / "python", os.X_OK)
    return runs and made_by.exists() and made_by.read_text() == identity()


def is_current(kind: str) -> bool:
    """Tell whether the virtualenv holds what this kind needs; the development set holds the run set too."""
    stamped = [k for k in dict.fromkeys([kind, "dev"]) if stamp(k).exists()]
    return is_ours() and any(stamp(k).read_text() == fingerprint(k) for k in stamped)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of the set-up, so that two commands at once do not install over each other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(kind: str) -> None:
    """Make `.venv` hold the set of this kind ("run" or "dev") and the project; do nothing if it does."""
    if is_current(kind):
        return
    try:
        with alone():
            if not is_current(kind):
                # A virtualenv that has the development set keeps it.
                install("dev" if stamp("dev").exists() else kind)
    except PermissionError as error:
        die(f"this user may not write {error.filename}: remove it, or use a checkout of your own.")


def install(kind: str) -> None:
    """Install the set of this kind and the project, into a new virtualenv if there is none of ours."""
    env = installing_environment()
    uv = find_uv(env)
    env = with_pip_settings(env)
    if not is_ours():
        say(f"making .venv with Python {sys.version.split()[0]}")
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], env)
        (VENV / "made-by").write_text(identity())
    say(f"installing requirements/{kind}.txt")
    stamp(kind).unlink(missing_ok=True)
    into = ["--quiet", "--python", str(VENV / "bin" / "python")]
    run([uv, "pip", "sync", *into, "--no-build", "--require-hashes", str(REQUIREMENTS / f"{kind}.txt")], env)
    # Build isolation would fetch an unpinned hatchling: it is among the pinned packages instead.
    run([uv, "pip", "install", *into, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], env)
    stamp(kind).write_text(fingerprint(kind))
