"""Each host's example is run by the command of its README, and answers over real HTTP as the gateway does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.platforms import find_platform
from tests.blocks import blocks_of
from tests.webhooks.children import our_environment
from tests.webhooks.serving import Reply, ask, post

EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTS = sorted(path.parent.name for path in EXAMPLES.glob("*/app.py"))
SETTINGS = {"WEBHOOK_SECRET": "a secret of tests", "VERIFY_TOKEN": "a token of tests", "DJANGO_SECRET_KEY": "x" * 50}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Host:
    """An example that is served by a process of its own, and the lines that it prints."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        self.port = 0
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            command_of(folder), cwd=folder, env=our_environment() | SETTINGS, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                if not self.port and (found := _ADDRESS.search(line)):
                    self.port = int(found[1])
                self._changed.notify_all()

    def wait_for(self, text: str) -> None:
        """Return once a line begins with ``text``; fail after a minute."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.count(text) > 0, 60), self.lines

    def count(self, text: str) -> int:
        """Return how many lines begin with ``text``."""
        return sum(line.startswith(text) for line in self.lines)

    def wait_for_port(self) -> None:
        """Return once the server says where it listens; fail after a minute."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.port > 0, 60), self.lines

    def stop(self) -> None:
        """End the server as its process manager would."""
        self._process.terminate()
        self._process.wait(60)
        self._reader.join(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def deliver(self, number: int, **headers: str) -> Reply:
        """Post one of Instagram's comments, signed unless headers say otherwise."""
        body = find_platform("instagram").samples(datetime.now(UTC), number)[0].body
        return post(self.port, "/webhook/instagram", body, headers or signed("instagram", body))


def command_of(folder: Path) -> list[str]:
    """Return the second command of an example's README, on a free port and by this interpreter's programs."""
    (commands,) = [
        block.text for block in blocks_of((folder / "README.md").read_text("utf-8")) if "pip install" in block.text
    ]
    program, *arguments = shlex.split(commands.splitlines()[1].removeprefix("$ "))
    if program == "gunicorn":
        arguments.append("--no-control-socket")  # It would stand in the home folder, for all to share.
    return [str(Path(sys.executable).parent / program), *(word.replace("8080", "0") for word in arguments)]


def signed(name: str, body: bytes) -> dict[str, str]:
    return find_platform(name).sign(body, SETTINGS["WEBHOOK_SECRET"], datetime.now(UTC))


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Serve a copy of an example's folder: its store is made there."""
    folder = tmp_path_factory.mktemp("host") / request.param
    shutil.copytree(EXAMPLES / request.param, folder)
    running = Host(folder)
    try:
        running.wait_for_port()
        yield running
    finally:
        running.stop()


def test_there_is_an_example_for_every_host() -> None:
    assert HOSTS == ["aiohttp", "django", "fastapi", "flask", "litestar", "starlette"]


@pytest.mark.parametrize("name", HOSTS)
def test_an_example_is_short_and_its_readme_names_every_variable(name: str) -> None:
    app = (EXAMPLES / name / "app.py").read_text("utf-8")
    assert app.count("\n") <= 60
    variables = re.findall(r'environ(?:\.get\(|\[)"(\w+)"', app)
    readme = (EXAMPLES / name / "README.md").read_text("utf-8")
    assert variables
    assert not [variable for variable in variables if f"`{variable}`" not in readme]


def test_what_is_signed_is_stored_and_handled_once(host: Host) -> None:
    first = host.deliver(1)
    assert (first.status, first.json()) == (200, {"new": 1, "duplicates": 0, "ignored": 0})
    again = host.deliver(1)
    assert (again.status, again.json()) == (200, {"new": 0, "duplicates": 1, "ignored": 0})
    host.wait_for("instagram ")
    body = b'{"event_type": "comment.created", "data": {"comment": {"id": "after", "text": "the repeat"}}}'
    assert post(host.port, "/webhook/generic", body, signed("generic", body)).status == 200
    host.wait_for("generic after the repeat")
    assert host.count("instagram ") == 1


def test_what_is_forged_is_refused(host: Host) -> None:
    forged = host.deliver(2, **{"X-Hub-Signature-256": "sha256=" + "0" * 64})
    assert (forged.status, set(forged.json())) == (401, {"error"})


def test_a_handshake_is_answered(host: Host) -> None:
    asked = "/webhook/instagram?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    good = ask(host.port, "GET", asked + "a+token+of+tests")
    assert (good.status, good.body) == (200, b"1158201444")
    assert good.headers["content-type"].startswith("text/plain")
    assert ask(host.port, "GET", asked + "another").status == 403


@pytest.mark.parametrize("size", [MAX_BODY + 1, 4 * MAX_BODY], ids=["by one byte", "by far"])
def test_what_is_too_large_is_refused(host: Host, size: int) -> None:
    body = b"x" * size
    refused = post(host.port, "/webhook/instagram", body, signed("instagram", body))
    assert (refused.status, set(refused.json())) == (413, {"error"})


def test_a_platform_that_is_unknown_is_not_found(host: Host) -> None:
    body = b"{}"
    assert post(host.port, "/webhook/nowhere", body, signed("generic", body)).status == 404


def test_the_apps_own_pages_are_still_its_own(host: Host) -> None:
    answer = ask(host.port, "GET", "/")
    assert (answer.status, answer.json()) == (200, {"app": "yours"})
