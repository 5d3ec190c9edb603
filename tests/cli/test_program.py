"""The program as a whole: its commands, its exit codes, and how it ends when something is wrong."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import pytest

from moderation_ai import __version__
from moderation_ai.cli import cli
from moderation_ai.cli.terminal.errors import answering
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.events import to_json
from tests.cli.conftest import Run
from tests.cli.filling import URL, comment, fill
from tests.cli.serving import PATIENCE, environment

READING = [
    ["events", "list"],
    ["events", "list", "--limit", "1"],
    ["events", "show", "evt_x"],
    ["events", "tail"],
    ["events", "export"],
    ["events", "replay", "evt_x"],
    ["dead-letters", "list"],
    ["dead-letters", "retry", "--all"],
    ["dead-letters", "drop", "--all"],
    ["db", "status"],
]


def test_shows_its_version_and_its_commands(run: Run) -> None:
    assert __version__ in run("--version").stdout
    helped = run("--help").stdout
    for name in ("config", "db", "dead-letters", "demo", "doctor", "events", "platforms", "serve", "trigger"):
        assert f"  {name} " in helped
    assert "130 interrupted" in helped


def test_every_command_explains_itself(run: Run) -> None:
    for name in cli.list_commands(click.Context(cli)):
        result = run(name, "--help")
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: moderation-ai")


@pytest.mark.parametrize("args", [["nonsense"], ["events", "nonsense"], ["events", "list", "--nonsense"]])
def test_what_is_not_understood_is_wrong_use(run: Run, args: list[str]) -> None:
    assert run(*args).exit_code == 2


@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_a_store_that_is_not_there_is_said_so_and_not_made(run: Run, folder: Path, args: list[str]) -> None:
    result = run(*args)
    assert result.exit_code == 4
    assert "there is no store at moderation.db" in result.stderr
    assert "moderation-ai serve" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_a_file_that_is_no_store_is_said_so(run: Run, args: list[str]) -> None:
    Path("moderation.db").write_text("this is a letter to my aunt, and no database at all" * 50)
    result = run(*args)
    assert result.exit_code == 4
    assert len(result.stderr.splitlines()) == 1
    assert "moderation.db" in result.stderr
    assert Path("moderation.db").read_text().startswith("this is a letter")


def test_a_store_in_memory_cannot_be_looked_into(run: Run) -> None:
    result = run("events", "list", "--store", "memory://")
    assert result.exit_code == 3
    assert "no command can look into it" in result.stderr


@pytest.mark.parametrize(
    "args", [["config", "check"], ["config", "show"], ["events", "list"], ["db", "status"], ["trigger", "x", "y"]]
)
def test_a_wrong_configuration_is_one_line_with_its_place(run: Run, args: list[str]) -> None:
    Path("moderation-ai.toml").write_text("[server]\nprot = 1\n")
    result = run(*args)
    assert result.exit_code == 3
    assert result.stderr.startswith("moderation-ai: moderation-ai.toml:2: there is no setting 'prot'")
    assert len(result.stderr.splitlines()) == 1


def test_debug_shows_the_traceback_and_keeps_the_exit_code(run: Run) -> None:
    result = run("--debug", "events", "list")
    assert result.exit_code == 4
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("moderation-ai: there is no store")


def test_the_traceback_of_debug_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ctx = click.Context(cli, obj=Invocation())
    ctx.obj.debug = True
    with pytest.raises(click.exceptions.Exit), answering(ctx):
        raise ModerationError("what a stranger wrote: \x07\u202e")
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert not {"\x07", "\u202e"} & set(shown)


def test_the_configuration_and_the_store_can_be_named_before_and_after_the_command(run: Run) -> None:
    fill(URL)
    Path("moderation.db").rename("named.db")
    Path("c.toml").write_text("[store]\nurl = 'sqlite:///named.db'\n")
    for args in (
        ["--config", "c.toml", "events", "list"],
        ["events", "list", "--config", "c.toml"],
        ["--store", "sqlite:///named.db", "events", "list"],
        ["events", "list", "--store", "sqlite:///named.db"],
        ["--config", "nowhere.toml", "events", "list", "--config", "c.toml"],
    ):
        assert len(run(*args).stdout.splitlines()) == 5, args


def test_a_configuration_that_is_named_must_be_there(run: Run) -> None:
    result = run("--config", "nowhere.toml", "config", "check")
    assert result.exit_code == 3
    assert "nowhere.toml: there is no such file" in result.stderr


def test_a_terminal_gets_a_screenful_and_a_pipe_everything(folder: Path, run: Run) -> None:
    many = b"\n".join(to_json(comment(number).event) for number in range(60))
    Path("many.jsonl").write_bytes(many)
    assert run("db", "upgrade").exit_code == 0
    assert run("events", "replay", "--file", "many.jsonl", "--yes").exit_code == 0
    assert len(run("events", "list").stdout.splitlines()) == 60
    seen, said = on_terminal("events", "list")
    assert len(seen.splitlines()) == 50
    assert all(len(line) <= 80 for line in seen.splitlines())
    assert "these are the newest 50; --limit shows more" in said
    assert len(on_terminal("events", "list", "--limit", "55")[0].splitlines()) == 55
    assert len(on_terminal("events", "list", "--json")[0].splitlines()) == 60


def on_terminal(*args: str) -> tuple[str, str]:
    """Return what a command writes to a terminal of 80 columns, and to its standard error."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "moderation_ai", *args]
    env = environment() | {"COLUMNS": "80", "LINES": "24"}
    child = subprocess.Popen(command, env=env, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # Linux says EIO where the other side has gone.
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    _, errors = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, errors
    return written.decode(), errors


@pytest.mark.parametrize(("answer", "code", "stored"), [(b"n\n", 1, 0), (b"y\n", 0, 30)])
def test_a_person_is_asked_before_much_is_changed(
    folder: Path, run: Run, answer: bytes, code: int, stored: int
) -> None:
    Path("many.jsonl").write_bytes(b"\n".join(to_json(comment(number).event) for number in range(30)))
    assert run("db", "upgrade").exit_code == 0
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    command = [sys.executable, "-m", "moderation_ai", "events", "replay", "--file", "many.jsonl"]
    done = subprocess.run(command, env=environment(), stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code
    assert "replay 30 events? [y/N]" in done.stderr
    assert len(run("events", "list").stdout.splitlines()) == stored


def test_an_interrupted_command_says_so(folder: Path) -> None:
    fill(URL)
    command = [sys.executable, "-m", "moderation_ai", "events", "tail", "--last", "1"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=PATIENCE)
    assert (child.returncode, errors) == (130, b"")


def test_a_reader_that_has_gone_away_ends_it_quietly(folder: Path) -> None:
    fill(URL)
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "moderation_ai", "events", "export"]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, check=False, text=True)
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [1, 2])
def test_a_stream_that_is_closed_is_no_error(folder: Path, number: int) -> None:
    fill(URL)
    for args in (["events", "list", "--json"], ["events", "export"], ["db", "status"]):
        command = ["sh", "-c", f'exec "$@" {number}>&-', "sh", sys.executable, "-m", "moderation_ai", *args]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), args


def test_interrupted_while_it_is_loaded_it_ends_as_quietly() -> None:
    script = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "moderation_ai.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from moderation_ai.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--platform", "instgram"], "no platform is called 'instgram': did you mean instagram?"),
        (["--platform", "myspace"], "no platform is called 'myspace'\n"),
        (["--type", "comment.creatd"], "no event type is called 'comment.creatd': did you mean comment.created?"),
        (["--type", "coment.*"], "no event type is called 'coment.*': did you mean comment.*?"),
    ],
)
def test_a_filter_that_may_be_misspelt_is_said_so(run: Run, options: list[str], said: str) -> None:
    result = run("events", "list", "--json", *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert said in result.stderr


@pytest.mark.usefixtures("filled")
def test_a_filter_that_is_known_is_not_spoken_of(run: Run) -> None:
    for options in (["--platform", "X"], ["--type", "comment.*"], ["--type", "*"], ["--type", "unknown"]):
        assert run("events", "list", *options).stderr == ""
