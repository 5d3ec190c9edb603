"""The trigger command: what a platform would send, signed, to a real server on this machine."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.cli.trigger.choosing import PUBSUB as BY_PUBSUB
from moderation_ai.cli.trigger.choosing import Target, as_of_account, chosen, types_of
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.jwt import read_keys
from moderation_ai.core.platform import PUSH_TOKEN, Credential, Platform
from moderation_ai.core.pubsub import Pubsub
from moderation_ai.platforms import all_platforms, find_platform
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW
from tests.platforms.fixtures import pem_of, private_keys


class Receiver(ThreadingHTTPServer):
    """Note what was posted, and answer with the status that is asked for."""

    status = 200
    serves: float = math.inf
    """How many requests are answered before it hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Noting)
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Noting(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        if len(self.server.requests) >= self.server.serves:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = Headers.of(dict(self.headers.items()))
        made = Request(path=self.path, headers=headers, body=body, received_at=NOW)
        self.server.requests.append(made)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b'{"new":1}\x1b[2J')

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["generic", "instagram", "twitter", "tiktok", "reddit", "youtube", "medium"])
def test_sends_what_the_platform_itself_would_sign(run: Run, receiver: Receiver, name: str) -> None:
    platform = find_platform(name)
    event = platform.samples(datetime(2026, 1, 1, tzinfo=UTC), 1)[0].name
    result = run("trigger", name, event, "--secret", "s3cret", "--url", f"{receiver.url}/hook?x=1")
    assert result.exit_code == 0, result.stderr
    (request,) = receiver.requests
    assert request.path == "/hook?x=1"
    assert platform.verify(request, Credential(secrets=("s3cret",))) == 0
    assert "200 in " in result.stdout
    assert "\x1b" not in result.stdout


def test_goes_to_the_configured_gateway_with_the_newest_secret(run: Run, receiver: Receiver) -> None:
    Path("moderation-ai.toml").write_text(
        f"""
        [server]
        host = "0.0.0.0"
        port = {receiver.server_address[1]}
        endpoint = "/in"
        [platforms.x]
        secrets = ["new", "old"]
        [platforms.x.accounts.own]
        secrets = ["mine"]
        """
    )
    (sent,) = rows(run("trigger", "x", "post.created", "--json"))
    run("trigger", "x", "post.created", "--account", "own")
    first, second = receiver.requests
    assert sent["url"] == f"{receiver.url}/in/twitter"
    assert (sent["status"], sent["answer"]) == (200, '{"new":1}\x1b[2J')
    assert find_platform("x").verify(first, Credential(secrets=("new",))) == 0
    assert second.path == "/in/twitter/own"
    assert find_platform("x").verify(second, Credential(secrets=("mine",))) == 0


@pytest.mark.parametrize("platform", all_platforms().values(), ids=lambda platform: platform.name)
def test_everything_that_is_listed_can_be_asked_for(platform: Platform) -> None:
    samples = platform.samples(NOW, 1)
    for by_pubsub in (False, True):
        there = [sample for sample in samples if (sample.scheme == BY_PUBSUB) == by_pubsub]
        for sample in there:
            assert chosen(Target(platform, sample.label, "", by_pubsub), there) is sample
            assert chosen(Target(platform, sample.name, "", by_pubsub), there).name == sample.name
    for event_type in set(platform.kinds.values()) - {""}:
        assert event_type in "|".join(types_of(chosen(Target(platform, event_type, ""), samples)))


@pytest.mark.parametrize("platform", all_platforms().values(), ids=lambda platform: platform.name)
def test_what_names_an_account_names_the_one_that_is_played(platform: Platform) -> None:
    for sample in (each for each in platform.samples(NOW, 1) if each.scheme != BY_PUBSUB):
        played = as_of_account(platform, sample, "1799", NOW)
        before, after = (
            platform.parse(Request(body=each.body, headers=Headers.of(each.headers), received_at=NOW)).facts
            for each in (sample, played)
        )
        assert [fact.account_id and "1799" for fact in before] == [fact.account_id for fact in after]
        assert as_of_account(platform, sample, None, NOW) is sample


def test_an_account_is_played_at_its_address_or_at_one_that_is_named(run: Run, receiver: Receiver) -> None:
    Path("moderation-ai.toml").write_text('[platforms.tiktok.accounts.shop]\nid = "open-77"\nsecrets = ["mine"]')
    result = run("trigger", "tiktok", "comment.update:delete", "--account", "shop", "--url", f"{receiver.url}/here")
    assert result.exit_code == 0, result.stderr
    (request,) = receiver.requests
    assert request.path == "/here"
    assert find_platform("tiktok").verify(request, Credential(secrets=("mine",))) == 0
    (fact,) = find_platform("tiktok").parse(request).facts
    assert (fact.event_type, fact.account_id) == ("comment.deleted", "open-77")


def test_goes_through_the_address_from_outside(run: Run, receiver: Receiver) -> None:
    Path("moderation-ai.toml").write_text(
        f"""
        [server]
        endpoint = "/in"
        public_url = "{receiver.url}/behind/a/proxy/"
        [platforms.tiktok]
        secrets = ["s"]
        [platforms.tiktok.accounts.shop]
        id = "open-77"
        """
    )
    (sent,) = rows(run("trigger", "tiktok", "comment.created", "--public", "--json"))
    assert sent["url"] == f"{receiver.url}/behind/a/proxy/in/tiktok"
    run("trigger", "tiktok", "comment.created", "--public", "--account", "shop")
    assert [request.path for request in receiver.requests] == [
        "/behind/a/proxy/in/tiktok",
        "/behind/a/proxy/in/tiktok/shop",
    ]


def test_every_sample_is_another(run: Run, receiver: Receiver) -> None:
    result = run("trigger", "generic", "comment.created", "--count", "3", "--secret", "s", "--url", receiver.url)
    assert len(result.stdout.splitlines()) == 3
    assert len({request.body for request in receiver.requests}) == 3


def test_what_is_not_accepted_is_a_failure(run: Run, receiver: Receiver) -> None:
    receiver.status = 401
    result = run("trigger", "generic", "comment.created", "--secret", "s", "--url", receiver.url)
    assert result.exit_code == 1
    assert "401" in result.stdout
    assert "1 of 1 were not accepted" in result.stderr


def test_lists_what_there_is_to_send(run: Run) -> None:
    found = rows(run("trigger", "x", "--list", "--json"))
    names = [sample.label for sample in find_platform("x").samples(NOW, 1)]
    assert [row["sample"] for row in found] == names
    assert names[0] in run("trigger", "x", "--list").stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["myspace", "comment.created"], 1, "no platform is called 'myspace'"),
        (["x"], 2, "name an EVENT"),
        (
            ["x", "nonsense", "--secret", "s"],
            2,
            "twitter sends no 'nonsense'; see `moderation-ai trigger twitter --list`",
        ),
        (["x", "post.creat", "--secret", "s"], 2, "did you mean post.create"),
        (["reddit", "commentsubmit", "--secret", "s"], 2, "did you mean CommentSubmit"),
        (["x", "post.created", "--secret", "s", "--account", "shop"], 3, "no account of twitter is called 'shop'"),
        (["x", "post.created", "--secret", "s", "--public"], 3, "set MODERATION_AI_SERVER__PUBLIC_URL"),
        (["x", "post.created", "--public", "--url", "http://127.0.0.1:1/"], 2, "give one of them"),
        (["x", "post.created"], 3, "there is no secret of twitter to sign with"),
        (["x", "post.created", "--secret", "s", "--url", "ftp://127.0.0.1/"], 1, "is no address"),
        (["x", "post.created", "--secret", "s", "--url", "http://127.0.0.1:99999/"], 1, "is no address"),
        (["x", "post.created", "--secret", "s", "--url", "127.0.0.1:8080"], 1, "is no address"),
        (["x", "post.created", "--secret", "s", "--url", "http://127.0.0.1:1/"], 1, "nobody listens at"),
        (["x", "post.created", "--count", "0"], 2, "--count"),
    ],
)
def test_what_cannot_be_sent_is_one_clear_line(run: Run, args: list[str], code: int, said: str) -> None:
    result = run("trigger", *args)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_server_that_hangs_up_is_one_clear_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        hanging_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hanging_up.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        result = run("trigger", "generic", "comment.created", "--secret", "s", "--url", url)
        hanging_up.join()
    assert result.exit_code == 1
    assert f"{url} cannot be reached: " in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_was_answered_before_the_server_went_away_is_told(
    run: Run, receiver: Receiver, options: list[str]
) -> None:
    receiver.serves = 2
    result = run(
        "trigger", "generic", "comment.created", "--count", "3", "--secret", "s", "--url", receiver.url, *options
    )
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert [line for line in result.stdout.splitlines() if "200" in line] == result.stdout.splitlines()
    assert len(result.stdout.splitlines()) == 2


def test_a_list_shows_who_signs_only_where_there_are_several(run: Run) -> None:
    assert run("trigger", "instagram", "--list").stdout.splitlines()[0].split() == ["EVENT", "BECOMES"]
    assert run("trigger", "youtube", "--list").stdout.splitlines()[0].endswith("SIGNED BY")
    assert {row["scheme"] for row in rows(run("trigger", "youtube", "--list", "--json"))} > {"websub", "pubsub"}


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "push.pem"
    file.write_text(pem_of(private_keys()[0]))
    return file


PUBSUB = '[platforms.youtube.pubsub]\naudience = "us"\nservice_account = "p@x.example"\n'


def test_plays_pubsub_with_a_key_and_prints_the_set_that_vouches_for_it(
    run: Run, receiver: Receiver, pem: Path
) -> None:
    Path("moderation-ai.toml").write_text(PUBSUB)
    result = run("trigger", "youtube", "comment.insert", "--key", str(pem), "--url", receiver.url)
    assert result.exit_code == 0, result.stderr
    keys = read_keys(run("trigger", "youtube", "--jwks", "--key", str(pem)).stdout.encode())
    live = Credential(pubsub=Pubsub(audience="us", service_account="p@x.example", keys=keys))
    (request,) = receiver.requests
    youtube = find_platform("youtube")
    assert youtube.verify(request, live) == PUSH_TOKEN
    assert [fact.event_type for fact in youtube.parse(request).facts] == ["comment.created"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["youtube", "comment.insert", "--key", "push.pem"], 3, "MODERATION_AI_PLATFORMS__YOUTUBE__PUBSUB__AUDIENCE"),
        (["youtube", "comment.insert", "--key", "nothing.pem"], 2, "holds no private RSA key"),
        (["youtube", "comment.insert", "--key", "missing.pem"], 2, "does not exist"),
        (["youtube", "--jwks"], 2, "--jwks needs --key"),
    ],
)
def test_what_a_key_cannot_do_is_one_clear_line(run: Run, pem: Path, args: list[str], code: int, said: str) -> None:
    Path("push.pem").write_text(pem.read_text())
    Path("nothing.pem").write_text("no key")
    result = run("trigger", *args)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_pubsub_brings_nothing_to_other_platforms(run: Run, receiver: Receiver, pem: Path) -> None:
    Path("moderation-ai.toml").write_text(PUBSUB.replace("youtube", "medium"))
    result = run("trigger", "medium", "entry", "--key", str(pem), "--url", receiver.url)
    assert result.exit_code == 2
    assert "medium sends nothing by Pub/Sub" in result.stderr


@pytest.mark.parametrize(
    ("name", "event", "types"),
    [
        ("youtube", "entry", ["post.created"]),
        ("youtube", "post.updated", ["post.created", "post.created"]),
        ("youtube", "deleted-entry", ["post.deleted"]),
        ("youtube", "comment.delete", ["comment.deleted"]),
        ("medium", "post.updated", ["post.created"]),
        ("medium", "ping", []),
    ],
)
def test_plays_a_hub(run: Run, receiver: Receiver, name: str, event: str, types: list[str]) -> None:
    assert run("trigger", name, event, "--secret", "s3cret", "--url", receiver.url).exit_code == 0
    (request,) = receiver.requests
    platform = find_platform(name)
    assert platform.verify(request, Credential(secrets=("s3cret",))) == 0
    assert [fact.event_type for fact in platform.parse(request).facts] == types
