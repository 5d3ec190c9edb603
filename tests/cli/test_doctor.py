"""The doctor command: each trouble is found, named, and comes with advice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apsw
import pytest

from moderation_ai.cli.doctor.configuring import is_weak
from moderation_ai.cli.doctor.handling import check_lag
from moderation_ai.cli.doctor.reaching import check_reach, check_refusals
from moderation_ai.cli.doctor.storing import check_file, judge_room
from moderation_ai.config import load
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.stores.base import Counts
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW, URL

GOOD = "c0ffee5ecretc0ffee5ecret0123456789"
CLOSED = "[server]\nport = 1\n[console]\nport = 1\n"


def configure(text: str) -> None:
    Path("moderation-ai.toml").write_text(CLOSED + text)


def doctor(run: Run, *args: str, **more: Any) -> dict[str, list[tuple[str, str]]]:
    """Return statuses and messages by check."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows(run("doctor", "--json", *args, **more)):
        assert row["advice"] or row["status"] == "ok", row
        found.setdefault(row["check"], []).append((row["status"], row["message"]))
    return found


def test_a_wrong_configuration_is_the_only_thing_to_say(run: Run) -> None:
    configure("[servr]\n")
    found = doctor(run)
    assert list(found) == ["configuration"]
    assert found["configuration"][0][0] == "failure"
    assert "moderation-ai.toml:5" in found["configuration"][0][1]


def test_missing_platforms_and_secrets_are_failures(run: Run) -> None:
    assert "no platform is configured" in doctor(run)["secrets"][0][1]
    configure("[platforms.instagram]\n")
    assert doctor(run)["secrets"][0][0] == "failure"


@pytest.mark.parametrize(
    ("text", "check", "status", "said"),
    [
        (f'[platforms.x]\nsecrets = "{GOOD}"\n', "secrets", "ok", "twitter: 1 live"),
        (f'[platforms.x]\nsecrets = "{GOOD}"\n', "platforms", "ok", "`serve` serves twitter"),
        ('[platforms.medium]\nwatch = "@rye"\n', "platforms", "ok", "`serve` only polls medium"),
        (f'[platforms.x]\nsecrets = ["{GOOD}", "short"]\n', "secrets", "warning", "secret 2 of 2 can be guessed"),
        ("[platforms.x]\nallow_unverified = true\n", "secrets", "warning", "whoever sends them"),
        (f'[platforms.instagram]\nsecrets = "{GOOD}"\n', "handshake", "warning", "there is no verify_token"),
        (f'[platforms.x]\nsecrets = "{GOOD}"\ngeneric = true\n', "generic", "warning", "X-Signature"),
        (f'[platforms.x]\nsecrets = "{GOOD}"\npubsub.audience = "us"\n', "secrets", "failure", "take the section out"),
        (
            '[platforms.youtube.pubsub]\naudience = "us"\nservice_account = "p@x.example"\n',
            "pubsub",
            "ok",
            "tokens of p@x.example for us",
        ),
    ],
)
def test_the_configuration_is_looked_through(run: Run, text: str, check: str, status: str, said: str) -> None:
    configure(text)
    found = doctor(run)
    assert found[check][0][0] == status
    assert said in found[check][0][1]


@pytest.mark.parametrize(
    ("server", "check", "status"),
    [
        ('allowed_ips = "0.0.0.0/0"', "allowed_ips", "warning"),
        ('allowed_ips = "192.0.2.0/24"', "allowed_ips", "ok"),
        ("", "allowed_ips", "ok"),
        ("", "public_url", "warning"),
        ('public_url = "http://127.0.0.1:1"', "public_url", "warning"),
        ('public_url = "http://127.0.0.1:1"', "reachable", "failure"),
    ],
)
def test_the_doors_are_looked_at(run: Run, server: str, check: str, status: str) -> None:
    Path("moderation-ai.toml").write_text(
        f'[server]\nport = 1\n{server}\n[console]\nport = 1\n[platforms.x]\nsecrets = "{GOOD}"\n'
    )
    assert doctor(run)[check][0][0] == status


def test_a_gateway_that_does_not_run_is_a_failure(run: Run) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    found = doctor(run)
    assert found["gateway"][0][0] == "failure"
    assert "nobody listens at http://127.0.0.1:1/webhook" in found["gateway"][0][1]
    assert found["console"][0][0] == "warning"


@pytest.mark.parametrize(
    ("secret", "weak"),
    [
        (GOOD, False),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", False),
        ("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----", False),
        ("correct horse battery staple", False),
        ("short", True),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", True),
        ("ababababababababababab", True),
        ("your_webhook_secret", True),
        ("webhook-secret-123", True),
        ("my-app-secret-key", True),
        ("changeme123456", True),
    ],
)
def test_a_weak_secret_is_known_by_its_look(secret: str, weak: bool) -> None:
    assert is_weak(secret) is weak


def test_no_secret_is_printed(run: Run) -> None:
    configure('[platforms.x]\nsecrets = ["hunter2", "your_secret"]\n')
    for args in (["doctor"], ["doctor", "--json"]):
        output = run(*args).output
        assert "hunter2" not in output
        assert "your_secret" not in output


def test_a_store_that_is_not_there_yet_is_not_made(run: Run, folder: Path) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    found = doctor(run)
    assert found["store"] == [("warning", "there is no store at moderation.db yet")]
    assert [file.name for file in folder.iterdir()] == ["moderation-ai.toml"]
    assert doctor(run, "--store", "sqlite:///nowhere/x.db")["store"][0][0] == "failure"
    assert doctor(run, "--store", "memory://")["store"][0][0] == "warning"


@pytest.mark.usefixtures("filled")
def test_a_good_store_has_its_checks(run: Run) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    found = doctor(run)
    for check in ("store", "schema", "integrity", "writing", "clock", "lag"):
        assert found[check][0][0] == ("warning" if check == "lag" else "ok"), check
    assert "disk" in found
    assert found["lag"][0][1] == "5 events, 1 pending, the oldest for 3600 s"


@pytest.mark.usefixtures("filled")
def test_an_older_and_a_newer_schema_are_failures(run: Run) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    for number, said in ((0, "older than this program's"), (9999, "newer than this program's")):
        connection = apsw.Connection("moderation.db")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.close()
        found = doctor(run)
        assert found["schema"][0][0] == "failure"
        assert said in found["schema"][0][1]
        assert found["events"][0][0] == "failure"


def test_a_file_that_is_no_store_is_a_failure(run: Run) -> None:
    Path("moderation.db").write_text("a letter to my aunt" * 100)
    assert doctor(run)["store"][0][0] == "failure"


@pytest.mark.usefixtures("filled")
def test_a_damaged_store_is_a_failure(run: Run) -> None:
    connection = apsw.Connection("moderation.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").get
    size = connection.execute("PRAGMA page_size").get
    connection.close()
    with Path("moderation.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)
    found = doctor(run)
    assert found["integrity"][0][0] == "failure"


@pytest.mark.usefixtures("filled")
def test_what_became_of_events_is_said(run: Run) -> None:
    Path("inbox_d.py").write_text(
        "from moderation_ai.webhooks.handler import WebhookHandler\n"
        "handler = WebhookHandler()\n"
        "@handler.on('comment.*', name='app.judge')\n"
        "def judge(event): ...\n"
    )
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    found = doctor(run, "inbox_d:handler")
    assert found["handlers"] == [("ok", "app.judge")]
    assert ("warning", "app.judge: 1") in found["dead letters"]
    assert ("warning", "app.count: 1; no handler has that name any more") in found["dead letters"]
    assert found["unhandled"] == [("warning", "post.created: 1 arrived and no handler took them")]
    printed = run("doctor", "inbox_d:handler").stdout
    assert '-> register one: @handler.on("post.created")' in printed
    assert "--handler app.count" in printed


@pytest.mark.usefixtures("filled")
def test_missing_and_broken_handlers_are_said(run: Run) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    assert doctor(run)["handlers"][0][0] == "warning"
    found = doctor(run, "nowhere:handler")
    assert found["handlers"][0][0] == "failure"
    assert "dead letters" in found


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("when", [NOW - timedelta(hours=3), NOW.replace(year=2020)])
def test_a_clock_that_cannot_be_right_is_a_failure(run: Run, when: Any) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    assert doctor(run, clock=ManualClock(when))["clock"][0][0] == "failure"


@pytest.mark.usefixtures("filled")
def test_a_platform_that_posts_to_two_addresses_is_said(run: Run) -> None:
    async def register() -> None:
        store = open_store(URL)
        for number in (1, 2):
            await store.save_subscription(
                Subscription(id=f"wh_{number}", url=f"https://{number}.example/webhook/x", platform="twitter")
            )
        await store.close()

    asyncio.run(register())
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    assert doctor(run)["registrations"] == [("warning", "twitter posts to 2 addresses")]


def test_refusals_of_the_running_gateway_are_explained() -> None:
    found = list(
        check_refusals(
            {
                "rejected": {
                    "twitter:StaleTimestamp": 4,
                    "tiktok:StaleTimestamp": 3,
                    "twitter:InvalidSignature": 9,
                    "other:UnknownPlatform": 1,
                    "generic:AddressNotAllowed": 2,
                    "youtube:PlatformUnavailable": 5,
                }
            }
        )
    )
    assert [(one.check, one.status) for one in found] == [
        ("stale requests", "warning"),
        ("allowed_ips", "warning"),
        ("signatures", "warning"),
        ("keys", "warning"),
    ]
    assert found[0].message.startswith("7 were refused")
    assert [one.status for one in check_refusals({"rejected": {}})] == ["ok"]


def test_the_exit_code_says_whether_anything_does_not_work(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "failure" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(("free", "status"), [(50 << 20, "failure"), (500 << 20, "warning"), (50 << 30, "ok")])
def test_a_disk_that_is_nearly_full_is_said(free: int, status: str) -> None:
    assert judge_room(free, Path("/data")).status == status


@pytest.mark.usefixtures("filled")
def test_a_store_that_another_process_keeps_locked_is_a_failure(run: Run) -> None:
    configure(f'[platforms.x]\nsecrets = "{GOOD}"\n')
    other = apsw.Connection("moderation.db")
    other.execute("BEGIN IMMEDIATE")
    found = list(check_file(Path("moderation.db")))
    other.execute("ROLLBACK")
    other.close()
    assert [one.status for one in found if one.check == "writing"] == ["failure"]


def test_events_that_wait_for_long_are_said() -> None:
    waiting = Counts(total=7, by_status={"pending": 2}, oldest_pending_at=NOW - timedelta(minutes=10))
    assert check_lag(waiting, NOW).message == "7 events, 2 pending, the oldest for 600 s"
    assert check_lag(Counts(), NOW).status == "ok"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"rejected": {}}', {"reachable": "ok", "console": "ok", "refusals": "ok"}),
        (404, b"nothing here", {"reachable": "ok", "console": "warning"}),
        (200, b'{"rejected": 5}', {"reachable": "ok", "console": "warning"}),
        (502, b"bad gateway", {"reachable": "failure", "console": "warning"}),
    ],
)
def test_what_answers_at_the_addresses_is_looked_at(
    answering: Callable[[int, bytes], str], status: int, body: bytes, expected: dict[str, str]
) -> None:
    url = answering(status, body)
    port = url.rpartition(":")[2]
    configured = load(
        environ={
            "MODERATION_AI_SERVER__PUBLIC_URL": url,
            "MODERATION_AI_SERVER__PORT": port,
            "MODERATION_AI_CONSOLE__PORT": port,
        }
    ).settings
    found = {one.check: one.status for one in check_reach(configured, "token")}
    assert found == {"gateway": expected["reachable"], **expected}


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], str]]:
    """Give what answers every GET with a status and a body, and return its address."""
    stops: list[Callable[[], None]] = []

    def begin(status: int, body: bytes) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Be quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stops.extend([server.shutdown, thread.join, server.server_close])
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield begin
    for stop in stops:
        stop()


def test_a_policy_is_handler_enough(run: Run) -> None:
    env = {"MODERATION_AI_POLICY__AUTOMATIC": "true"}
    ((status, message),) = doctor(run, env=env)["handlers"]
    assert status == "ok"
    assert "judged by the policy default@" in message
