"""The quick start works for a stranger, word by word: its files, its commands, what they print."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blocks import blocks_of
from tests.cli.serving import environment, served

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "quick-start.md").read_text("utf-8")
WORKING, FAILING = (block.text for block in blocks_of(PAGE) if block.language == "python")
(SETTINGS,) = (block.text for block in blocks_of(PAGE) if block.language == "toml")


def commands(step: int) -> list[str]:
    """Return the commands of a numbered step, in order."""
    blocks = [
        block.text for block in blocks_of(PAGE) if block.language == "console" and block.heading.startswith(f"{step}.")
    ]
    return [line.removeprefix("$ ") for text in blocks for line in text.splitlines() if line.startswith("$ ")]


def free_ports() -> dict[str, str]:
    """Return settings with two ports that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [str(each.getsockname()[1]) for each in (one, two)]
    return {"SERVER__PORT": ports[0], "CONSOLE__PORT": ports[1]}


class Stranger:
    """Somebody who has activated the ``.venv`` and types what the page says."""

    def __init__(self) -> None:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = environment(**free_ports()) | {"PATH": programs}
        self.event_id = ""

    def types(self, command: str, expected: int = 0) -> str:
        """Run a command, with the newest event's id for ``evt_...``, and return what it prints."""
        words = [self.event_id if word == "evt_..." else word for word in shlex.split(command)]
        ran = subprocess.run(words, env=self.env, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == expected, f"{command}: {ran.stdout}{ran.stderr}"
        if found := re.search(r"evt_[a-z2-7]{26}", ran.stdout):
            self.event_id = found[0]
        return ran.stdout


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    monkeypatch.chdir(tmp_path)
    Path("moderation-ai.toml").write_text(SETTINGS)
    return Stranger()


def test_it_begins_with_what_the_makefile_has_and_activates_what_that_makes() -> None:
    demo, activate, folder = commands(1)
    assert demo.startswith("make demo ")
    assert (activate, folder) == (". .venv/bin/activate", "mkdir -p inbox && cd inbox")


def test_what_is_sent_is_handled_looked_at_and_replayed(stranger: Stranger) -> None:
    Path("inbox.py").write_text(WORKING)
    (check,), (serve,) = commands(3), commands(4)
    assert stranger.types(check) in PAGE
    assert serve == "moderation-ai serve inbox:handler"
    trigger, listing, show, doctor, replay = commands(5)
    with served("inbox:handler", env=stranger.env) as gateway:
        assert gateway.line.startswith("ready gateway=http://127.0.0.1:")
        assert "200" in stranger.types(trigger)
        line = gateway.child.stdout.readline().decode()  # type: ignore[union-attr]  # it is a pipe
        assert re.fullmatch(r"instagram \d+ approve\n", line)
        assert "comment.created" in stranger.types(listing)
        assert "inbox.look" in stranger.types(show)
        assert "0 failures" in stranger.types(doctor)
        stranger.types(replay)
        assert gateway.child.stdout.readline().decode() == line  # type: ignore[union-attr]  # it is a pipe
        assert gateway.end(signal.SIGINT) == 130


def test_what_is_forged_is_refused_and_what_fails_is_tried_again(stranger: Stranger) -> None:
    Path("inbox.py").write_text(FAILING)
    forge, trigger, pending, show = commands(6)
    with served("inbox:handler", env=stranger.env) as gateway:
        assert "401" in stranger.types(forge, expected=1)
        stranger.types(trigger)
        while not stranger.types(pending).strip() or "the archive is closed" not in stranger.types(show):
            assert gateway.child.poll() is None
        assert gateway.end(signal.SIGINT) == 130
    assert "1 event" in stranger.types("moderation-ai doctor inbox:handler", expected=1)
    Path("inbox.py").write_text(WORKING)
    with served("inbox:handler", env=stranger.env) as gateway:
        # Where the retry is due by now, it may run before the gateway is ready.
        said = [gateway.line, gateway.child.stdout.readline().decode()]  # type: ignore[union-attr]  # it is a pipe
        assert any(line.startswith("instagram ") for line in said)
        assert gateway.end(signal.SIGTERM) == 0
    assert "done" in stranger.types(show)
