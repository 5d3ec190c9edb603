"""The serve command: ready, at work, asked to end, and refused at the start."""

from __future__ import annotations

import http.client
import signal
import socket
import stat
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.cli.filling import URL
from tests.cli.serving import INBOX, SECRET, call, environment, served, usual
from tests.kinds import lasting_url


def get(url: str, **headers: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    status, body = answer.status, answer.read()
    connection.close()
    return status, body


def test_idle_connections_up_to_a_logins_usual_limit_shut_nobody_out(folder: Path) -> None:
    with served("--json", env=usual(), open_files=512) as gateway:
        at = urlsplit(gateway.ready["gateway"])
        with ExitStack() as idle:
            for _ in range(600):
                idle.enter_context(socket.create_connection((at.hostname or "", at.port or 0), timeout=10))
            assert get(gateway.ready["gateway"])[0] == 405
            assert get(f"{gateway.ready['console']}/readyz")[0] == 200


def test_receives_handles_and_is_looked_into_while_it_runs(folder: Path) -> None:
    Path("inbox.py").write_text(INBOX)
    env = usual()
    with served("inbox:handler", "--json", env=env) as gateway:
        assert gateway.ready["status"] == "ready"
        address = gateway.ready["gateway"]
        assert address.startswith("http://127.0.0.1:")
        assert address.endswith("/webhook")

        sent = call("trigger", "generic", "comment.created", "--url", f"{address}/generic", env=env)
        assert sent.returncode == 0, sent.stderr

        done = call("events", "tail", "--since", "1h", "--status", "done", "--limit", "1", "--json", env=env)
        event = msgspec.json.decode(done.stdout)
        assert (event["platform"], event["source"], event["status"]) == ("generic", "webhook", "done")
        assert Path("handled").read_text() == event["event_id"]
        assert call("events", "list", "--json", env=env).stdout.count("\n") == 1

        replayed = call("events", "replay", event["event_id"], env=env)
        assert "1 event will be handled again" in replayed.stderr
        assert get(f"{gateway.ready['console']}/readyz") == (200, gateway.line.strip().encode())
        assert gateway.end(signal.SIGTERM) == 0
    assert SECRET not in Path("log").read_text()


def test_the_ready_line_for_people_is_one_line_with_the_addresses(folder: Path) -> None:
    with served("--host", "localhost", env=usual(SERVER__ENDPOINT="/in")) as gateway:
        word, address, console = gateway.line.split()
        assert word == "ready"
        assert address.startswith("gateway=http://127.0.0.1:")
        assert address.endswith("/in")
        assert console.startswith("console=http://127.0.0.1:")
        assert gateway.end(signal.SIGTERM) == 0


def test_tells_the_address_from_outside_where_one_is_set(folder: Path) -> None:
    env = usual(SERVER__PUBLIC_URL="https://hooks.example.org/", SERVER__ENDPOINT="/in")
    with served("--json", env=env) as gateway:
        assert gateway.ready["public"] == "https://hooks.example.org/in"
        assert get(f"{gateway.ready['console']}/readyz") == (200, gateway.line.strip().encode())
    with served(env=env) as gateway:
        assert "public=https://hooks.example.org/in" in gateway.line.split()


def test_an_interrupted_gateway_says_so(folder: Path) -> None:
    with served(env=usual()) as gateway:
        assert gateway.end(signal.SIGINT) == 130
    assert "Traceback" not in Path("log").read_text()


def test_what_runs_comes_to_its_end_before_it_ends(folder: Path) -> None:
    Path("inbox.py").write_text(INBOX)
    env = usual()
    with served("inbox:handler", "--json", env=env) as gateway:
        url = f"{gateway.ready['gateway']}/generic"
        assert call("trigger", "generic", "comment.created", "--url", url, env=env).returncode == 0
        assert gateway.end(signal.SIGTERM) == 0
    (event,) = call("events", "list", "--json", env=env).stdout.splitlines()
    assert msgspec.json.decode(event)["status"] == ("done" if Path("begun").exists() else "pending")
    assert Path("begun").exists() == Path("handled").exists()


def test_the_console_asks_for_the_token_that_is_kept_beside_the_store(folder: Path) -> None:
    with served("--json", env=usual(STORE__URL="sqlite:///kept.db")) as gateway:
        health = f"{gateway.ready['console']}/api/v1/health"
        file = Path("kept.db.token")
        token = file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert get(health)[0] == 401
        assert get(health, Authorization=f"Bearer {token}")[0] == 200
        assert gateway.end(signal.SIGTERM) == 0
        log = Path("log").read_text()
        assert "kept.db.token" in log
        assert token not in log


def test_doctor_finds_a_running_gateway_well(folder: Path) -> None:
    Path("inbox.py").write_text(INBOX)
    # On SQLite: doctor rightly finds fault with the tests' PostgreSQL, which does not wait for its disk.
    usual_here = usual(STORE__URL=URL)
    with served("inbox:handler", "--json", env=usual_here) as gateway:
        ports = [str(urlsplit(gateway.ready[name]).port) for name in ("gateway", "console")]
        env = usual_here | {"MODERATION_AI_SERVER__PORT": ports[0], "MODERATION_AI_CONSOLE__PORT": ports[1]}
        forged = call("trigger", "generic", "comment.created", "--secret", "not the secret", env=env)
        assert forged.returncode == 1
        examined = call("doctor", "inbox:handler", "--json", env=env)
        assert gateway.end(signal.SIGTERM) == 0
    found = {row["check"]: row for row in map(msgspec.json.decode, examined.stdout.splitlines())}
    assert examined.returncode == 0, examined.stdout
    assert found["gateway"]["status"] == found["console"]["status"] == "ok"
    assert (
        found["signatures"]["message"] == "generic: 1 request had a signature that is malformed or fits no live secret"
    )


def test_logs_are_json_where_that_is_asked_for(folder: Path) -> None:
    with served("--log-format", "json", "--log-level", "warning", env=usual()) as gateway:
        assert gateway.end(signal.SIGTERM) == 0
    lines = [msgspec.json.decode(line) for line in Path("log").read_bytes().splitlines()]
    assert [line["level"] for line in lines] == ["warning"]
    assert "no handler is loaded" in lines[0]["message"]


@pytest.mark.parametrize(
    ("args", "settings", "said"),
    [
        ([], {}, "no platform is configured"),
        ([], {"PLATFORMS__X__GENERIC": "true"}, "platforms.twitter has no secret"),
        ([], {"PLATFORMS__MYSPACE__SECRETS": "s"}, "no platform is called 'myspace'"),
        (["nowhere:handler"], {"PLATFORMS__X__SECRETS": "s"}, "there is no module 'nowhere'"),
        (["--port", "eighty"], {"PLATFORMS__X__SECRETS": "s"}, "--port: 'eighty' is no whole number"),
        (["--store", "mysql://x"], {"PLATFORMS__X__SECRETS": "s"}, "--store: the store URL 'mysql://x' is not"),
        ([], {"PLATFORMS__X__SECRETS": "s", "SERVER__HOST": "192.0.2.1"}, "cannot listen on 192.0.2.1"),
        ([], {"PLATFORMS__X__SECRETS": "s", "INBOX__URL": "nats://x"}, "not there yet"),
    ],
)
def test_a_start_that_is_refused_says_why(folder: Path, args: list[str], settings: dict[str, str], said: str) -> None:
    refused = call("serve", *args, env=environment(**settings))
    assert refused.returncode == 3, refused.stderr
    assert said in refused.stderr
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--port", "server.port (--port, MODERATION_AI_SERVER__PORT)"),
        ("--console-port", "console.port (--console-port, MODERATION_AI_CONSOLE__PORT)"),
    ],
)
def test_a_port_that_is_taken_is_said_so_and_nothing_is_made(folder: Path, flag: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        before = set(folder.iterdir())
        refused = call("serve", flag, port, env=usual())
    assert refused.returncode == 1
    advice = f"cannot listen on 127.0.0.1, port {port}: another program does; end that one, or change {said}"
    assert f"moderation-ai: {advice}\n" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert set(folder.iterdir()) == before


def test_a_store_that_cannot_be_made_is_said_so(folder: Path) -> None:
    refused = call("serve", "--store", "sqlite:///nowhere/x.db", env=usual())
    assert refused.returncode == 4
    assert "nowhere/x.db" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_arrives_is_kept_in_the_store_that_the_handler_was_made_with(folder: Path) -> None:
    Path("inbox.py").write_text(INBOX.replace("WebhookHandler()", 'WebhookHandler(store="sqlite:///own.db")'))
    with served("inbox:handler", "--json", env=usual()) as gateway:
        sent = call(
            "trigger", "generic", "comment.created", "--url", gateway.ready["gateway"] + "/generic", env=usual()
        )
        assert sent.returncode == 0, sent.stderr
        done = call(
            "events", "tail", "--store", "sqlite:///own.db", "--since", "1h", "--limit", "1", "--json", env=usual()
        )
        assert done.returncode == 0, done.stderr
        assert gateway.end(signal.SIGTERM) == 0
    assert Path("own.db.token").exists()
    assert not Path("moderation.db").exists()


def test_one_port_for_both_is_refused_and_nothing_is_made(folder: Path) -> None:
    done = call("serve", "--port", "18080", "--console-port", "18080", env=usual())
    assert done.returncode == 3
    assert "server.port and console.port are both 18080" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_platform_that_is_only_polled_starts_without_a_secret_and_has_no_address(folder: Path) -> None:
    # As a gateway, which polls nothing: a worker would ask Reddit.
    env = environment(
        PLATFORMS__REDDIT__WATCH="python",
        PLATFORMS__REDDIT__ACCESS_TOKEN="t",
        SERVER__ROLE="gateway",
        SERVER__PORT="0",
        CONSOLE__PORT="0",
        STORE__URL=lasting_url("moderation.db"),
    )
    with served("--json", env=env) as gateway:
        status, _ = get(f"{gateway.ready['gateway']}/reddit")
        assert status == 404
    assert "polling" not in Path("log").read_text()
